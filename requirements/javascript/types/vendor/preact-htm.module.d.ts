// What the vendored module of htm and Preact exports, as their own packages type it.
import type { VNode } from "preact";

export * from "preact";
export * from "preact/hooks";
export const html: (strings: TemplateStringsArray, ...values: any[]) => VNode;

// What a page is about.
import { html } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";

/** @param {{title: string, above?: {path: string, label: string}, children?: unknown}} properties */
export function PageHead({ title, above, children }) {
  return html`<div class="page-head">
    <div>
      ${above && html`<a class="above" href=${addressOf(above.path)}>‹ ${above.label}</a>`}
      <h1 class="name">${title}</h1>
    </div>
    ${children}
  </div>`;
}

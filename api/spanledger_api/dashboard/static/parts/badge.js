// Where something stands, in a word and a colour.
import { named } from "../i18n.js";
import { html } from "../vendor/preact-htm.module.js";

const MOODS = {
  failed: "bad",
  critical: "bad",
  exceeded: "bad",
  high: "bad",
  open: "bad",
  warning: "warn",
  medium: "warn",
  running: "accent",
  acknowledged: "accent",
  ok: "good",
  completed: "good",
  success: "good",
  resolved: "good",
  delivered: "good",
};

export function Badge({ value, group = "status" }) {
  return html`<span class="badge ${MOODS[value] ?? ""}">${named(group, value)}</span>`;
}

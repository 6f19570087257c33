// The name of a group of records, as a link to what is known of it.
import { named, t } from "../i18n.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf, pathOf } from "../view.js";

export const REST = "(other)";
const PAGES = { user: "users", service: "services", operation: "prompts", task_type: "tasks" };

/** A dimension's value in words. */
export function labelOf(group, value) {
  if (value === REST) return t("group.rest");
  if (value === "" || value === null) return t(`without.${group}`);
  return group === "status" || group === "source" ? named(group, value) : value;
}

export function GroupName({ group, value }) {
  const page = PAGES[group];
  const label = labelOf(group, value);
  if (!page || !value || value === REST) return html`<span class="label" title=${label}>${label}</span>`;
  return html`<a class="label" title=${label} href=${addressOf(pathOf(page, value))}>${label}</a>`;
}

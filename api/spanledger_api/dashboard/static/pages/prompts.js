// Which prompt is the most expensive, and which the slowest.
import { t } from "../i18n.js";
import { GroupTable } from "../panels/group-table.js";
import { html } from "../vendor/preact-htm.module.js";
import { Listing, Subject } from "./subject.js";

const KIND = { group: "operation", path: "/api/analytics/cost/prompts", name: "operation" };

export function Page({ view }) {
  return view.name
    ? html`<${Subject} view=${view} filter="operation" group="user" />`
    : html`<${Listing} view=${view} kind=${KIND} table=${GroupTable} title=${t("panel.prompts")} />`;
}

// Which service is paid how much.
import { t } from "../i18n.js";
import { GroupTable } from "../panels/group-table.js";
import { html } from "../vendor/preact-htm.module.js";
import { Listing, Subject } from "./subject.js";

const KIND = { group: "service", path: "/api/analytics/cost/services", name: "service" };

export function Page({ view }) {
  return view.name
    ? html`<${Subject} view=${view} filter="service" group="operation" />`
    : html`<${Listing} view=${view} kind=${KIND} table=${GroupTable} title=${t("panel.services")} />`;
}

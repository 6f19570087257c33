// Who costs what.
import { t } from "../i18n.js";
import { GroupTable } from "../panels/group-table.js";
import { html } from "../vendor/preact-htm.module.js";
import { Listing, Subject } from "./subject.js";

const KIND = { group: "user", path: "/api/analytics/cost/users", name: "user_id", parameters: { topN: 1000 } };

export function Page({ view }) {
  return view.name
    ? html`<${Subject} view=${view} filter="userId" group="service" />`
    : html`<${Listing} view=${view} kind=${KIND} table=${GroupTable} title=${t("panel.users")} />`;
}

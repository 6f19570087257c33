// What one unit of the business costs.
import { quantity } from "../format.js";
import { named, t } from "../i18n.js";
import { UnitMoney } from "../parts/amount.js";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

const SHOWN = 9;
const ORDER = ["execution", "user", "video_minute", "audio_minute", "GB", "1k_tokens"];

export function UnitCosts({ view, span = "span-4" }) {
  const address = useReport("/api/analytics/cost/unit-economics");
  const resource = useResource(address);
  const columns = [
    {
      key: "unit",
      label: t("column.unit"),
      cell: (row) =>
        html`<span title=${`${t("column.units")}: ${quantity(row.units)}`}>${named("unit", row.unit)} <span class="muted">${row.label}</span></span>`,
    },
    {
      key: "cost",
      label: t("column.unit_cost"),
      isNumber: true,
      cell: (row) => html`<${UnitMoney} value=${row.unit_cost} currency=${view.currency} />`,
    },
  ];
  return html`<${Panel} title=${t("panel.unit_costs")} span=${span} address=${address}>
    <${Answered} resource=${resource} lines=${SHOWN}>
      ${(rows) => html`<${DataTable} caption=${t("panel.unit_costs")} columns=${columns}
        rows=${[...rows].sort((one, other) => ORDER.indexOf(one.unit) - ORDER.indexOf(other.unit)).slice(0, SHOWN)} />`}
    <//>
  <//>`;
}

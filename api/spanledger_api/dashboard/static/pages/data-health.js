// How far the figures can be trusted, and what keeps them from being exact.
import { number, quantity } from "../format.js";
import { t } from "../i18n.js";
import { Coverage } from "../panels/coverage.js";
import { Money } from "../parts/amount.js";
import { DataTable } from "../parts/data-table.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

export function Page({ view }) {
  return html`
    <${PageHead} title=${t("nav.data-health")} />
    <div class="grid">
      <${Coverage} view=${view} span="span-12" />
      <${Gaps} view=${view} path="/api/analytics/cost/unpriced" title=${t("panel.unpriced")} />
      <${Gaps} view=${view} path="/api/analytics/cost/fallback" title=${t("panel.fallback")} />
    </div>
  `;
}

function Gaps({ view, path, title }) {
  const address = useReport(path);
  const resource = useResource(address);
  return html`<${Panel} title=${title} span="span-6" address=${address}>
    <${Answered} resource=${resource} nothing=${html`<span class="good">✓</span> ${t("health.all_priced")}`}>
      ${(rows) =>
        html`<${DataTable} caption=${title} rows=${rows} columns=${[
          {
            key: "what",
            label: t("group.service"),
            cell: (row) => html`${row.service} <span class="muted">${row.model}</span>`,
          },
          { key: "reason", isLong: true, label: t("column.reason"), cell: (row) => row.reason },
          {
            key: "quantity",
            label: t("column.quantity"),
            isNumber: true,
            cell: (row) => html`${quantity(row.quantity)} ${row.unit}`,
          },
          { key: "calls", label: t("column.calls"), isNumber: true, cell: (row) => number(row.operations_count) },
          {
            key: "cost",
            label: t("column.cost"),
            isNumber: true,
            cell: (row) => html`<${Money} value=${row.total_cost} currency=${view.currency} />`,
          },
        ]} />`}
    <//>
  <//>`;
}

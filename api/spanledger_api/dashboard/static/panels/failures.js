// What was paid for calls and executions that failed, by error.
import { number, percent } from "../format.js";
import { t } from "../i18n.js";
import { Money } from "../parts/amount.js";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

export function Failures({ view, span = "span-6" }) {
  const address = useReport("/api/analytics/cost/failures", { limit: 20 });
  const resource = useResource(address);
  const columns = [
    { key: "error", label: t("column.error"), cell: (row) => row.error_type },
    {
      key: "scope",
      label: t("column.scope"),
      cell: (row) => html`${number(row.failures_count)} ${t(`failures.${row.scope}`)}`,
    },
    {
      key: "cost",
      label: t("column.cost"),
      isNumber: true,
      cell: (row) => html`<${Money} value=${row.total_cost} currency=${view.currency} />`,
    },
    { key: "share", label: t("column.share"), isNumber: true, cell: (row) => percent(row.share, 2) },
  ];
  return html`<${Panel} title=${t("panel.failures")} span=${span} address=${address}>
    <${Answered} resource=${resource} lines=${3}>
      ${(rows) => html`<${DataTable} caption=${t("panel.failures")} rows=${rows} columns=${columns} />`}
    <//>
  <//>`;
}

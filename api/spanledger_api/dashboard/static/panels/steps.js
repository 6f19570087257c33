// Which step a task waits for, and what each costs.
import { duration, number, percent } from "../format.js";
import { t } from "../i18n.js";
import { Money, UnitMoney } from "../parts/amount.js";
import { BarList } from "../parts/bar-list.js";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

/** Steps by mean duration: the first one is the bottleneck. */
export function Bottleneck({ span = "span-8" }) {
  const address = useReport("/api/analytics/performance/bottleneck");
  const resource = useResource(address);
  const columns = [
    { key: "step", label: t("group.step"), cell: (row) => row.step_name },
    { key: "avg", label: t("column.avg_duration"), isNumber: true, cell: (row) => duration(row.avg_duration) },
    { key: "p95", label: "p95", isNumber: true, cell: (row) => duration(row.p95_duration) },
    { key: "max", label: t("column.max"), isNumber: true, cell: (row) => duration(row.max_duration) },
    { key: "count", label: t("column.runs"), isNumber: true, cell: (row) => number(row.count) },
  ];
  return html`<${Panel} title=${t("panel.bottleneck")} span=${span} address=${address}>
    <${Answered} resource=${resource}>
      ${(rows) => html`<${DataTable} caption=${t("panel.bottleneck")} rows=${rows} columns=${columns} />`}
    <//>
  <//>`;
}

/** How much of a task's time each step covers. */
export function CriticalPath({ span = "span-4" }) {
  const address = useReport("/api/analytics/performance/critical-path");
  const resource = useResource(address);
  return html`<${Panel} title=${t("panel.critical_path")} span=${span} address=${address}>
    <${Answered} resource=${resource}>
      ${(rows) =>
        html`<${BarList} items=${rows.map((row) => ({
          key: `${row.task_type}/${row.step_name}`,
          label: row.step_name,
          value: percent(row.share),
          share: Number(row.share),
          detail: `${t("column.alone")}: ${percent(row.alone_share)}`,
        }))} />`}
    <//>
  <//>`;
}

/** What each step costs, and per second. */
export function StepCosts({ view, span = "span-12" }) {
  const address = useReport("/api/analytics/performance/cost-latency");
  const resource = useResource(address);
  const columns = [
    {
      key: "step",
      label: t("group.step"),
      cell: (row) => html`${row.step_name} <span class="muted">${row.task_type}</span>`,
    },
    {
      key: "cost",
      label: t("column.cost"),
      isNumber: true,
      cell: (row) => html`<${Money} value=${row.total_cost} currency=${view.currency} />`,
    },
    {
      key: "mean",
      label: t("column.avg_cost"),
      isNumber: true,
      cell: (row) => html`<${UnitMoney} value=${row.avg_cost} currency=${view.currency} />`,
    },
    {
      key: "second",
      label: t("column.cost_per_second"),
      isNumber: true,
      cell: (row) => html`<${UnitMoney} value=${row.cost_per_second} currency=${view.currency} />`,
    },
    { key: "avg", label: t("column.avg_duration"), isNumber: true, cell: (row) => duration(row.avg_duration) },
    { key: "p95", label: "p95", isNumber: true, cell: (row) => duration(row.p95_duration) },
    { key: "count", label: t("column.runs"), isNumber: true, cell: (row) => number(row.count) },
  ];
  return html`<${Panel} title=${t("panel.steps")} span=${span} address=${address}>
    <${Answered} resource=${resource} nothing=${t("tasks.none")}>
      ${(rows) => html`<${DataTable} caption=${t("panel.steps")} rows=${rows} columns=${columns} />`}
    <//>
  <//>`;
}

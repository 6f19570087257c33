// How long steps and services take.
import { duration, number, percent } from "../format.js";
import { t } from "../i18n.js";
import { DataTable } from "../parts/data-table.js";
import { GroupName } from "../parts/group-name.js";
import { Panel } from "../parts/panel.js";
import { Segments } from "../parts/segments.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf, change, pathOf } from "../view.js";

const SHOWN = 8;
const WAYS = ["step", "service", "operation"];

/** Filters by what only paid calls have; steps have none of it. */
const OF_CALLS = ["service", "operation", "model", "prompt", "source"];

export function Latency({ view, span = "span-8", shown = SHOWN }) {
  const asked = view.query.get("by") ?? "";
  const usual = OF_CALLS.some((name) => name in view.filters) ? "operation" : "step";
  const by = WAYS.includes(asked) ? asked : usual;
  const address = useReport("/api/analytics/performance/latency", { by });
  const resource = useResource(address);
  const actions = html`<${Segments} label=${t("latency.by")} value=${by} onChoose=${(way) => change({ by: way === usual ? null : way })}
    options=${WAYS.map((value) => ({ value, label: t(`group.${value}`) }))} />`;
  return html`<${Panel} title=${t("panel.latency")} span=${span} address=${address} actions=${actions}>
    <${Answered} resource=${resource} lines=${shown}>
      ${(rows) => html`<${DataTable} caption=${t("panel.latency")} rows=${rows.slice(0, shown)} columns=${columnsOf(by)} />`}
    <//>
  <//>`;
}

function columnsOf(by) {
  const time = (key, label) => ({ key, label, isNumber: true, cell: (row) => duration(row[key]) });
  return [
    { key: "name", label: t(`group.${by}`), cell: (row) => nameOf(by, row) },
    time("p50_duration", "p50"),
    time("p95_duration", "p95"),
    time("p99_duration", "p99"),
    { key: "count", label: t("column.runs"), isNumber: true, cell: (row) => number(row.count) },
    {
      key: "failed",
      label: t("column.failed"),
      isNumber: true,
      cell: (row) =>
        html`<span class=${row.failed_count ? "bad" : "muted"}>${percent(row.count ? row.failed_count / row.count : 0)}</span>`,
    },
  ];
}

function nameOf(by, row) {
  if (by === "step")
    return html`${row.step_name} <a class="muted" href=${addressOf(pathOf("tasks", row.task_type))}>${row.task_type}</a>`;
  return html`<${GroupName} group=${by} value=${row[by]} />`;
}

// One execution: what it cost, how long it took and where.
import { duration, exactTime, number, quantity, time } from "../format.js";
import { named, t } from "../i18n.js";
import { Money } from "../parts/amount.js";
import { Badge } from "../parts/badge.js";
import { DataTable } from "../parts/data-table.js";
import { GroupName } from "../parts/group-name.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Failure, Nothing, Waiting } from "../parts/states.js";
import { Waterfall } from "../parts/waterfall.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

export function ExecutionDetail({ view }) {
  const path = `/api/executions/${encodeURIComponent(view.name)}`;
  const execution = useResource(path);
  return html`
    <${PageHead} title=${view.name} above=${{ path: "/executions", label: t("nav.executions") }} />
    ${
      execution.error
        ? html`<${Missing} resource=${execution} />`
        : execution.rows === null
          ? html`<${Waiting} />`
          : html`<${Found} execution=${execution.rows} path=${path} view=${view} />`
    }
  `;
}

function Missing({ resource }) {
  if (resource.error.status === 404) return html`<${Nothing}>${t("executions.not_found")}<//>`;
  return html`<${Failure} error=${resource.error} retry=${resource.retry} />`;
}

function Found({ execution, path, view }) {
  const spans = useResource(`${path}/spans`);
  return html`
    <${Facts} execution=${execution} zone=${view.zone} />
    ${execution.error_message && html`<p class="notice bad">${execution.error_message}</p>`}
    <${Panel} title=${t("panel.waterfall")} address=${spans.error ? undefined : spans.address}>
      ${
        spans.error
          ? html`<${Nothing}>${t("executions.spans_gone")}<//>`
          : spans.rows === null
            ? html`<div class="skeleton block"></div>`
            : html`<${Waterfall} spans=${spans.rows} />`
      }
    <//>
    <${Panel} title=${t("panel.cost_records")}>
      <${Records} rows=${execution.cost_records} zone=${view.zone} />
    <//>
  `;
}

function Facts({ execution, zone }) {
  const { started_at: started, completed_at: completed } = execution;
  const fact = (label, value, title) => html`<div><dt>${label}</dt><dd title=${title}>${value}</dd></div>`;
  return html`<section class="panel" aria-label=${t("panel.executions")}>
    <dl class="facts">
      ${fact(t("executions.cost"), html`<${Money} value=${execution.total_cost} />`)}
      ${fact(t("executions.duration"), completed ? duration(Date.parse(completed) - Date.parse(started)) : "–")}
      ${fact(t("group.status"), html`<${Badge} value=${execution.status ?? "unknown"} />`)}
      ${fact(t("executions.ai_calls"), number(execution.ai_calls_count))}
      ${fact(t("executions.user"), html`<${GroupName} group="user" value=${execution.user_id ?? ""} />`)}
      ${fact(t("executions.task"), html`<${GroupName} group="task_type" value=${execution.task_type ?? ""} />`)}
      ${fact(t("executions.started"), started ? time(started, zone) : "–", started ? exactTime(started, zone) : "")}
    </dl>
  </section>`;
}

function Records({ rows, zone }) {
  if (!rows.length) return html`<${Nothing} />`;
  return html`<${DataTable} caption=${t("panel.cost_records")} rows=${rows} keyOf=${(row) => row.record_id} columns=${[
    {
      key: "operation",
      label: t("group.operation"),
      cell: (row) => html`<${GroupName} group="operation" value=${row.operation ?? ""} />`,
    },
    {
      key: "service",
      label: t("group.service"),
      cell: (row) => html`<${GroupName} group="service" value=${row.service} />`,
    },
    {
      key: "quantity",
      label: t("column.quantity"),
      isNumber: true,
      cell: (row) =>
        html`<span title=${`${row.quantity} ${row.unit ?? ""}`}>${quantity(row.quantity)} ${row.unit}</span>`,
    },
    {
      key: "cost",
      label: t("column.cost"),
      isNumber: true,
      cell: (row) => html`<${Money} value=${row.total_cost} currency=${row.currency} />`,
    },
    {
      key: "source",
      label: t("group.source"),
      cell: (row) => html`<span title=${row.price_id ?? row.reason ?? ""}>${named("source", row.source)}</span>`,
    },
    { key: "duration", label: t("column.duration"), isNumber: true, cell: (row) => duration(row.duration) },
    { key: "started", label: t("column.started"), isNumber: true, cell: (row) => time(row.started_at, zone) },
  ]} />`;
}

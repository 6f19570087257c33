// Executions as rows.
import { duration, time } from "../format.js";
import { t } from "../i18n.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf, pathOf } from "../view.js";
import { Money } from "./amount.js";
import { Badge } from "./badge.js";
import { DataTable } from "./data-table.js";
import { GroupName } from "./group-name.js";

export function ExecutionTable({ rows, zone, caption }) {
  return html`<${DataTable} caption=${caption} rows=${rows} keyOf=${(row) => row.execution_id} columns=${[
    {
      key: "id",
      label: t("column.execution"),
      cell: (row) =>
        html`<a class="mono" href=${addressOf(pathOf("executions", row.execution_id))}>${row.execution_id}</a>`,
    },
    {
      key: "task",
      label: t("group.task_type"),
      cell: (row) => html`<${GroupName} group="task_type" value=${row.task_type ?? ""} />`,
    },
    {
      key: "user",
      label: t("group.user"),
      cell: (row) => html`<${GroupName} group="user" value=${row.user_id ?? ""} />`,
    },
    {
      key: "status",
      label: t("group.status"),
      cell: (row) => html`<span title=${row.error_message ?? ""}><${Badge} value=${row.status} /></span>`,
    },
    { key: "cost", label: t("column.cost"), isNumber: true, cell: (row) => html`<${Money} value=${row.total_cost} />` },
    { key: "duration", label: t("column.duration"), isNumber: true, cell: (row) => duration(row.duration) },
    { key: "started", label: t("column.started"), isNumber: true, cell: (row) => time(row.started_at, zone) },
  ]} />`;
}

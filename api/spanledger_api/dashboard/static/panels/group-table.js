// Everything of one kind by cost, with its change against the time before.
import { duration, number, percent } from "../format.js";
import { exactSum } from "../decimal.js";
import { t } from "../i18n.js";
import { Change, Money, UnitMoney } from "../parts/amount.js";
import { Track } from "../parts/bar-list.js";
import { DataTable } from "../parts/data-table.js";
import { GroupName } from "../parts/group-name.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

const SHOWN = 200;

/**
 * @typedef {object} Kind
 * @property {string} group the dimension
 * @property {string} path the report
 * @property {string} name the report's column that names a row
 * @property {Record<string, unknown>} [parameters] of the report
 * @param {{view: import("../view.js").View, title: string, kind: Kind}} properties
 */
export function GroupTable({ view, title, kind }) {
  const address = useReport(kind.path, kind.parameters);
  const resource = useResource(address);
  const movers = useResource(useReport("/api/analytics/cost/movers", { groupBy: kind.group, limit: 1000 }));
  return html`<${Panel} title=${title} span="span-12" address=${address}>
    <${Answered} resource=${resource} lines=${8} nothing=${t("state.nothing_matches")}>
      ${(rows) => html`<${DataTable} caption=${title} columns=${columnsOf(view, kind, rows, movers.rows ?? [])} rows=${rows.slice(0, SHOWN)} />`}
    <//>
  <//>`;
}

function columnsOf(view, kind, rows, movers) {
  const whole = Number(exactSum(rows.map((row) => row.total_cost)));
  const most = Math.max(...rows.map((row) => Number(row.total_cost)), 1e-12);
  const changes = new Map(movers.map((row) => [row.name, row]));
  const callsOf = (row) => row.operations_count ?? row.calls_count;
  const columns = [
    {
      key: "name",
      label: t(`group.${kind.group}`),
      cell: (row) => html`<${GroupName} group=${kind.group} value=${row[kind.name] ?? ""} />`,
    },
    {
      key: "cost",
      label: t("column.cost"),
      isNumber: true,
      cell: (row) => html`<${Money} value=${row.total_cost} currency=${view.currency} />`,
    },
    {
      key: "share",
      label: t("column.share"),
      isNumber: true,
      cell: (row) =>
        html`<div class="share-cell"><${Track} share=${Number(row.total_cost) / most} /><span>${percent(whole ? Number(row.total_cost) / whole : 0)}</span></div>`,
    },
    {
      key: "change",
      label: t("column.change"),
      isNumber: true,
      cell: (row) => {
        const mover = changes.get(row[kind.name] ?? "");
        return mover
          ? html`<${Change} value=${mover.change} percent=${mover.change_percent} state=${mover.state} currency=${view.currency} />`
          : "";
      },
    },
    { key: "calls", label: t("column.calls"), isNumber: true, cell: (row) => number(callsOf(row)) },
    {
      key: "mean",
      label: t("column.avg_cost"),
      isNumber: true,
      cell: (row) =>
        html`<${UnitMoney} value=${row.avg_cost ?? (callsOf(row) ? Number(row.total_cost) / callsOf(row) : 0)} currency=${view.currency} />`,
    },
  ];
  if (rows[0]?.avg_duration !== undefined) {
    columns.push({
      key: "duration",
      label: t("column.avg_duration"),
      isNumber: true,
      cell: (row) => duration(row.avg_duration),
    });
  }
  return columns;
}

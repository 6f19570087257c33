// What went beyond its bounds, who was told, and what is watched.
import { send } from "../api.js";
import { time } from "../format.js";
import { named, t } from "../i18n.js";
import { refresh } from "../live.js";
import { Mutes } from "../panels/mutes.js";
import { Rules } from "../panels/rules.js";
import { Badge } from "../parts/badge.js";
import { DataTable } from "../parts/data-table.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Segments } from "../parts/segments.js";
import { Answered, Failure } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { addressOf, change, pathOf } from "../view.js";

const STATUSES = ["open", "acknowledged", "resolved"];

export function Page({ view }) {
  const status = view.query.get("alerts") ?? "";
  const resource = useResource(status ? `/api/alerts?status=${encodeURIComponent(status)}` : "/api/alerts");
  const [failure, setFailure] = useState(null);
  const [said, setSaid] = useState("");
  const acknowledge = (row) =>
    send("POST", `/api/alerts/${encodeURIComponent(row.alert_id)}/acknowledge`).then(refresh, setFailure);
  const test = () =>
    send("POST", "/api/alerts/test").then(
      (told) => setSaid(told?.length ? t("alerts.tested") : t("alerts.no_channels")),
      setFailure,
    );
  const actions = html`
    <${Segments} label=${t("alerts.status")} value=${status} onChoose=${(value) => change({ alerts: value || null })}
      options=${["", ...STATUSES].map((value) => ({ value, label: value ? t(`status.${value}`) : t("alerts.any") }))} />
    <button onClick=${test}>${t("alerts.test")}</button>
  `;
  return html`
    <${PageHead} title=${t("nav.alerts")}><p role="status">${said}</p><//>
    ${failure && html`<${Failure} error=${failure} />`}
    <${Panel} title=${t("panel.alert_list")} actions=${actions}>
      <${Answered} resource=${resource} nothing=${t("alerts.nothing")}>
        ${(rows) => html`<${DataTable} caption=${t("panel.alert_list")} rows=${rows} keyOf=${(row) => row.alert_id} columns=${columnsOf(view, acknowledge)} />`}
      <//>
    <//>
    <${Rules} />
    <${Mutes} zone=${view.zone} />
  `;
}

function columnsOf(view, acknowledge) {
  return [
    {
      key: "message",
      label: t("column.message"),
      cell: (row) =>
        html`${row.message} ${row.execution_id && html`<a class="mono" href=${addressOf(pathOf("executions", row.execution_id))}>${row.execution_id}</a>`}`,
    },
    {
      key: "severity",
      label: t("column.severity"),
      cell: (row) => html`<${Badge} value=${row.severity} group="severity" />`,
    },
    { key: "rule", label: t("alerts.mute_rule"), cell: (row) => row.rule_name ?? row.rule_id },
    { key: "time", label: t("column.time"), isNumber: true, cell: (row) => time(row.occurred_at, view.zone) },
    { key: "deliveries", isLong: true, label: t("column.deliveries"), cell: deliveries },
    {
      key: "status",
      label: t("column.status"),
      cell: (
        row,
      ) => html`<span title=${row.acknowledged_by ? t("alerts.by", { who: row.acknowledged_by }) : ""}><${Badge} value=${row.status} /></span>
        ${row.status === "open" && html` <button class="small" onClick=${() => acknowledge(row)}>${t("alerts.acknowledge")}</button>`}`,
    },
  ];
}

function deliveries(row) {
  if (!row.deliveries?.length) return html`<span class="muted">–</span>`;
  return row.deliveries.map(
    (each) =>
      html`<span key=${each.channel} class="badge ${each.error ? "bad" : "good"}" title=${each.error ?? named("status", each.status)}>${each.channel}</span> `,
  );
}

// What went beyond its bounds and nobody has looked at yet.
import { time } from "../format.js";
import { t } from "../i18n.js";
import { Badge } from "../parts/badge.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";

export const OPEN_ALERTS = "/api/alerts?status=open";
const ASKED_EVERY_MS = 15_000; // alerts come some time after the records that they are about
const GRAVE_FIRST = ["critical", "warning", "info"];

/** How many alerts are open, 0 until that is known. */
export function useReadyAlerts() {
  const { rows } = useResource(OPEN_ALERTS, ASKED_EVERY_MS);
  return Array.isArray(rows) ? rows.length : 0;
}

/** The gravest alert of each rule, the gravest first: 100 % of a budget says all that 80 % says. */
function gravest(rows) {
  const sorted = [...rows].sort(
    (one, other) => GRAVE_FIRST.indexOf(one.severity) - GRAVE_FIRST.indexOf(other.severity),
  );
  const rules = new Set();
  return sorted.filter((row) => !rules.has(row.rule_id) && rules.add(row.rule_id));
}

/** What an alert says of its subject, by the filter that asks for it. */
const SUBJECT = { service: "service", userId: "user_id", taskType: "task_type", operation: "operation" };

/** Alerts about what the page is narrowed to. */
function narrowed(rows, filters) {
  const asked = Object.keys(SUBJECT).filter((name) => name in filters);
  return rows.filter((row) => asked.every((name) => (row[SUBJECT[name]] ?? "") === filters[name]));
}

export function OpenAlerts({ view, shown = 3 }) {
  const everything = useResource(OPEN_ALERTS, ASKED_EVERY_MS);
  const resource = { ...everything, rows: everything.rows && narrowed(everything.rows, view.filters) };
  const actions = html`<a class="small" href=${addressOf("/alerts")}>${t("alerts.all")}</a>`;
  return html`<${Panel} title=${t("panel.alerts")} list="/api/alerts" actions=${actions}>
    <${Answered} resource=${resource} lines=${2} nothing=${html`<span class="good">✓</span> ${t("alerts.none")}`}>
      ${(rows) => {
        const first = gravest(rows).slice(0, shown);
        return html`<ul class="alerts">
            ${first.map(
              (row) => html`<li key=${row.alert_id}>
                <${Badge} value=${row.severity} group="severity" />
                <span class="message" title=${row.message}>${row.message}</span>
                <span class="muted">${time(row.occurred_at, view.zone)}</span>
              </li>`,
            )}
          </ul>
          ${rows.length > first.length && html`<p class="muted">${t("alerts.more", { count: rows.length - first.length })}</p>`}`;
      }}
    <//>
  <//>`;
}

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
const GRAVE_FIRST = ["critical", "warning", "info"];

/** How many alerts are open, 0 until that is known. */
export function useReadyAlerts() {
  const { rows } = useResource(OPEN_ALERTS);
  return Array.isArray(rows) ? rows.length : 0;
}

export function OpenAlerts({ view, shown = 4 }) {
  const resource = useResource(OPEN_ALERTS);
  const actions = html`<a class="small" href=${addressOf("/alerts")}>${t("alerts.all")}</a>`;
  return html`<${Panel} title=${t("panel.alerts")} actions=${actions}>
    <${Answered} resource=${resource} lines=${2} nothing=${html`<span class="good">✓</span> ${t("alerts.none")}`}>
      ${(rows) => html`<ul class="alerts">
        ${[...rows]
          .sort((one, other) => GRAVE_FIRST.indexOf(one.severity) - GRAVE_FIRST.indexOf(other.severity))
          .slice(0, shown)
          .map(
            (row) => html`<li key=${row.alert_id}>
              <${Badge} value=${row.severity} group="severity" />
              <span>${row.message}</span>
              <span class="muted">${time(row.occurred_at, view.zone)}</span>
            </li>`,
          )}
      </ul>`}
    <//>
  <//>`;
}

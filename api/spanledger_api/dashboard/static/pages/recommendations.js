// Advice on spending less, each with its numbers.
import { Problem, send } from "../api.js";
import { money, time } from "../format.js";
import { locale, named, t } from "../i18n.js";
import { refresh } from "../live.js";
import { Money } from "../parts/amount.js";
import { Badge } from "../parts/badge.js";
import { DataTable } from "../parts/data-table.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Answered, Failure } from "../parts/states.js";
import { reportOf } from "../question.js";
import { useResource } from "../resource.js";
import { useStore } from "../store.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { addressOf, change, pathOf } from "../view.js";

const PATH = "/api/analytics/recommendations";

export function Page({ view }) {
  const language = useStore(locale);
  const showsAll = view.query.get("dismissed") === "1";
  const [failure, setFailure] = useState(/** @type {Problem | null} */ (null));
  const address = reportOf(PATH, { ...view, filters: {} }, showsAll ? { includeDismissed: true } : {});
  const resource = useResource(address);
  const dismiss = (row) =>
    send(row.dismissed ? "DELETE" : "POST", `/api/recommendations/${row.id}/dismissal`).then(refresh, setFailure);
  const actions = html`<label class="small check"><input type="checkbox" checked=${showsAll} onChange=${() => change({ dismissed: showsAll ? null : "1" })} /> ${t("advice.show_dismissed")}</label>`;
  return html`
    <${PageHead} title=${t("nav.recommendations")} />
    ${failure && html`<${Failure} error=${failure} />`}
    <${Panel} title=${t("panel.recommendations")} actions=${actions} key=${language}>
      <${Answered} resource=${resource} nothing=${t("advice.none")}>
        ${(rows) => html`<ul class="advice-list">${rows.map((row) => html`<${Advice} key=${row.id} row=${row} view=${view} onDismiss=${() => dismiss(row)} />`)}</ul>`}
      <//>
    <//>
  `;
}

/** A way to the example itself: its execution with all its spans. */
function executionOf({ execution_id: id }) {
  if (!id) return html`<span class="muted">–</span>`;
  return html`<a class="mono" href=${addressOf(pathOf("executions", id))}>${id}</a>`;
}

function Advice({ row, view, onDismiss }) {
  const saving =
    row.saving_low === null
      ? null
      : { low: money(row.saving_low, view.currency), high: money(row.saving_high, view.currency) };
  return html`<li class="advice">
    <div class="advice-row">
      <h3>${named("advice", row.type)}</h3>
      <${Badge} value=${row.priority} group="priority" />
      ${saving && html`<span class="badge good">${t(Number(row.saving_low) > 0 ? "advice.saving" : "advice.saving_up_to", saving)}</span>`}
      ${row.dismissed && html`<span class="badge">${t("advice.dismissed")}</span>`}
      <span class="spring"></span>
      <button class="small" onClick=${onDismiss}>${t(row.dismissed ? "advice.restore" : "advice.dismiss")}</button>
    </div>
    <p>${row.message}</p>
    ${
      row.evidence.length > 0 &&
      html`<details class="disclosure">
      <summary>${t("advice.evidence")}</summary>
      <${DataTable} caption=${t("advice.evidence")} rows=${row.evidence} columns=${[
        { key: "execution", label: t("column.execution"), cell: executionOf },
        { key: "trace", label: "trace_id", cell: (each) => html`<code>${each.trace_id}</code>` },
        {
          key: "cost",
          label: t("column.cost"),
          isNumber: true,
          cell: (each) => html`<${Money} value=${each.total_cost} currency=${view.currency} />`,
        },
        {
          key: "started",
          label: t("column.started"),
          isNumber: true,
          cell: (each) => time(each.started_at, view.zone),
        },
      ]} />
    </details>`
    }
  </li>`;
}

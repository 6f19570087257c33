// Executions in a list, or one of them with its spans.
import { t } from "../i18n.js";
import { ExecutionTable } from "../parts/execution-table.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Choice, Segments } from "../parts/segments.js";
import { Answered } from "../parts/states.js";
import { ExecutionDetail } from "../panels/execution-detail.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { change } from "../view.js";

const PAGE = 50;
const SORTS = ["started", "cost", "duration"];
const STATUSES = ["completed", "failed", "running"];

export function Page({ view }) {
  return view.name ? html`<${ExecutionDetail} view=${view} />` : html`<${ExecutionList} view=${view} />`;
}

function ExecutionList({ view }) {
  const asked = view.query.get("sort") ?? "";
  const sort = SORTS.includes(asked) ? asked : "started";
  const offset = Number(view.query.get("offset")) || 0;
  const status = STATUSES.includes(view.filters.status) ? view.filters.status : "";
  const address = useReport("/api/executions", { sort, limit: PAGE, offset });
  const resource = useResource(address);
  const actions = html`
    <${Choice} hidesLabel label=${t("group.status")} value=${status} onChoose=${(value) => change({ status: value || null, offset: null })}
      options=${[{ value: "", label: t("alerts.any") }, ...STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))]} />
    <${Segments} label=${t("executions.sort")} value=${sort} onChoose=${(value) => change({ sort: value, offset: null })}
      options=${SORTS.map((value) => ({ value, label: t(`executions.sort_${value}`) }))} />
  `;
  return html`
    <${PageHead} title=${t("nav.executions")} />
    <${Panel} title=${t("panel.executions")} address=${address} actions=${actions}>
      <${Answered} resource=${resource} lines=${12} nothing=${t("state.nothing_matches")}>
        ${(rows) => html`<${ExecutionTable} rows=${rows} zone=${view.zone} caption=${t("panel.executions")} />`}
      <//>
      <div class="pager">
        ${offset > 0 && html`<button onClick=${() => change({ offset: null })}>${t("executions.first")}</button>`}
        ${resource.answer?.next && html`<button onClick=${() => change({ offset: String(offset + PAGE) })}>${t("executions.next")}</button>`}
      </div>
    <//>
  `;
}

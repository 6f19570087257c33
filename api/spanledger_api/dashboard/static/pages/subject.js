// One user, service, prompt or task: the first screen's questions, about it alone.
import { t } from "../i18n.js";
import { Failures } from "../panels/failures.js";
import { Latency } from "../panels/latency.js";
import { Movers } from "../panels/movers.js";
import { SpendOverTime } from "../panels/spend-over-time.js";
import { Tiles } from "../panels/tiles.js";
import { TopExecutions } from "../panels/top-executions.js";
import { UnitCosts } from "../panels/unit-costs.js";
import { Usage } from "../panels/usage.js";
import { PageHead } from "../parts/page-head.js";
import { html } from "../vendor/preact-htm.module.js";
import { Narrowed } from "../view.js";

/**
 * The view narrowed to one subject, grouped by what is most telling there.
 * @param {import("../view.js").View} view
 * @param {string} filter
 * @param {string} group
 */
export function narrowed(view, filter, group) {
  return {
    ...view,
    filters: { ...view.filters, [filter]: view.name },
    group: view.query.has("group") ? view.group : group,
  };
}

/** @param {{view: import("../view.js").View, filter: string, group: string, children?: unknown}} properties */
export function Subject({ view, filter, group, children }) {
  const own = narrowed(view, filter, group);
  const hasExecutions = filter === "userId" || filter === "taskType";
  return html`<${Narrowed.Provider} value=${own}>
    <${PageHead} title=${view.name} above=${{ path: `/${view.page}`, label: t(`nav.${view.page}`) }} />
    <${Tiles} view=${own} />
    <div class="grid">
      <${SpendOverTime} view=${own} />
      <${Movers} view=${own} />
      ${children}
      ${hasExecutions && html`<${TopExecutions} view=${own} span="span-12" />`}
      <${UnitCosts} view=${own} />
      ${hasExecutions ? html`<${Latency} view=${own} />` : html`<${Failures} view=${own} span="span-8" />`}
      ${hasExecutions && html`<${Failures} view=${own} />`}
      <${Usage} view=${own} span=${hasExecutions ? "span-6" : "span-12"} />
    </div>
  <//>`;
}

/**
 * All of a kind, or one of them.
 * @param {{view: import("../view.js").View, kind: import("../panels/group-table.js").Kind, table: any, title: string,
 *   children?: unknown}} properties
 */
export function Listing({ view, kind, table: Table, title, children }) {
  const own = { ...view, group: kind.group };
  return html`<${Narrowed.Provider} value=${own}>
    <${PageHead} title=${t(`nav.${view.page}`)} />
    <div class="grid">
      <${SpendOverTime} view=${own} span="span-12" />
      <${Table} view=${own} title=${title} kind=${kind} />
      ${children}
    </div>
  <//>`;
}

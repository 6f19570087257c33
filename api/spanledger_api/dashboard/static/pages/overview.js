// The first screen: how last month's spend stands, in ten seconds.
import { Budgets } from "../panels/budgets.js";
import { Coverage } from "../panels/coverage.js";
import { Headline } from "../panels/headline.js";
import { Latency } from "../panels/latency.js";
import { Movers } from "../panels/movers.js";
import { OpenAlerts } from "../panels/open-alerts.js";
import { SpendOverTime } from "../panels/spend-over-time.js";
import { Tiles } from "../panels/tiles.js";
import { TopExecutions } from "../panels/top-executions.js";
import { UnitCosts } from "../panels/unit-costs.js";
import { Usage } from "../panels/usage.js";
import { WhenSeen } from "../sight.js";
import { html } from "../vendor/preact-htm.module.js";

export function Overview({ view }) {
  const panel = (kind) => html`<${WhenSeen}><${kind} view=${view} /><//>`;
  return html`
    <${Headline} view=${view} />
    <${Tiles} view=${view} />
    <div class="grid">
      <${SpendOverTime} view=${view} />
      <div class="span-4 column">${panel(Budgets)} ${panel(OpenAlerts)}</div>
      ${panel(Movers)} ${panel(TopExecutions)} ${panel(UnitCosts)} ${panel(Latency)} ${panel(Usage)} ${panel(Coverage)}
    </div>
  `;
}

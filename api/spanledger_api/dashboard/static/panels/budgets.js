// How far budgets are used up, the worst first.
import { time, money, percent } from "../format.js";
import { named, t } from "../i18n.js";
import { Badge } from "../parts/badge.js";
import { Money } from "../parts/amount.js";
import { Track } from "../parts/bar-list.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";

const worstFirst = (rows) => [...rows].sort((one, other) => Number(other.used_share) - Number(one.used_share));

export const scopeOf = (row) =>
  row.scope === "total" ? named("scope", "total") : `${named("scope", row.scope)}: ${row.scope_value}`;

export function Budgets({ view, shown = 4 }) {
  const resource = useResource("/api/budgets");
  const actions = html`<a class="small" href=${addressOf("/budgets")}>${t("budgets.edit")}</a>`;
  return html`<${Panel} title=${t("panel.budgets")} list="/api/budgets" actions=${actions}>
    <${Answered} resource=${resource} nothing=${html`${t("budgets.none")} <a href=${addressOf("/budgets")}>${t("budgets.add")}</a>`}>
      ${(rows) => html`<ul class="bars">
        ${worstFirst(rows)
          .slice(0, shown)
          .map((row) => html`<${BudgetBar} key=${row.budget_id} row=${row} zone=${view.zone} />`)}
      </ul>`}
    <//>
  <//>`;
}

export function BudgetBar({ row, zone }) {
  return html`<li>
    <span class="label" title=${scopeOf(row)}>${row.name || scopeOf(row)}</span>
    <span>${row.status !== "ok" && html`<${Badge} value=${row.status} group="budget" />`}</span>
    <span class="number">${percent(row.used_share, 0)}</span>
    <${Track} share=${Number(row.used_share)} mood=${row.status} />
    <span class="detail">
      <${Money} value=${row.spent} currency=${row.currency} /> / <${Money} value=${row.amount} currency=${row.currency} />${" · "}
      ${row.runs_out_at ? t("budgets.runs_out", { time: time(row.runs_out_at, zone) }) : row.forecast != null ? t("budgets.forecast", { amount: money(row.forecast, row.currency) }) : ""}
    </span>
  </li>`;
}

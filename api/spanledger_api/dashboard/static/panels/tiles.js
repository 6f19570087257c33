// The five figures that say how it stands.
import { exactMoney, money, month, number, percent } from "../format.js";
import { named, t } from "../i18n.js";
import { Change, Money } from "../parts/amount.js";
import { rangeOf } from "../range.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";
import { Failure } from "../parts/states.js";

function Tile({ title, resource, children }) {
  const body = resource.error
    ? html`<${Failure} error=${resource.error} retry=${resource.retry} />`
    : resource.rows === null
      ? html`<div class="skeleton figure-wait"></div><div class="skeleton line"></div>`
      : children(resource.rows);
  return html`<section class="tile" aria-label=${title}><h2>${title}</h2>${body}</section>`;
}

/** The figure of a tile, in letters as large as the tile has room for. */
function Figure({ text, children }) {
  return html`<p class="figure" style=${{ "--characters": text.length }}>${children ?? text}</p>`;
}

function Spent({ value, currency }) {
  return html`<${Figure} text=${money(value, currency)}><${Money} value=${value} currency=${currency} /><//>`;
}

export function Tiles({ view }) {
  return html`<div class="tiles">
    <${SpendTile} view=${view} />
    <${MonthTile} view=${view} />
    <${CallsTile} view=${view} />
    <${FailuresTile} view=${view} />
    <${CoverageTile} view=${view} />
  </div>`;
}

function SpendTile({ view }) {
  const { days } = rangeOf(view, Date.now());
  const resource = useResource(useReport("/api/analytics/cost/movers"));
  return html`<${Tile} title=${t("tile.spend")} resource=${resource}>
    ${([row]) => html`
      <${Spent} value=${row?.current_cost ?? 0} currency=${view.currency} />
      <p class="detail">
        ${row ? html`<${Change} value=${row.change} percent=${row.change_percent} state=${row.state} currency=${view.currency} /> ${t("tile.than_before", { days })}` : t("state.nothing")}
      </p>
    `}
  <//>`;
}

function MonthTile({ view }) {
  const resource = useResource(useReport("/api/analytics/cost/forecast"));
  return html`<${Tile} title=${t("tile.month")} resource=${resource}>
    ${([row]) => html`
      <${Spent} value=${row.month_to_date} currency=${view.currency} />
      <p class="detail" title=${exactMoney(row.forecast, view.currency)}>
        ${
          row.method === "no_history"
            ? named("method", row.method)
            : html`${t("tile.forecast", { month: month(`${row.month}T00:00:00Z`, "UTC") })}${" "}
              <strong>${money(row.forecast, view.currency)}</strong>`
        }
      </p>
      ${
        row.method !== "no_history" &&
        html`<p class="detail">
        ${money(row.low, view.currency)}–${money(row.high, view.currency)}, ${t(`method.${row.method}`, { days: row.observed_days })}
      </p>`
      }
    `}
  <//>`;
}

const byStatus = (rows) => Object.fromEntries(rows.map((row) => [row.status, row]));
const useStatuses = () => useResource(useReport("/api/analytics/cost/breakdown", { groupBy: "status" }));

function CallsTile() {
  const resource = useStatuses();
  return html`<${Tile} title=${t("tile.calls")} resource=${resource}>
    ${(rows) => {
      const { success, failed } = byStatus(rows);
      const bad = failed?.operations_count ?? 0;
      const all = bad + (success?.operations_count ?? 0);
      return html`<${Figure} text=${number(all)} />
        <p class="detail">
          <span class=${bad ? "bad" : ""}>${t("tile.failed", { count: number(bad), share: percent(all ? bad / all : 0) })}</span>
        </p>`;
    }}
  <//>`;
}

function FailuresTile({ view }) {
  const resource = useStatuses();
  return html`<${Tile} title=${t("tile.failures")} resource=${resource}>
    ${(rows) => {
      const { failed } = byStatus(rows);
      return html`<${Spent} value=${failed?.total_cost ?? 0} currency=${view.currency} />
        <p class="detail">${t("tile.of_spend", { share: percent(failed?.share ?? 0, 2) })}</p>`;
    }}
  <//>`;
}

function CoverageTile() {
  const resource = useResource(useReport("/api/health/data"));
  return html`<${Tile} title=${t("tile.unpriced")} resource=${resource}>
    ${(rows) => {
      const unpriced = percent(rows.unpriced_share);
      return html`<${Figure} text=${unpriced}>
          <a class="quiet" href=${addressOf("/data-health")}>${unpriced}</a>
        <//>
        <p class="detail">${t("tile.unattributed", { share: percent(rows.unattributed_share) })}</p>
        <p class="detail">${t("tile.fallback", { share: percent(rows.fallback_share) })}</p>`;
    }}
  <//>`;
}

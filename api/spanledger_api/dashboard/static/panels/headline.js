// The answer in one sentence.
import { fullDate, money, percent, signedMoney, signedPercent } from "../format.js";
import { t } from "../i18n.js";
import { labelOf } from "../parts/group-name.js";
import { rangeOf } from "../range.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

export function Headline({ view }) {
  const { days } = rangeOf(view, Date.now());
  const totals = useResource(useReport("/api/analytics/cost/movers")).rows;
  const movers = useResource(useReport("/api/analytics/cost/movers", { groupBy: view.group, limit: 100 })).rows;
  return html`<div class="page-head">
    <h1>${t("overview.title")} <span class="dates">${datesOf(view)}</span></h1>
    <p class="lead">${totals && movers ? html`<${Sentence} view=${view} days=${days} total=${totals[0]} movers=${movers} />` : html`<span aria-hidden="true">…</span>`}</p>
  </div>`;
}

function datesOf(view) {
  const { from, to } = rangeOf(view, Date.now());
  const last = (to ?? Date.now()) - 1;
  const first = fullDate(from, view.zone);
  return first === fullDate(last, view.zone) ? first : `${first} – ${fullDate(last, view.zone)}`;
}

function Sentence({ view, days, total, movers }) {
  const spent = Number(total?.current_cost ?? 0);
  if (!spent) return t("headline.nothing", { days });
  const largest = [...movers].sort((one, other) => Number(other.current_cost) - Number(one.current_cost))[0];
  const [mover] = movers;
  const change = total.change_percent === null ? t("headline.no_previous") : signedPercent(total.change_percent);
  return html`
    <strong>${t("headline.spent", { amount: money(total.current_cost, view.currency), days })}</strong>${" "}
    ${t("headline.change", { change })}${" "}
    ${largest && t("headline.largest", { name: labelOf(view.group, largest.name), share: percent(Number(largest.current_cost) / spent, 0) })}${" "}
    ${mover && Number(mover.change) !== 0 && t("headline.mover", { name: labelOf(view.group, mover.name), change: signedMoney(mover.change, view.currency) })}
  `;
}

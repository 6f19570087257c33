// How far the figures can be trusted.
import { ago, exactTime, number, percent } from "../format.js";
import { t } from "../i18n.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";

export function Coverage({ view, span = "span-6" }) {
  const address = useReport("/api/health/data");
  const resource = useResource(address);
  const actions =
    view.page !== "data-health" && html`<a class="small" href=${addressOf("/data-health")}>${t("coverage.more")}</a>`;
  return html`<${Panel} title=${t("panel.coverage")} sub=${t("foot.estimate")} span=${span} list=${address} actions=${actions}>
    <${Answered} resource=${resource}>${(health) => html`<${CoverageFacts} health=${health} zone=${view.zone} />`}<//>
  <//>`;
}

export function CoverageFacts({ health, zone }) {
  const fact = (name, value, detail, title) => html`<div>
    <dt>${t(`coverage.${name}`)}</dt>
    <dd title=${title}>${value} ${detail && html`<small>${detail}</small>`}</dd>
  </div>`;
  const share = (value, count) => [percent(value), t("coverage.records", { count: number(count) })];
  const newest = health.newest_arrival;
  return html`<dl class="facts">
    ${fact("newest", newest ? ago(Date.now() - Date.parse(newest)) : "–", "", newest ? exactTime(newest, zone) : "")}
    ${fact("all_records", number(health.cost_records_count))}
    ${fact("unpriced", ...share(health.unpriced_share, health.unpriced_count))}
    ${fact("fallback", ...share(health.fallback_share, health.fallback_count))}
    ${fact("unattributed", ...share(health.unattributed_share, health.unattributed_count))}
    ${fact("price_book", health.price_book_date ?? "–", t("coverage.price_rows", { count: number(health.price_rows_count) }))}
  </dl>`;
}

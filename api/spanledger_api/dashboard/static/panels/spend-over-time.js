// What was spent when, and on what.
import { fullDay, day, exactMoney, money, percent, time } from "../format.js";
import { t } from "../i18n.js";
import { GroupName, REST, labelOf } from "../parts/group-name.js";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { Choice, Segments } from "../parts/segments.js";
import { StackedBars } from "../parts/stacked-bars.js";
import { Failure, Nothing } from "../parts/states.js";
import { isoDay, rangeOf } from "../range.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { SERIES, seriesColour } from "../theme.js";
import { html, useMemo } from "../vendor/preact-htm.module.js";
import { FILTERS, GROUPINGS, change } from "../view.js";
import { dayOf } from "../zone.js";
import { FirstSpan } from "./first-span.js";
import { seriesOf } from "./spend-series.js";

const MOST_HOURLY_DAYS = 31;

export function SpendOverTime({ view, span = "span-8" }) {
  const { days } = rangeOf(view, Date.now());
  const interval = days > MOST_HOURLY_DAYS ? "day" : view.interval;
  const shown = { ...view, interval };
  const address = useReport("/api/analytics/cost/breakdown", {
    groupBy: view.group,
    interval,
    topN: SERIES,
    limit: 10_000,
  });
  const resource = useResource(address);
  const actions = html`
    <${Choice} hidesLabel label=${t("chart.group")} value=${view.group} onChoose=${(group) => change({ group })}
      options=${GROUPINGS.map((value) => ({ value, label: t(`group.${value}`) }))} />
    <${Segments} label=${t("chart.interval")} value=${interval} onChoose=${(each) => change({ interval: each === "day" ? null : each })}
      options=${[
        { value: "hour", label: t("chart.hour"), disabled: days > MOST_HOURLY_DAYS },
        { value: "day", label: t("chart.day") },
      ]} />
  `;
  return html`<${Panel} title=${t("panel.spend_over_time")} span=${span} address=${address} actions=${actions}>
    ${
      resource.error
        ? html`<${Failure} error=${resource.error} retry=${resource.retry} />`
        : resource.rows === null
          ? html`<div class="skeleton block"></div>`
          : html`<${Plot} view=${shown} rows=${resource.rows} isStale=${resource.isStale} />`
    }
  <//>`;
}

function Plot({ view, rows, isStale }) {
  const { times, groups, isUnknown } = useMemo(
    () => seriesOf(rows, view, REST),
    [rows, view.group, view.interval, view.zone, view.range, view.from, view.to],
  );
  if (!rows.length)
    return Object.keys(view.filters).length
      ? html`<${Nothing}>${t("state.nothing_matches")}<//>`
      : html`<${FirstSpan} />`;
  const series = groups.map((group, index) => ({
    label: labelOf(view.group, group.name),
    colour: seriesColour(index, group.isRest),
    values: group.values,
  }));
  const isDaily = view.interval === "day";
  const isOpen = rangeOf(view, Date.now()).to === null;
  const titles = times.map((at, index) => {
    const title = isDaily ? fullDay(at, view.zone) : time(at, view.zone);
    return isOpen && index === times.length - 1 ? t("chart.so_far", { time: title }) : title;
  });
  const labels = times.map((at) => (isDaily || times.length > 72 ? day(at, view.zone) : time(at, view.zone)));
  const zoom = (index) => {
    const chosen = isoDay(dayOf(times[index], view.zone));
    change({ range: null, from: chosen, to: chosen, interval: "hour" });
  };
  return html`<div class=${isStale ? "stale" : ""}>
    <${StackedBars}
      label=${t("chart.label", { group: t(`group.${view.group}`) })}
      series=${series}
      labels=${labels}
      titles=${titles}
      isUnknown=${isUnknown}
      currency=${view.currency}
      onChoose=${isDaily ? zoom : undefined}
    />
    <${Legend} view=${view} groups=${groups} hasUnknown=${isUnknown.some(Boolean)} />
    <details class="disclosure">
      <summary>${t("chart.as_table")}</summary>
      <${DataTable} caption=${t("panel.spend_over_time")} ...${tableOf(view, titles, groups, isUnknown)} />
    </details>
  </div>`;
}

function Legend({ view, groups, hasUnknown }) {
  const all = groups.reduce((sum, group) => sum + Number(group.total), 0);
  const filter = Object.keys(FILTERS).find((name) => FILTERS[name] === view.group) ?? view.group;
  return html`<ul class="legend">
    ${groups.map(
      (group, index) => html`<li key=${group.name}>
        <span class="swatch" style=${{ background: `var(--${seriesColour(index, group.isRest)})` }}></span>
        ${
          group.name && !group.isRest && ["status", "source", "model", "step", "prompt"].includes(view.group)
            ? html`<a class="label" href="?" onClick=${(event) => (event.preventDefault(), change({ [filter]: group.name }))}>${labelOf(view.group, group.name)}</a>`
            : html`<${GroupName} group=${view.group} value=${group.name} />`
        }
        <span class="value" title=${exactMoney(group.total, view.currency)}>${money(group.total, view.currency)}</span>
        <span class="share">${percent(all ? Number(group.total) / all : 0)}</span>
      </li>`,
    )}
    ${hasUnknown && html`<li class="legend-note"><span class="swatch hatched"></span>${t("chart.unknown")}</li>`}
  </ul>`;
}

function tableOf(view, titles, groups, isUnknown) {
  return {
    rows: titles.map((title, index) => ({ title, index })),
    columns: [
      { key: "time", label: t("column.time"), cell: (row) => row.title },
      ...groups.map((group) => ({
        key: group.name,
        label: labelOf(view.group, group.name),
        isNumber: true,
        cell: (row) => (isUnknown[row.index] ? "?" : money(group.values[row.index], view.currency)),
      })),
    ],
  };
}

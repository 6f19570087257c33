// Which time and whose records the pages are about.
import { t } from "../i18n.js";
import { PRESETS, isoDay, rangeOf } from "../range.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { change, keepZone } from "../view.js";
import { dayOf, isZone, localZone } from "../zone.js";
import { AddFilter, Chips } from "./filters.js";
import { Popover } from "./popover.js";
import { Segments } from "./segments.js";

export function Toolbar({ view, isTimed }) {
  return html`<div class="toolbar" role="region" aria-label=${t("toolbar.label")}>
    ${
      isTimed &&
      html`<${Segments}
        label=${t("toolbar.range")}
        value=${view.range}
        onChoose=${(range) => change({ range, from: null, to: null })}
        options=${PRESETS.map((value) => ({ value, label: t(`range.${value}`) }))}
      />
      <${CustomRange} view=${view} />
      <${Chips} view=${view} />
      <${AddFilter} view=${view} />`
    }
    <span class="spring"></span>
    <${ZoneChoice} view=${view} />
  </div>`;
}

function CustomRange({ view }) {
  const { from, to } = rangeOf(view, Date.now());
  const first = isoDay(dayOf(from, view.zone));
  const last = isoDay(dayOf((to ?? Date.now()) - 1, view.zone));
  const submit = (event, shut) => {
    event.preventDefault();
    const [start, end] = event.target.querySelectorAll("input");
    if (!start.value || !end.value || start.value > end.value) return;
    shut();
    change({ from: start.value, to: end.value, range: null });
  };
  const label = view.range === "custom" ? `${first} – ${last}` : t("range.custom");
  return html`<${Popover} label=${label} title=${`${t("range.custom")}: ${first} – ${last}`} side="left">
    ${(shut) => html`<form class="card-form" onSubmit=${(event) => submit(event, shut)}>
      <label>${t("range.from")}<input type="date" key=${first} defaultValue=${first} required /></label>
      <label>${t("range.to")}<input type="date" key=${last} defaultValue=${last} required /></label>
      <button class="primary">${t("apply")}</button>
    </form>`}
  <//>`;
}

function ZoneChoice({ view }) {
  const [text, setText] = useState("");
  const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
  const quick = [...new Set(["UTC", localZone(), "Asia/Taipei"])];
  const choose = (zone, shut) => {
    if (!isZone(zone)) return;
    setText("");
    shut();
    keepZone(zone);
  };
  return html`<${Popover} label=${view.zone} title=${t("toolbar.zone", { zone: view.zone })}>
    ${(shut) => html`
      ${quick.map((zone) => html`<button key=${zone} aria-pressed=${String(zone === view.zone)} onClick=${() => choose(zone, shut)}>${zone}</button>`)}
      <form onSubmit=${(event) => (event.preventDefault(), choose(text, shut))}>
        <label>${t("toolbar.other_zone")}
          <input type="text" list="zones" value=${text} onInput=${(event) => setText(event.target.value)} />
        </label>
        <datalist id="zones">${zones.map((zone) => html`<option key=${zone} value=${zone}></option>`)}</datalist>
      </form>
    `}
  <//>`;
}

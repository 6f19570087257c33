// Spans of an execution, one below the other, where they began and how long they took.
import { duration } from "../format.js";
import { t } from "../i18n.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { Money } from "./amount.js";

const INDENT_PX = 18;

export function Waterfall({ spans }) {
  const [opened, setOpened] = useState(null);
  const whole = Math.max(...spans.map((span) => Number(span.offset) + Number(span.duration)), 1e-6);
  return html`<div class="waterfall" tabindex="0" role="group" aria-label=${t("panel.waterfall")}>
    <table>
      <caption class="hidden">${t("panel.waterfall")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("column.name")}</th>
          <th scope="col">${t("column.timeline")} <span class="muted">0 – ${duration(whole)}</span></th>
          <th scope="col" class="number">${t("column.duration")}</th>
          <th scope="col" class="number">${t("column.cost")}</th>
        </tr>
      </thead>
      <tbody>
        ${spans.map((span) => {
          const isOpen = opened === span.span_id;
          return html`<${Line} key=${span.span_id} span=${span} whole=${whole} isOpen=${isOpen} onToggle=${() => setOpened(isOpen ? null : span.span_id)} />`;
        })}
      </tbody>
    </table>
  </div>`;
}

function moodOf(span) {
  if (span.status === "Error") return "failed";
  if (span.service) return "paid";
  return span.depth === 0 ? "root" : "step";
}

function Line({ span, whole, isOpen, onToggle }) {
  const left = (Number(span.offset) / whole) * 100;
  const style = { left: `${left}%`, width: `${Math.min(100 - left, (Number(span.duration) / whole) * 100)}%` };
  return html`<tr>
      <th scope="row" style=${{ paddingLeft: `${span.depth * INDENT_PX}px` }}>
        <button class="toggle" aria-expanded=${String(isOpen)} onClick=${onToggle}>
          ${isOpen ? "▾" : "▸"} ${span.name}
          ${span.status === "Error" && html` <span class="badge bad">${t("status.failed")}</span>`}
        </button>
      </th>
      <td class="lane"><div><div class="bar ${moodOf(span)}" style=${style} title=${span.service ?? span.name}></div></div></td>
      <td class="number">${duration(span.duration)}</td>
      <td class="number">${span.total_cost === null ? "" : html`<${Money} value=${span.total_cost} />`}</td>
    </tr>
    ${
      isOpen &&
      html`<tr>
      <td colspan="4">
        <dl class="attributes" aria-label=${t("executions.attributes", { name: span.name })}>
          ${span.error && html`<dt>${t("column.error")}</dt><dd class="bad">${span.error}</dd>`}
          <dt>trace_id</dt><dd>${span.trace_id}</dd>
          <dt>span_id</dt><dd>${span.span_id}</dd>
          ${Object.entries(span.attributes).map(([name, value]) => html`<dt key=${name}>${name}</dt><dd>${value}</dd>`)}
        </dl>
      </td>
    </tr>`
    }`;
}

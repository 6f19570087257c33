// Names with bars: how much each is of the largest, or of a whole.
import { html } from "../vendor/preact-htm.module.js";

/** @param {{share: number, mood?: string, colour?: string}} properties */
export function Track({ share, mood = "", colour }) {
  const width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  const style = colour ? { width, background: `var(--${colour})` } : { width };
  return html`<div class="track" aria-hidden="true"><div class="fill ${mood}" style=${style}></div></div>`;
}

/** @param {{items: {key: string, label: unknown, value: unknown, extra?: unknown, share: number, mood?: string, detail?: unknown}[]}} properties */
export function BarList({ items }) {
  return html`<ul class="bars">
    ${items.map(
      (item) => html`<li key=${item.key}>
        <span class="label">${item.label}</span>
        <span class="number">${item.value}</span>
        <span class="number muted">${item.extra}</span>
        <${Track} share=${item.share} mood=${item.mood} />
        ${item.detail && html`<span class="detail">${item.detail}</span>`}
      </li>`,
    )}
  </ul>`;
}

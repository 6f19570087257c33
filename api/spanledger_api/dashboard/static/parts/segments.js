// A choice of few, one of which is pressed.
import { html } from "../vendor/preact-htm.module.js";

/**
 * @param {{label: string, options: {value: string, label: string, disabled?: boolean}[], value: string,
 *   onChoose: (value: string) => void}} properties
 */
export function Segments({ label, options, value, onChoose }) {
  return html`<div class="segments" role="group" aria-label=${label}>
    ${options.map(
      (option) => html`<button
        key=${option.value}
        type="button"
        aria-pressed=${String(option.value === value)}
        disabled=${option.disabled}
        onClick=${() => onChoose(option.value)}
      >
        ${option.label}
      </button>`,
    )}
  </div>`;
}

/** A choice of many. */
export function Choice({ label, options, value, onChoose, hidesLabel = false }) {
  const list = html`<select value=${value} aria-label=${hidesLabel ? label : undefined} onChange=${(event) => onChoose(event.target.value)}>
    ${options.map((option) => html`<option key=${option.value} value=${option.value} selected=${option.value === value}>${option.label}</option>`)}
  </select>`;
  return hidesLabel ? list : html`<label>${label}${list}</label>`;
}

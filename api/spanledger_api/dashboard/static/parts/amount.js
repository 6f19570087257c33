// Amounts as the reader's language writes them; the title has every digit.
import { exactMoney, money, signedMoney, signedPercent, unitMoney } from "../format.js";
import { t } from "../i18n.js";
import { html } from "../vendor/preact-htm.module.js";

export function Money({ value, currency = "USD" }) {
  if (value === null || value === undefined) return html`<span class="muted">–</span>`;
  return html`<span title=${exactMoney(value, currency)}>${money(value, currency)}</span>`;
}

/** What one of something costs. */
export function UnitMoney({ value, currency = "USD" }) {
  return html`<span title=${exactMoney(value, currency)}>${unitMoney(value, currency)}</span>`;
}

/** A change of cost: more is bad, less is good, and each has its sign. */
export function Change({ value, percent, currency = "USD", state }) {
  const size = Number(value);
  const mood = size > 0 ? "bad" : size < 0 ? "good" : "muted";
  const words = state === "new" ? t("change.new") : percent === null ? "" : signedPercent(percent);
  return html`<span class=${mood} title=${exactMoney(value, currency)}>
    ${size === 0 ? t("change.same") : signedMoney(value, currency)}${words && size !== 0 ? ` (${words})` : ""}
  </span>`;
}

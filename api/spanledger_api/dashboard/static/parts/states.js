// What stands where there is no answer: it is on its way, it failed, or there is nothing.
import { t } from "../i18n.js";
import { html } from "../vendor/preact-htm.module.js";

/** A place that will be filled. */
export function Waiting({ lines = 4 }) {
  return html`<div aria-hidden="true">
    ${Array.from({ length: lines }, (_, index) => html`<div key=${index} class="skeleton line"></div>`)}
  </div>`;
}

/** What the API said, and what to do. */
export function Failure({ error, retry }) {
  if (error.status === 404 && error.kind !== "unknown-execution") {
    return html`<div class="notice"><p>${t("state.not_available")}</p></div>`;
  }
  const words =
    error.status === 0 ? t("state.unreachable") : error.status === 403 ? t("state.forbidden") : error.message;
  return html`<div class="notice bad" role="alert">
    <p><strong>${t("state.failed")}</strong> ${words}</p>
    ${retry && html`<p><button class="small" onClick=${retry}>${t("state.retry")}</button></p>`}
  </div>`;
}

/** Nothing, and why. */
export function Nothing({ children }) {
  return html`<div class="notice">${children ?? t("state.nothing")}</div>`;
}

/**
 * The rows of a resource, or what stands in for them.
 * @param {{resource: import("../resource.js").Resource, lines?: number, nothing?: unknown,
 *   children: (rows: any) => unknown}} properties
 */
export function Answered({ resource, lines, nothing, children }) {
  if (resource.error) return html`<${Failure} error=${resource.error} retry=${resource.retry} />`;
  if (resource.rows === null) return html`<${Waiting} lines=${lines} />`;
  if (Array.isArray(resource.rows) && resource.rows.length === 0) return html`<${Nothing}>${nothing}<//>`;
  return html`<div class=${resource.isStale ? "stale" : ""}>${children(resource.rows)}</div>`;
}

// One question and its answer, with a heading.
import { download } from "../api.js";
import { t } from "../i18n.js";
import { ignoredFilters } from "../question.js";
import { Sight } from "../sight.js";
import { html, useContext } from "../vendor/preact-htm.module.js";
import { useView } from "../view.js";
import { Popover } from "./popover.js";

let numbers = 0;
const ids = new Map();

function idOf(title) {
  if (!ids.has(title)) ids.set(title, `panel-${(numbers += 1)}`);
  return ids.get(title);
}

/**
 * @param {{title: string, sub?: unknown, span?: string, address?: string, list?: string, actions?: unknown,
 *   children?: unknown}} properties `address` is the report that the panel shows; it can be kept as CSV or JSON. `list`
 *   is the path of what is shown instead where it is no report.
 */
export function Panel({ title, sub, span = "", address, list = address, actions, children }) {
  const id = idOf(title);
  const sight = useContext(Sight);
  return html`<section class="panel ${span}" aria-labelledby=${id} ref=${sight?.watch}>
    <header>
      <div class="title">
        <h2 id=${id}>${title}</h2>
        ${sub && html`<p class="sub">${sub}</p>`}
        ${list && html`<${NotNarrowed} address=${list} />`}
      </div>
      ${actions} ${address && html`<${Export} address=${address} title=${title} />`}
    </header>
    ${children}
  </section>`;
}

function NotNarrowed({ address }) {
  const ignored = ignoredFilters(address, useView().filters);
  if (!ignored.length || address.includes("groupBy=status")) return null;
  return html`<p class="sub">${t("panel.not_narrowed", { filters: ignored.map((name) => t(`filter.${name}`)).join(", ") })}</p>`;
}

function Export({ address, title }) {
  const name = title.toLowerCase().replace(/[^\p{Letter}\p{Number}]+/gu, "-");
  const keep = (form, shut) => {
    shut();
    return download(`${address}${address.includes("?") ? "&" : "?"}format=${form}`, `${name}.${form}`);
  };
  return html`<${Popover} class="quiet-button" label=${t("panel.export")} title=${t("panel.export_of", { title })}>
    ${(shut) => html`
      <button onClick=${() => keep("csv", shut)}>CSV</button>
      <button onClick=${() => keep("json", shut)}>JSON</button>
    `}
  <//>`;
}

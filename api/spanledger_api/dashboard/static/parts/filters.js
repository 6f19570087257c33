// Whose records the pages are about.
import { t } from "../i18n.js";
import { reportOf } from "../question.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { FILTERS, change } from "../view.js";
import { labelOf } from "./group-name.js";
import { Popover } from "./popover.js";
import { Choice } from "./segments.js";

export function Chips({ view }) {
  return Object.entries(view.filters).map(([name, value]) => {
    const label = `${t(`filter.${name}`)}: ${labelOf(FILTERS[name], value)}`;
    return html`<span key=${name} class="chip">
      <span title=${label}>${label}</span>
      <button aria-label=${t("filter.remove", { filter: label })} onClick=${() => change({ [name]: null })}>×</button>
    </span>`;
  });
}

export function AddFilter({ view }) {
  return html`<${Popover} label=${`+ ${t("filter.add")}`} title=${t("filter.add")} side="left">
    ${(shut) => html`<${Values} view=${view} shut=${shut} />`}
  <//>`;
}

function Values({ view, shut }) {
  const [name, setName] = useState("service");
  const [isAsked, setAsked] = useState(false);
  const [text, setText] = useState("");
  const unfiltered = { ...view, filters: {} };
  const values = useResource(isAsked ? reportOf(`/api/dimensions/${FILTERS[name]}`, unfiltered) : null);
  const submit = (event) => {
    event.preventDefault();
    shut();
    change({ [name]: text.trim() });
    setText("");
  };
  return html`<form onSubmit=${submit} onFocusIn=${() => setAsked(true)} class="card-form">
    <${Choice} label=${t("filter.by")} value=${name} onChoose=${setName}
      options=${Object.keys(FILTERS).map((value) => ({ value, label: t(`filter.${value}`) }))} />
    <label>${t("filter.value")}
      <input type="text" list="filter-values" value=${text} placeholder=${t("filter.empty_means")} onInput=${(event) => setText(event.target.value)} />
    </label>
    <datalist id="filter-values">${(values.rows ?? []).map((row) => html`<option key=${row.value} value=${row.value}></option>`)}</datalist>
    <button class="primary">${t("apply")}</button>
  </form>`;
}

// What everything costs, today and before.
import { number, price } from "../format.js";
import { t } from "../i18n.js";
import { Badge } from "../parts/badge.js";
import { DataTable } from "../parts/data-table.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { change } from "../view.js";

export function Page({ view }) {
  const showsHistory = view.query.get("history") === "1";
  const [text, setText] = useState("");
  const resource = useResource(showsHistory ? "/api/prices/history" : "/api/prices");
  const actions = html`
    <input type="search" aria-label=${t("prices.search")} placeholder=${t("prices.search")} value=${text} onInput=${(event) => setText(event.target.value)} />
    <label class="small check"><input type="checkbox" checked=${showsHistory} onChange=${() => change({ history: showsHistory ? null : "1" })} /> ${t("prices.history")}</label>
  `;
  const chosen = (row) =>
    [row.service, row.model, row.provider, row.meter].join(" ").toLowerCase().includes(text.toLowerCase());
  return html`
    <${PageHead} title=${t("nav.prices")} />
    <${Panel} title=${t("panel.prices")} sub=${t("prices.catalogue")} address=${resource.address} actions=${actions}>
      <${Answered} resource=${resource} lines=${10}>
        ${(rows) => html`<${DataTable} caption=${t("panel.prices")} rows=${rows.filter(chosen)} columns=${columns(showsHistory)} />`}
      <//>
    <//>
  `;
}

function stateOf(row) {
  if (row.is_current) return "current";
  return Date.parse(row.effective_from) > Date.now() ? "coming" : "past";
}

const GIBIBYTE = 1024 ** 3;

function unitsOf(row) {
  if (row.unit === "bytes" && Number(row.per) === GIBIBYTE) return "GB (1,024³ bytes)";
  return `${number(row.per, 4)} ${row.unit}`;
}

const columns = (showsHistory) => [
  {
    key: "what",
    label: t("group.service"),
    cell: (row) =>
      html`${row.service} <span class="muted">${[row.model, row.provider].filter(Boolean).join(" · ")}</span>`,
  },
  { key: "meter", label: t("column.meter"), cell: (row) => row.meter },
  {
    key: "price",
    label: t("column.price"),
    isNumber: true,
    cell: (row) => html`<span title=${`${row.price} ${row.currency} / ${row.per} ${row.unit}`}>
      ${t("prices.per", { price: price(row.price, row.currency), per: unitsOf(row) })}
    </span>`,
  },
  { key: "from", label: t("column.from"), isNumber: true, cell: (row) => row.effective_from },
  ...(showsHistory
    ? [
        { key: "to", label: t("column.to"), isNumber: true, cell: (row) => row.effective_to ?? "–" },
        { key: "state", label: t("column.status"), cell: (row) => html`<${Badge} value=${stateOf(row)} />` },
      ]
    : []),
  {
    key: "source",
    label: t("column.source"),
    cell: (row) =>
      /^https?:/.test(row.source)
        ? html`<a href=${row.source} target="_blank" rel="noopener noreferrer" title=${row.price_id}>${new URL(row.source).host}</a>`
        : row.source,
  },
];

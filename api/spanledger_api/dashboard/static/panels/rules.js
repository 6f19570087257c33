// What is watched beside budgets; rules of a file are edited there.
import { send } from "../api.js";
import { t } from "../i18n.js";
import { refresh } from "../live.js";
import { Badge } from "../parts/badge.js";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { Choice } from "../parts/segments.js";
import { Answered, Failure } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";

const PATH = "/api/alerts/rules";
const KINDS = ["operation", "anomaly", "unpriced", "price_book"];

export function Rules() {
  const resource = useResource(PATH);
  const [failure, setFailure] = useState(null);
  const done = () => (setFailure(null), refresh());
  const remove = (row) => send("DELETE", `${PATH}/${encodeURIComponent(row.rule_id)}`).then(done, setFailure);
  return html`<${Panel} title=${t("panel.rules")}>
    ${failure && html`<${Failure} error=${failure} />`}
    <${Answered} resource=${resource} nothing=${t("alerts.no_rules")}>
      ${(rows) =>
        html`<${DataTable} caption=${t("panel.rules")} rows=${rows} keyOf=${(row) => row.rule_id} columns=${[
          { key: "name", label: t("column.name"), cell: (row) => row.name },
          { key: "kind", label: t("column.kind"), cell: (row) => t(`rule.${row.kind}`) },
          {
            key: "threshold",
            label: t("column.threshold"),
            isNumber: true,
            cell: (row) => String(row.threshold ?? "–"),
          },
          {
            key: "severity",
            label: t("column.severity"),
            cell: (row) => html`<${Badge} value=${row.severity} group="severity" />`,
          },
          {
            key: "actions",
            label: t("column.actions"),
            cell: (row) =>
              row.origin === "file"
                ? html`<span class="muted">${t("origin.file")}</span>`
                : html`<button class="small" aria-label=${`${t("delete")}: ${row.name}`} onClick=${() => remove(row)}>${t("delete")}</button>`,
          },
        ]} />`}
    <//>
    ${!resource.error && html`<${NewRule} onSave=${(body) => send("POST", PATH, body).then(done, setFailure)} />`}
  <//>`;
}

function NewRule({ onSave }) {
  const [kind, setKind] = useState("operation");
  const submit = (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    const threshold = String(fields.get("threshold"));
    onSave({ name: String(fields.get("name")), kind, ...(threshold && { threshold: Number(threshold) }) });
    event.target.reset();
  };
  return html`<details class="disclosure">
    <summary>${t("rules.add")}</summary>
    <form class="form" onSubmit=${submit}>
      <label>${t("column.name")}<input type="text" name="name" required maxlength="200" /></label>
      <${Choice} label=${t("column.kind")} value=${kind} onChoose=${setKind} options=${KINDS.map((value) => ({ value, label: t(`rule.${value}`) }))} />
      <label>${t(`rules.threshold_${kind}`)}<input type="number" name="threshold" min="0" step="any" /></label>
      <div class="actions"><button class="primary">${t("save")}</button></div>
    </form>
  </details>`;
}

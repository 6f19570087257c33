// How much may be spent on what.
import { send } from "../api.js";
import { money } from "../format.js";
import { named, t } from "../i18n.js";
import { refresh } from "../live.js";
import { BudgetBar, scopeOf } from "../panels/budgets.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Choice } from "../parts/segments.js";
import { Answered, Failure } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";

const PATH = "/api/budgets";
const SCOPES = ["total", "user", "service", "task_type", "operation"];
const PERIODS = ["daily", "weekly", "monthly", "yearly"];
const THRESHOLDS = [50, 80, 100];

export function Page({ view }) {
  const resource = useResource(PATH);
  const [failure, setFailure] = useState(null);
  const [edited, setEdited] = useState(/** @type {any} */ (null));
  const done = () => {
    setFailure(null);
    setEdited(null);
    refresh();
  };
  const save = (body) =>
    (edited ? send("PUT", `${PATH}/${encodeURIComponent(edited.budget_id)}`, body) : send("POST", PATH, body)).then(
      done,
      setFailure,
    );
  const remove = (row) => send("DELETE", `${PATH}/${encodeURIComponent(row.budget_id)}`).then(done, setFailure);
  return html`
    <${PageHead} title=${t("nav.budgets")} />
    ${failure && html`<${Failure} error=${failure} />`}
    <${Panel} title=${t("panel.budgets")}>
      <${Answered} resource=${resource} nothing=${t("budgets.none")}>
        ${(rows) => html`<ul class="bars budgets">
          ${rows.map((row) => html`<${Budget} key=${row.budget_id} row=${row} view=${view} onEdit=${() => setEdited(row)} onDelete=${() => remove(row)} />`)}
        </ul>`}
      <//>
    <//>
    ${
      !resource.error &&
      html`<${Panel} title=${edited ? t("budgets.edit_one", { name: edited.name }) : t("panel.new_budget")}>
      <${BudgetForm} key=${edited?.budget_id ?? "new"} budget=${edited} onSave=${save} onCancel=${() => setEdited(null)} />
    <//>`
    }
  `;
}

function Budget({ row, view, onEdit, onDelete }) {
  return html`<${BudgetBar} row=${row} zone=${view.zone} />
    <li class="budget-actions">
      <span class="muted">${scopeOf(row)} · ${money(row.amount, row.currency)} / ${named("period", row.period)} · ${row.timezone}</span>
      ${
        row.origin === "file"
          ? html`<span class="muted">${t("origin.file")}</span>`
          : html`<span>
            <button class="small" aria-label=${t("budgets.edit_one", { name: row.name })} onClick=${onEdit}>${t("budgets.edit")}</button>${" "}
            <button class="small" aria-label=${t("budgets.delete", { name: row.name })} onClick=${onDelete}>${t("delete")}</button>
          </span>`
      }
    </li>`;
}

function BudgetForm({ budget, onSave, onCancel }) {
  const [scope, setScope] = useState(budget?.scope ?? "total");
  const [period, setPeriod] = useState(budget?.period ?? "monthly");
  const submit = (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    const percents = String(fields.get("thresholds"))
      .split(/[\s,]+/)
      .map(Number)
      .filter((each) => each > 0);
    const value = String(fields.get("value") ?? "");
    onSave({
      name: String(fields.get("name")),
      scope,
      scope_value: scope === "total" ? null : value,
      amount: Number(fields.get("amount")),
      period,
      thresholds: percents,
      ...(budget && { currency: budget.currency, timezone: budget.timezone }),
    });
  };
  return html`<form class="form" onSubmit=${submit}>
    <label>${t("budgets.name")}<input type="text" name="name" required maxlength="200" defaultValue=${budget?.name ?? ""} /></label>
    <${Choice} label=${t("budgets.scope")} value=${scope} onChoose=${setScope} options=${SCOPES.map((value) => ({ value, label: t(`scope.${value}`) }))} />
    ${scope !== "total" && html`<label>${t("budgets.scope_value")}<input type="text" name="value" required defaultValue=${budget?.scope_value ?? ""} /></label>`}
    <label>${t("budgets.amount")}<input type="number" name="amount" required min="0.01" step="any" defaultValue=${budget ? String(budget.amount) : ""} /></label>
    <${Choice} label=${t("budgets.period")} value=${period} onChoose=${setPeriod} options=${PERIODS.map((value) => ({ value, label: t(`period.${value}`) }))} />
    <label>${t("budgets.thresholds")}<input type="text" name="thresholds" defaultValue=${(budget?.thresholds ?? THRESHOLDS).join(", ")} /></label>
    <div class="actions">
      <button class="primary">${t("save")}</button>
      ${budget && html`<button type="button" onClick=${onCancel}>${t("cancel")}</button>`}
    </div>
  </form>`;
}

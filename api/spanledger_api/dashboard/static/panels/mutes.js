// What nobody wants to be told of for a while.
import { send } from "../api.js";
import { time } from "../format.js";
import { t } from "../i18n.js";
import { refresh } from "../live.js";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { Choice } from "../parts/segments.js";
import { Answered, Failure } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";

const PATH = "/api/alerts/mutes";
const HOURS = ["1", "8", "24", "168"];

const isOn = (mute) => Date.parse(mute.until) > Date.now();

export function Mutes({ zone }) {
  const resource = useResource(PATH);
  const rules = useResource("/api/alerts/rules");
  const [failure, setFailure] = useState(null);
  const done = () => (setFailure(null), refresh());
  const end = (row) => send("DELETE", `${PATH}/${encodeURIComponent(row.mute_id)}`).then(done, setFailure);
  const nameOf = (id) => rules.rows?.find?.((rule) => rule.rule_id === id)?.name ?? id;
  return html`<${Panel} title=${t("panel.mutes")}>
    ${failure && html`<${Failure} error=${failure} />`}
    <${Answered} resource=${resource} nothing=${t("alerts.no_mutes")}>
      ${(rows) =>
        html`<${DataTable} caption=${t("panel.mutes")} rows=${rows.filter(isOn)} keyOf=${(row) => row.mute_id} columns=${[
          {
            key: "what",
            label: t("budgets.scope"),
            cell: (row) => [row.rule_id && nameOf(row.rule_id), row.service, row.user_id].filter(Boolean).join(" · "),
          },
          { key: "reason", isLong: true, label: t("column.reason"), cell: (row) => row.reason },
          { key: "until", label: t("alerts.mute_until"), isNumber: true, cell: (row) => time(row.until, zone) },
          {
            key: "actions",
            label: t("column.actions"),
            cell: (row) => html`<button class="small" onClick=${() => end(row)}>${t("alerts.unmute")}</button>`,
          },
        ]} />`}
    <//>
    ${!resource.error && html`<${NewMute} rules=${Array.isArray(rules.rows) ? rules.rows : []} onSave=${(body) => send("POST", PATH, body).then(done, setFailure)} />`}
  <//>`;
}

function NewMute({ rules, onSave }) {
  const [rule, setRule] = useState("");
  const [hours, setHours] = useState("8");
  const submit = (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    const until = new Date(Date.now() + Number(hours) * 3_600_000).toISOString();
    const chosen = { rule_id: rule, service: String(fields.get("service")), user_id: String(fields.get("user")) };
    const stated = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
    onSave({ ...stated, until, reason: String(fields.get("reason")) });
    event.target.reset();
  };
  return html`<details class="disclosure">
    <summary>${t("mutes.add")}</summary>
    <form class="form" onSubmit=${submit}>
      <${Choice} label=${t("alerts.mute_rule")} value=${rule} onChoose=${setRule}
        options=${[{ value: "", label: t("alerts.any") }, ...rules.map((each) => ({ value: each.rule_id, label: each.name }))]} />
      <label>${t("filter.service")}<input type="text" name="service" /></label>
      <label>${t("filter.userId")}<input type="text" name="user" /></label>
      <${Choice} label=${t("mutes.for")} value=${hours} onChoose=${setHours}
        options=${HOURS.map((value) => ({ value, label: t("mutes.hours", { hours: value }) }))} />
      <label>${t("column.reason")}<input type="text" name="reason" maxlength="500" /></label>
      <div class="actions"><button class="primary">${t("alerts.mute")}</button></div>
    </form>
  </details>`;
}

// Who reads, and whose keys open the ledger.
import { send } from "../api.js";
import { time } from "../format.js";
import { named, t } from "../i18n.js";
import { refresh } from "../live.js";
import { DataTable } from "../parts/data-table.js";
import { logOut } from "../parts/gate.js";
import { PageHead } from "../parts/page-head.js";
import { Panel } from "../parts/panel.js";
import { Choice } from "../parts/segments.js";
import { Answered, Failure } from "../parts/states.js";
import { useResource } from "../resource.js";
import { html, useState } from "../vendor/preact-htm.module.js";

const ROLES = ["read", "ingest", "admin"];

export function Page({ view }) {
  const session = useResource("/api/session");
  return html`
    <${PageHead} title=${t("nav.settings")} />
    <${Panel} title=${t("panel.session")}>
      <${Answered} resource=${session}>${(who) => html`<${Who} who=${who} />`}<//>
    <//>
    ${session.rows?.role === "admin" && html`<${Keys} zone=${view.zone} isOpen=${session.rows.authentication === "none"} />`}
  `;
}

function Who({ who }) {
  const fact = (label, value) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`;
  return html`
    <dl class="facts">
      ${fact(t("settings.authentication"), named("authentication", who.authentication))}
      ${fact(t("settings.role"), named("role", who.role))}
      ${who.name && fact(t("settings.key"), who.name)}
    </dl>
    ${who.authentication === "none" ? html`<p class="muted">${t("settings.none")}</p>` : html`<button onClick=${logOut}>${t("settings.log_out")}</button>`}
  `;
}

function Keys({ zone, isOpen }) {
  const resource = useResource("/api/keys");
  const [failure, setFailure] = useState(null);
  const [made, setMade] = useState(/** @type {{key: string} | null} */ (null));
  const revoke = (row) => send("DELETE", `/api/keys/${row.key_id}`).then(refresh, setFailure);
  const create = (body) =>
    send("POST", "/api/keys", body).then((key) => {
      setFailure(null);
      setMade(key);
      if (!isOpen) refresh();
    }, setFailure);
  return html`<${Panel} title=${t("panel.keys")}>
    ${failure && html`<${Failure} error=${failure} />`}
    ${made && html`<div class="notice" role="status"><p><strong>${t("settings.key_once")}</strong></p><pre tabindex="0">${made.key}</pre></div>`}
    <${Answered} resource=${resource} nothing=${t("settings.no_keys")}>
      ${(rows) => html`<${DataTable} caption=${t("panel.keys")} rows=${rows} keyOf=${(row) => row.key_id} columns=${columnsOf(zone, revoke)} />`}
    <//>
    ${!resource.error && html`<${NewKey} onSave=${create} isFirst=${isOpen} />`}
  <//>`;
}

function columnsOf(zone, revoke) {
  const when = (value) => (value ? time(value, zone) : "–");
  return [
    { key: "name", label: t("column.name"), cell: (row) => html`${row.name} <code class="muted">${row.key_id}</code>` },
    { key: "role", label: t("column.role"), cell: (row) => named("role", row.role) },
    { key: "created", label: t("column.created"), isNumber: true, cell: (row) => when(row.created_at) },
    { key: "used", label: t("column.last_used"), isNumber: true, cell: (row) => when(row.last_used_at) },
    { key: "expires", label: t("column.expires"), isNumber: true, cell: (row) => when(row.expires_at) },
    {
      key: "actions",
      label: t("column.actions"),
      cell: (row) =>
        row.revoked_at
          ? html`<span class="badge">${t("status.revoked")}</span>`
          : html`<button class="small" aria-label=${t("settings.revoke_one", { name: row.name })} onClick=${() => revoke(row)}>${t("settings.revoke")}</button>`,
    },
  ];
}

function NewKey({ onSave, isFirst }) {
  const [role, setRole] = useState(isFirst ? "admin" : "read");
  const submit = (event) => {
    event.preventDefault();
    onSave({ name: String(new FormData(event.target).get("name")), role });
    event.target.reset();
  };
  return html`<details class="disclosure">
    <summary>${t("settings.new_key")}</summary>
    <form class="form" onSubmit=${submit}>
      <label>${t("settings.key_name")}<input type="text" name="name" required maxlength="200" /></label>
      <${Choice} label=${t("settings.key_role")} value=${role} onChoose=${setRole} options=${ROLES.map((value) => ({ value, label: t(`role.${value}`) }))} />
      <div class="actions"><button class="primary">${t("settings.new_key")}</button></div>
    </form>
  </details>`;
}

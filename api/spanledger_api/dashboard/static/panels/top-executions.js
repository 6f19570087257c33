// The most expensive executions.
import { t } from "../i18n.js";
import { ExecutionTable } from "../parts/execution-table.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";

const SHOWN = 8;

export function TopExecutions({ view, span = "span-8" }) {
  const address = useReport("/api/executions", { sort: "cost", limit: SHOWN });
  const resource = useResource(address);
  const actions = html`<a class="small" href=${addressOf("/executions", { sort: "cost" })}>${t("executions.all")}</a>`;
  return html`<${Panel} title=${t("panel.top_executions")} span=${span} address=${address} actions=${actions}>
    <${Answered} resource=${resource} lines=${SHOWN}>
      ${(rows) => html`<${ExecutionTable} rows=${rows} zone=${view.zone} caption=${t("panel.top_executions")} />`}
    <//>
  <//>`;
}

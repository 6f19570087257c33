// What tasks cost, and which of their steps is the bottleneck.
import { t } from "../i18n.js";
import { GroupTable } from "../panels/group-table.js";
import { Bottleneck, CriticalPath, StepCosts } from "../panels/steps.js";
import { html } from "../vendor/preact-htm.module.js";
import { Listing, Subject } from "./subject.js";

const KIND = {
  group: "task_type",
  path: "/api/analytics/cost/breakdown",
  name: "task_type",
  parameters: { groupBy: "task_type", limit: 200 },
};

export function Page({ view }) {
  if (!view.name) {
    return html`<${Listing} view=${view} kind=${KIND} table=${GroupTable} title=${t("nav.tasks")}>
      <${StepCosts} view=${view} />
    <//>`;
  }
  return html`<${Subject} view=${view} filter="taskType" group="step">
    <${Bottleneck} />
    <${CriticalPath} />
    <${StepCosts} view=${view} />
  <//>`;
}

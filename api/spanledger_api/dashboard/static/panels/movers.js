// What changed most against the time before.
import { t } from "../i18n.js";
import { Change, Money } from "../parts/amount.js";
import { GroupName } from "../parts/group-name.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { rangeOf } from "../range.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

const SHOWN = 8;

export function Movers({ view, span = "span-4" }) {
  const address = useReport("/api/analytics/cost/movers", { groupBy: view.group, limit: 100 });
  const resource = useResource(address);
  const { days } = rangeOf(view, Date.now());
  const sub = t("movers.sub", { group: t(`group.${view.group}`), days });
  return html`<${Panel} title=${t("panel.movers")} sub=${sub} span=${span} address=${address}>
    <${Answered} resource=${resource} lines=${SHOWN}>
      ${(rows) => {
        const most = Math.max(...rows.map((row) => Math.abs(Number(row.change))), 1e-12);
        return html`<ul class="movers">
          ${rows.slice(0, SHOWN).map((row) => html`<${Mover} key=${row.name} row=${row} most=${most} view=${view} />`)}
        </ul>`;
      }}
    <//>
  <//>`;
}

function Mover({ row, most, view }) {
  const size = Number(row.change);
  const style = { width: `${(Math.abs(size) / most) * 50}%` };
  return html`<li>
    <${GroupName} group=${view.group} value=${row.name} />
    <span class="number"><${Change} value=${row.change} percent=${row.change_percent} state=${row.state} currency=${view.currency} /></span>
    <div class="mover-track" aria-hidden="true"><div class="fill ${size < 0 ? "down" : "up"}" style=${style}></div></div>
    <span class="number muted"><${Money} value=${row.previous_cost} currency=${view.currency} /> → <${Money} value=${row.current_cost} currency=${view.currency} /></span>
  </li>`;
}

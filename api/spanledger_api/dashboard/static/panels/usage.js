// How much was used.
import { number, quantity } from "../format.js";
import { named, t } from "../i18n.js";
import { Panel } from "../parts/panel.js";
import { Answered } from "../parts/states.js";
import { useReport } from "../question.js";
import { useResource } from "../resource.js";
import { html } from "../vendor/preact-htm.module.js";

const ORDER = [
  "requests",
  "input_tokens",
  "cached_tokens",
  "output_tokens",
  "tokens",
  "audio_minutes",
  "video_minutes",
  "minutes",
  "GB",
];
const place = (meter) => (ORDER.includes(meter) ? ORDER.indexOf(meter) : ORDER.length);

export function Usage({ span = "span-6" }) {
  const address = useReport("/api/analytics/usage");
  const resource = useResource(address);
  return html`<${Panel} title=${t("panel.usage")} span=${span} address=${address}>
    <${Answered} resource=${resource}>
      ${(rows) => html`<dl class="facts">
        ${[...rows]
          .sort((one, other) => place(one.meter) - place(other.meter))
          .map(
            (row) => html`<div key=${row.meter}>
              <dt>${named("meter", row.meter)}</dt>
              <dd title=${`${row.quantity} · ${t("usage.records", { count: number(row.operations_count) })}`}>${quantity(row.quantity)}</dd>
            </div>`,
          )}
      </dl>`}
    <//>
  <//>`;
}

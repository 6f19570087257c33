// How fresh the data are and what the amounts are worth.
import { ago, exactTime, time } from "../format.js";
import { t } from "../i18n.js";
import { freshness, reachable } from "../live.js";
import { useStore } from "../store.js";
import { html, useEffect, useState } from "../vendor/preact-htm.module.js";

const TICK_MS = 5000;

export function Footer({ view }) {
  const answers = useStore(reachable);
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const newest = useStore(freshness)?.newest_arrival;
  return html`<footer class="foot">
    ${answers ? html`<span class="good">${t("foot.live")}</span>` : html`<strong class="bad" role="alert">${t("foot.offline")}</strong>`}
    ${
      newest &&
      html`<span title=${exactTime(newest, view.zone)}>
      ${t("foot.newest", { time: time(newest, view.zone), ago: ago(Date.now() - Date.parse(newest)) })}
    </span>`
    }
    <span>${t("foot.zone", { zone: view.zone })}</span>
    <span>${t("foot.estimate")}</span>
  </footer>`;
}

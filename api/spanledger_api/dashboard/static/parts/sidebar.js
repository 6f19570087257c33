// Where one can go, and in which language and light one reads.
import { useReadyAlerts } from "../panels/open-alerts.js";
import { LOCALES, loadLocale, locale, t } from "../i18n.js";
import { useStore } from "../store.js";
import { THEMES, setTheme, theme } from "../theme.js";
import { html, useState } from "../vendor/preact-htm.module.js";
import { addressOf } from "../view.js";
import { Choice } from "./segments.js";

const PAGES = [
  "",
  "users",
  "services",
  "prompts",
  "tasks",
  "executions",
  "recommendations",
  "alerts",
  "budgets",
  "prices",
  "data-health",
  "settings",
];
const icon = new URL("../icon.svg", import.meta.url).href;

export function Sidebar({ view }) {
  const [isOpen, setOpen] = useState(false);
  const alerts = useReadyAlerts();
  const language = useStore(locale);
  const light = useStore(theme);
  return html`<header class="side ${isOpen ? "open" : ""}"><div class="side-inner">
    <div class="side-top">
      <a class="brand" href=${addressOf("/")}><img src=${icon} alt="" />Spanledger</a>
      <button class="menu-button" aria-expanded=${String(isOpen)} aria-controls="pages" onClick=${() => setOpen(!isOpen)}>${t("menu")}</button>
    </div>
    <nav id="pages" aria-label=${t("nav.label")}>
      <ul onClick=${() => setOpen(false)}>
        ${PAGES.map(
          (page) => html`<li key=${page}>
            <a href=${addressOf(`/${page}`)} aria-current=${view.page === page ? "page" : undefined}>
              ${t(page ? `nav.${page}` : "nav.overview")}
              ${page === "alerts" && alerts > 0 && html`<span class="badge bad">${alerts}</span>`}
            </a>
          </li>`,
        )}
      </ul>
    </nav>
    <div class="side-foot">
      <${Choice} label=${t("language")} value=${language} onChoose=${(name) => loadLocale(name, true)}
        options=${Object.entries(LOCALES).map(([value, label]) => ({ value, label }))} />
      <${Choice} label=${t("theme")} value=${light} onChoose=${setTheme}
        options=${THEMES.map((value) => ({ value, label: t(`theme.${value}`) }))} />
      <a href="/docs">${t("nav.api")}</a>
    </div>
  </div></header>`;
}

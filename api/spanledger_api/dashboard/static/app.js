// The frame around every page.
import { locked } from "./api.js";
import { locale, t } from "./i18n.js";
import { changes } from "./live.js";
import { Overview } from "./pages/overview.js";
import { Footer } from "./parts/footer.js";
import { Gate } from "./parts/gate.js";
import { Sidebar } from "./parts/sidebar.js";
import { Toolbar } from "./parts/toolbar.js";
import { useStore } from "./store.js";
import { html, useEffect, useState } from "./vendor/preact-htm.module.js";
import { useView } from "./view.js";

/** Modules of the pages beside the first screen, and which of their exports shows the list or the one thing. */
const PAGES = {
  users: () => import("./pages/users.js"),
  services: () => import("./pages/services.js"),
  prompts: () => import("./pages/prompts.js"),
  tasks: () => import("./pages/tasks.js"),
  executions: () => import("./pages/executions.js"),
  recommendations: () => import("./pages/recommendations.js"),
  alerts: () => import("./pages/alerts.js"),
  budgets: () => import("./pages/budgets.js"),
  prices: () => import("./pages/prices.js"),
  "data-health": () => import("./pages/data-health.js"),
  settings: () => import("./pages/settings.js"),
};

/** Pages whose content depends on neither range nor filters. */
const TIMELESS = ["alerts", "budgets", "prices", "settings"];

const RELOADED = "spanledger.reloaded";

function usePage(name) {
  const [pages, setPages] = useState({ "": Overview });
  useEffect(() => {
    if (pages[name] || !PAGES[name]) return;
    PAGES[name]().then(
      (module) => {
        sessionStorage.removeItem(RELOADED);
        setPages((known) => ({ ...known, [name]: module.Page }));
      },
      () => {
        // The server has other files by now: its page names them.
        if (sessionStorage.getItem(RELOADED)) return;
        sessionStorage.setItem(RELOADED, name);
        location.reload();
      },
    );
  }, [name, pages]);
  return pages[name];
}

function Announcer() {
  const version = useStore(changes);
  return html`<p class="hidden" role="status">${version ? t("live.updated") : ""}</p>`;
}

export function App() {
  const view = useView();
  const isLocked = useStore(locked);
  useStore(locale);
  const Page = usePage(view.page);
  useEffect(() => {
    const place = view.name || t(view.page ? `nav.${view.page}` : "nav.overview");
    document.title = `${place} · Spanledger`;
  });
  if (isLocked) return html`<${Gate} />`;
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t("skip")}</a>
    <div class="frame">
      <${Sidebar} view=${view} />
      <div class="content">
        <${Toolbar} view=${view} isTimed=${!TIMELESS.includes(view.page) && !(view.page === "executions" && view.name)} />
        <main id="main" tabindex="-1" data-page=${view.page || "overview"}>
          ${Page ? html`<${Page} key=${view.page} view=${view} />` : html`<div class="skeleton block"></div>`}
        </main>
        <${Footer} view=${view} />
      </div>
    </div>
    <${Announcer} />
  `;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

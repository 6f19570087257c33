// Where it starts: the language first, then the pages.
import { App } from "./app.js";
import { loadLocale } from "./i18n.js";
import { startLive } from "./live.js";
import { startLinks } from "./links.js";
import { html, render } from "./vendor/preact-htm.module.js";

startLinks();
loadLocale().then(() => {
  const place = /** @type {HTMLElement} */ (document.getElementById("app"));
  place.replaceChildren();
  render(html`<${App} />`, place);
  startLive();
});

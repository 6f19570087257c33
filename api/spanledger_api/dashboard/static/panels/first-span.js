// What to do while the ledger is empty.
import { t } from "../i18n.js";
import { html } from "../vendor/preact-htm.module.js";

const INSTALL = "pip install 'spanledger[engine]'";
const RUN = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 spanledger run -- python app.py";

export function FirstSpan() {
  return html`<div class="notice">
    <p><strong>${t("first.title")}</strong></p>
    <p>${t("first.words")}</p>
    <pre tabindex="0">${INSTALL}\n${RUN}</pre>
    <p>${t("first.or")} <code>spanledger demo</code></p>
  </div>`;
}

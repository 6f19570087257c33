// Asks for a key where the API wants one.
import { Problem, key, locked, request } from "../api.js";
import { t } from "../i18n.js";
import { refresh } from "../live.js";
import { html, useState } from "../vendor/preact-htm.module.js";

export function Gate() {
  const [refusal, setRefusal] = useState(key.get() ? t("gate.refused") : "");
  const submit = async (event) => {
    event.preventDefault();
    const field = event.target.querySelector("input");
    key.set(field.value.trim());
    try {
      await request("/api/freshness");
      locked.set(false);
      refresh();
    } catch (error) {
      key.set(null);
      const isRefused = error instanceof Problem && error.status === 401;
      setRefusal(isRefused || !(error instanceof Error) ? t("gate.refused") : error.message);
      field.focus();
    }
  };
  return html`<main class="gate" id="main" tabindex="-1">
    <form onSubmit=${submit}>
      <h1>${t("gate.title")}</h1>
      <p class="muted">${t("gate.words")}</p>
      <label>${t("gate.key")}
        <input type="password" name="key" autocomplete="current-password" required aria-describedby="gate-refusal" />
      </label>
      <p id="gate-refusal" class="bad" role="alert">${refusal}</p>
      <button class="primary">${t("gate.enter")}</button>
    </form>
  </main>`;
}

/** Forget the key. */
export function logOut() {
  key.set(null);
  locked.set(true);
}

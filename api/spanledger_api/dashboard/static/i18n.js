// What the pages say, in the reader's language; the texts are in locales/.
import { createStore } from "./store.js";

export const LOCALES = { en: "English", "zh-TW": "繁體中文" };
const KEPT = "spanledger.locale";
const base = new URL("./locales/", import.meta.url);

/** @type {Record<string, string>} */
let catalogue = {};

/** The language shown; it changes once its texts are there. */
export const locale = createStore("en");

function preferred() {
  const asked = new URLSearchParams(location.search).get("lang") || localStorage.getItem(KEPT);
  for (const tag of [...(asked ? [asked] : []), ...navigator.languages]) {
    if (tag in LOCALES) return tag;
    if (tag.toLowerCase().startsWith("zh")) return "zh-TW";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

/** Load the texts of the language that the reader prefers, or of the one stated. */
export async function loadLocale(name = preferred(), keep = false) {
  const answer = await fetch(new URL(`${name}.json`, base));
  catalogue = await answer.json();
  document.documentElement.lang = name;
  if (keep) localStorage.setItem(KEPT, name);
  locale.set(name);
}

/**
 * A text with its values filled in; a key that the catalogue lacks shows itself.
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 */
export function t(key, values = {}) {
  return (catalogue[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * A text for something that the API names; its own name where the catalogue has none.
 * @param {string} group
 * @param {string} name
 */
export function named(group, name) {
  return catalogue[`${group}.${name}`] ?? name;
}

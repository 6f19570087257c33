// What the address says: which page, which stretch of time, whose records. Whoever opens the address sees the same.
import { createStore, useStore } from "./store.js";
import { createContext, useContext } from "./vendor/preact-htm.module.js";
import { DEFAULT_RANGE, PRESETS } from "./range.js";
import { isZone } from "./zone.js";

const KEPT_ZONE = "spanledger.zone";
const DAY = /^\d{4}-\d\d-\d\d$/;

/** Name of a filter in the address and in the API, and the dimension whose values it takes. */
export const FILTERS = {
  service: "service",
  userId: "user",
  taskType: "task_type",
  step: "step",
  prompt: "prompt",
  operation: "operation",
  model: "model",
  source: "source",
  status: "status",
};
export const GROUPINGS = ["service", "user", "prompt", "model", "task_type", "step", "operation", "source", "status"];

/**
 * @typedef {object} View
 * @property {string} page first part of the path; empty: the first screen
 * @property {string} name rest of the path; empty: the list
 * @property {string} range
 * @property {string | null} from
 * @property {string | null} to
 * @property {string} zone
 * @property {string} group
 * @property {string} interval
 * @property {string} currency
 * @property {Record<string, string>} filters
 * @property {URLSearchParams} query
 */

/** @returns {View} */
function read() {
  const [, page = "", ...rest] = location.pathname.split("/");
  const query = new URLSearchParams(location.search);
  const group = query.get("group") ?? "";
  const currency = query.get("currency") ?? "";
  const zone = query.get("tz") || localStorage.getItem(KEPT_ZONE) || "UTC";
  const from = DAY.test(query.get("from") ?? "") ? query.get("from") : null;
  const range = from ? "custom" : (query.get("range") ?? DEFAULT_RANGE);
  return {
    page,
    name: rest.map(decodeURIComponent).join("/"),
    range: from || PRESETS.includes(range) ? range : DEFAULT_RANGE,
    from,
    to: DAY.test(query.get("to") ?? "") ? query.get("to") : null,
    zone: isZone(zone) ? zone : "UTC",
    group: GROUPINGS.includes(group) ? group : "service",
    interval: query.get("interval") === "hour" ? "hour" : "day",
    currency: /^[A-Z]{3}$/.test(currency) ? currency : "USD",
    filters: Object.fromEntries(
      Object.keys(FILTERS)
        .filter((name) => query.has(name))
        .map((name) => [name, query.get(name) ?? ""]),
    ),
    query,
  };
}

export const view = createStore(read());

/** What a page narrows the view to, for all parts of it. */
export const Narrowed = createContext(/** @type {View | null} */ (null));

/** @returns {View} */
export function useView() {
  const everything = useStore(view);
  return useContext(Narrowed) ?? everything;
}

addEventListener("popstate", () => view.set(read()));

/** Parameters that a link to another page takes along. */
const LASTING = ["range", "from", "to", "tz", "currency", "lang", ...Object.keys(FILTERS)];

/**
 * The address of a page with the current range and filters, and some parameters changed; null takes one away.
 * @param {string} path
 * @param {Record<string, string | null>} [changes]
 */
export function addressOf(path, changes = {}) {
  const query = new URLSearchParams();
  const here = new URLSearchParams(location.search);
  const names = path === location.pathname ? [...here.keys()] : LASTING;
  for (const name of names) {
    const value = here.get(name);
    if (value !== null) query.set(name, value);
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** Go to an address within the dashboard. */
export function navigate(address, { replace = false } = {}) {
  const leaves = new URL(address, location.origin).pathname !== location.pathname;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  view.set(read());
  if (leaves) {
    scrollTo(0, 0);
    document.querySelector("main")?.focus({ preventScroll: true });
  }
}

/** Change parameters of the address of this page. */
export const change = (changes) => navigate(addressOf(location.pathname, changes), { replace: true });

export function keepZone(zone) {
  localStorage.setItem(KEPT_ZONE, zone);
  change({ tz: zone });
}

/** The path of what has a name. */
export const pathOf = (page, name) => `/${page}/${encodeURIComponent(name)}`;

// Whether the ledger has changed. One small question every few seconds, answered 304 while nothing happens.
import { Problem, locked, pace, request } from "./api.js";
import { createStore } from "./store.js";

const EVERY_MS = 3000;
const QUIET_FACTOR = 4; // reports take at most a quarter of the time, however busy the ledger

/** Counts the changes seen; whoever shows data asks anew when it grows. */
export const changes = createStore(0);

/** Whether the API answers. */
export const reachable = createStore(true);

/** @type {string | null} */
let tag = null;
/** What the ledger says of its newest record; null until it is known. */
export const freshness = createStore(/** @type {{newest_arrival: string | null} | null} */ (null));

let lastChange = 0;
let timer = 0;

async function look() {
  clearTimeout(timer);
  if (document.visibilityState === "visible" && !locked.get()) {
    try {
      const answer = await request("/api/freshness", tag ? { headers: { "If-None-Match": tag } } : {});
      const wasAway = !reachable.get();
      reachable.set(true);
      if (answer.status !== 304) {
        const isFirst = tag === null;
        tag = answer.headers.get("ETag");
        freshness.set(await answer.json());
        if (!isFirst) announce();
      } else if (wasAway) announce();
    } catch (error) {
      reachable.set(error instanceof Problem && error.status !== 0 && error.status < 500);
    }
  }
  timer = setTimeout(look, EVERY_MS);
}

function announce() {
  const wait = Math.max(0, lastChange + QUIET_FACTOR * pace.slowest - Date.now());
  setTimeout(refresh, wait);
}

/** Have everything asked for anew. */
export function refresh() {
  lastChange = Date.now();
  changes.set(changes.get() + 1);
}

export function startLive() {
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
  look();
}

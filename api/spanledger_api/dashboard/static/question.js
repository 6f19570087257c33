// The questions of the pages: each report with the range and those filters that it understands.
import { questionOf } from "./api.js";
import { rangeOf } from "./range.js";
import { useView } from "./view.js";

const WHO = ["userId", "taskType"];
const EVERYTHING = ["service", "userId", "taskType", "step", "prompt", "operation", "model", "source", "status"];

/** Filters that each path understands; the others it would refuse. */
export const UNDERSTOOD = {
  "/api/analytics/cost/breakdown": EVERYTHING,
  "/api/analytics/cost/movers": EVERYTHING,
  "/api/analytics/cost/failures": EVERYTHING,
  "/api/analytics/cost/unit-economics": EVERYTHING,
  "/api/analytics/usage": EVERYTHING,
  "/api/analytics/cost/unpriced": ["service", ...WHO],
  "/api/analytics/cost/fallback": ["service", ...WHO],
  "/api/analytics/cost/users": ["service", ...WHO],
  "/api/analytics/cost/services": ["service", ...WHO],
  "/api/analytics/cost/prompts": WHO,
  "/api/analytics/cost/forecast": ["service", ...WHO],
  "/api/analytics/performance/latency": WHO,
  "/api/analytics/performance/bottleneck": WHO,
  "/api/analytics/performance/critical-path": WHO,
  "/api/analytics/performance/cost-latency": WHO,
  "/api/executions": [...WHO, "status"],
};
const WITHOUT_CURRENCY = /^\/api\/(analytics\/performance\/(?!cost-latency)|executions|dimensions|alerts)/;
const WITHOUT_RANGE = /\/forecast$/;
const EXECUTION_STATUSES = ["running", "completed", "failed"];

/** Filters of the view that a path does not understand. */
export function ignoredFilters(path, filters) {
  return Object.keys(filters).filter((name) => !understood(path, name, filters[name]));
}

function understood(path, name, value) {
  if (path === "/api/executions" && name === "status" && !EXECUTION_STATUSES.includes(value)) return false;
  return (UNDERSTOOD[path] ?? []).includes(name);
}

/**
 * The address of a report for the range and filters of a view.
 * @param {string} path
 * @param {import("./view.js").View} view
 * @param {Record<string, unknown>} [parameters] go before the view's own
 */
export function reportOf(path, view, parameters = {}) {
  const { from, to } = rangeOf(view, Date.now());
  const filters = Object.entries(view.filters).filter(([name, value]) => understood(path, name, value));
  return questionOf(path, {
    ...(WITHOUT_RANGE.test(path) ? {} : { from: instant(from), to: to === null ? null : instant(to) }),
    ...(view.zone === "UTC" ? {} : { timezone: view.zone }),
    ...(WITHOUT_CURRENCY.test(path) || view.currency === "USD" ? {} : { currency: view.currency }),
    ...Object.fromEntries(filters),
    ...parameters,
  });
}

/** A report for the current view. */
export function useReport(path, parameters = {}) {
  return reportOf(path, useView(), parameters);
}

const instant = (milliseconds) => new Date(milliseconds).toISOString().replace(".000Z", "Z");

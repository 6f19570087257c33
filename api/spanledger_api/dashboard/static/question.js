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
  "/api/analytics/cost/unpriced": EVERYTHING,
  "/api/analytics/cost/fallback": EVERYTHING,
  "/api/analytics/cost/users": EVERYTHING,
  "/api/analytics/cost/services": EVERYTHING,
  "/api/analytics/cost/prompts": EVERYTHING,
  "/api/analytics/cost/forecast": EVERYTHING,
  "/api/analytics/usage": EVERYTHING,
  "/api/analytics/performance/latency": [...WHO, "step", "status"],
  "/api/analytics/performance/latency?by=service": EVERYTHING,
  "/api/analytics/performance/latency?by=operation": EVERYTHING,
  "/api/analytics/performance/bottleneck": WHO,
  "/api/analytics/performance/critical-path": WHO,
  "/api/analytics/performance/cost-latency": WHO,
  "/api/alerts": ["service", ...WHO, "operation"],
  "/api/executions": EVERYTHING,
  "/api/health/data": EVERYTHING,
};
const WITHOUT_CURRENCY = /^\/api\/(analytics\/performance\/(?!cost-latency)|executions|dimensions|alerts)/;
const WITHOUT_RANGE = /\/forecast$/;
const EXECUTION_STATUSES = ["running", "completed", "failed"];

/**
 * Filters of the view that a report does not understand.
 * @param {string} address
 * @param {Record<string, string>} filters
 */
export function ignoredFilters(address, filters) {
  const [path, query] = address.split("?");
  const by = new URLSearchParams(query).get("by");
  return Object.keys(filters).filter((name) => !understood(path, by, name, filters[name]));
}

function understood(path, by, name, value) {
  // An execution runs, or has completed or failed; calls succeed or fail.
  if (path === "/api/executions" && name === "status" && !EXECUTION_STATUSES.includes(value)) return false;
  return (UNDERSTOOD[`${path}?by=${by}`] ?? UNDERSTOOD[path] ?? []).includes(name);
}

/**
 * The address of a report for the range and filters of a view.
 * @param {string} path
 * @param {import("./view.js").View} view
 * @param {Record<string, unknown>} [parameters] go before the view's own
 */
export function reportOf(path, view, parameters = {}) {
  const { from, to } = rangeOf(view, Date.now());
  const filters = Object.entries(view.filters).filter(([name, value]) => understood(path, parameters.by, name, value));
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

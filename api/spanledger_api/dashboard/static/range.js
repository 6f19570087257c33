// Stretches of time by name, in the calendar of a time zone.
import { addDays, dayOf, firstOfMonth, startOfDay } from "./zone.js";

export const PRESETS = ["today", "7d", "30d", "90d", "month", "last_month"];
export const DEFAULT_RANGE = "30d";
const DAYS = { today: 1, "7d": 7, "30d": 30, "90d": 90 };

/**
 * @typedef {{from: number, to: number | null, days: number}} Range half-open, in milliseconds; `to` null: until now
 */

/**
 * @param {{range: string, from: string | null, to: string | null, zone: string}} view
 * @param {number} now
 * @returns {Range}
 */
export function rangeOf(view, now) {
  const today = dayOf(now, view.zone);
  const start = (day) => startOfDay(day, view.zone);
  const between = (first, last) => ({ from: start(first), to: last === null ? null : start(last) });
  const range = (() => {
    if (view.range === "custom" && view.from) {
      const first = Date.parse(view.from);
      const last = view.to ? addDays(Date.parse(view.to), 1) : null;
      return between(first, last !== null && last > today ? null : last);
    }
    if (view.range === "month") return between(firstOfMonth(today), null);
    if (view.range === "last_month") return between(firstOfMonth(today, -1), firstOfMonth(today));
    return between(addDays(today, 1 - (DAYS[view.range] ?? 30)), null);
  })();
  return { ...range, days: Math.max(1, Math.round(((range.to ?? now) - range.from) / 86_400_000)) };
}

/** A calendar day as the address and date fields write it. */
export const isoDay = (day) => new Date(day).toISOString().slice(0, 10);

// Rows of a breakdown over time as the series of a chart.
import { exactSum } from "../decimal.js";
import { rangeOf } from "../range.js";
import { buckets } from "../zone.js";

/**
 * @typedef {{name: string, isRest: boolean, values: number[], total: import("../decimal.js").Exact}} Group
 * @param {any[]} rows ascending by time
 * @param {import("../view.js").View} view
 * @param {string} rest what the groups beyond the most expensive ones are called
 * @returns {{times: number[], groups: Group[], isUnknown: boolean[]}}
 */
export function seriesOf(rows, view, rest) {
  const { from, to } = rangeOf(view, Date.now());
  const times = buckets(from, Math.min(to ?? Infinity, Date.now()), view.interval, view.zone);
  const positions = new Map(times.map((time, index) => [time, index]));
  const found = new Map();
  const isUnknown = times.map(() => Object.keys(view.filters).length === 0);
  for (const row of rows) {
    const position = positions.get(Date.parse(row.time));
    if (position === undefined) continue; // spans of a clock that runs fast
    const name = row[view.group];
    if (!found.has(name)) found.set(name, { values: times.map(() => 0), amounts: [] });
    found.get(name).values[position] += Number(row.total_cost);
    found.get(name).amounts.push(row.total_cost);
    isUnknown[position] = false;
  }
  const groups = [...found].map(([name, { values, amounts }]) => ({
    name,
    isRest: name === rest,
    values,
    total: exactSum(amounts),
  }));
  groups.sort((one, other) => Number(one.isRest) - Number(other.isRest) || Number(other.total) - Number(one.total));
  return { times, groups, isUnknown };
}

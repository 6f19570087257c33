// The calendar of a time zone: which day an instant lies in, and when a day begins.

const parts = new Map();
const DAY_MS = 86_400_000;

/** @param {string} zone */
function reader(zone) {
  if (!parts.has(zone)) {
    const options = /** @type {const} */ ({
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    parts.set(zone, new Intl.DateTimeFormat("en-US", options));
  }
  return parts.get(zone);
}

/** Minutes that the zone's clocks are ahead of UTC at an instant, in milliseconds. */
function offset(instant, zone) {
  const at = Object.fromEntries(
    reader(zone)
      .formatToParts(instant)
      .map((part) => [part.type, Number(part.value)]),
  );
  const shown = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return shown - Math.floor(instant / 1000) * 1000;
}

/** The calendar day of an instant, as a date at midnight UTC in milliseconds. */
export function dayOf(instant, zone) {
  return Math.floor((instant + offset(instant, zone)) / DAY_MS) * DAY_MS;
}

/** The first instant of a calendar day that {@link dayOf} gave. */
export function startOfDay(day, zone) {
  const guess = day - offset(day, zone);
  const better = day - offset(guess, zone);
  return dayOf(better, zone) === day ? better : guess;
}

/** A calendar day some days later. */
export const addDays = (day, days) => day + days * DAY_MS;

/** The first day of a day's month, or of the month so many months later. */
export function firstOfMonth(day, months = 0) {
  const date = new Date(day);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
}

/** The first instants of the hours or days between two instants, of which `from` begins one. */
export function buckets(from, to, interval, zone) {
  const found = [];
  if (interval === "hour") {
    for (let at = from; at < to; at += 3_600_000) found.push(at);
    return found;
  }
  for (let day = dayOf(from, zone); startOfDay(day, zone) < to; day = addDays(day, 1))
    found.push(startOfDay(day, zone));
  return found;
}

export const isZone = (name) => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

export const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

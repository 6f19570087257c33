// Numbers, money, times and durations as the reader's language writes them.
import { Exact } from "./decimal.js";
import { locale, t } from "./i18n.js";

const made = new Map();

/** @param {string} kind @param {object} options */
function formatter(kind, options) {
  const key = `${locale.get()} ${kind} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new Intl[kind](locale.get(), options));
  return made.get(key);
}

/** Cents, or as many places as a smaller amount needs to say anything. */
export function money(amount, currency = "USD") {
  const size = Math.abs(Number(amount));
  const digits =
    size === 0 || size >= 0.01
      ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
      : { minimumSignificantDigits: 1, maximumSignificantDigits: 2 };
  return formatter("NumberFormat", { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits }).format(
    amount instanceof Exact ? amount.text : amount,
  );
}

/** What one unit costs: three digits that say something. */
export function unitMoney(amount, currency = "USD") {
  const size = Math.abs(Number(amount));
  const digits =
    size >= 1 || size === 0 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumSignificantDigits: 3 };
  return formatter("NumberFormat", { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits }).format(
    Number(amount),
  );
}

/** A price with every digit that it is published with. */
export function price(amount, currency = "USD") {
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 18 };
  return formatter("NumberFormat", { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits }).format(
    amount instanceof Exact ? amount.text : amount,
  );
}

/** A change with its sign. */
export function signedMoney(amount, currency = "USD") {
  const text = money(Math.abs(Number(amount)), currency);
  return `${Number(amount) < 0 ? "−" : "+"}${text}`;
}

/** A short amount for an axis. */
export function axisMoney(amount, currency = "USD") {
  const size = Math.abs(amount);
  const isCompact = size >= 10_000;
  return formatter("NumberFormat", {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    notation: isCompact ? "compact" : "standard",
    // $1M and $1.2M may be neighbours.
    maximumFractionDigits: isCompact ? 1 : size >= 10 || size === 0 ? 0 : size >= 1 ? 1 : 4,
    minimumFractionDigits: 0,
  }).format(amount);
}

/** Every digit, for titles and copies. */
export function exactMoney(amount, currency = "USD") {
  return amount === null || amount === undefined ? "" : `${amount} ${currency}`;
}

export function number(value, places = 0) {
  const text = value instanceof Exact ? value.text : value;
  return formatter("NumberFormat", { maximumFractionDigits: places }).format(text);
}

/** A quantity in few digits: 4.6M, 352.9, 0.0042. */
export function quantity(value) {
  const size = Math.abs(Number(value));
  if (size >= 10_000) return formatter("NumberFormat", { notation: "compact", maximumFractionDigits: 1 }).format(size);
  if (size >= 1 || size === 0) return formatter("NumberFormat", { maximumFractionDigits: 1 }).format(size);
  return formatter("NumberFormat", { maximumSignificantDigits: 2 }).format(size);
}

/** A share from 0 to 1 as percent; what is not 0 is not shown as 0. */
export function percent(share, places = 1) {
  const value = Number(share);
  const least = 10 ** -(places + 2);
  if (value > 0 && value < least) return `< ${percent(least, places)}`;
  const digits = value === 0 || value === 1 ? 0 : places;
  return formatter("NumberFormat", {
    style: "percent",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** A change in percent; from tenfold on as a multiple. */
export function signedPercent(change) {
  const share = Math.abs(Number(change)) / 100;
  if (Number(change) > 0 && share >= 9) return `×${quantity(share + 1)}`;
  return `${Number(change) < 0 ? "−" : "+"}${percent(share)}`;
}

/** Milliseconds in the unit that fits. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  const value = Number(milliseconds);
  const unit = (amount, name, places) =>
    formatter("NumberFormat", {
      style: "unit",
      unit: name,
      unitDisplay: "narrow",
      minimumFractionDigits: places,
      maximumFractionDigits: places,
    }).format(amount);
  if (value < 1) return unit(value, "millisecond", 2);
  if (value < 1000) return unit(value, "millisecond", 0);
  if (value < 100_000) return unit(value / 1000, "second", value < 10_000 ? 2 : 1);
  if (value < 6_000_000) return unit(value / 60_000, "minute", 1);
  if (value < 172_800_000) return unit(value / 3_600_000, "hour", 1);
  return unit(value / 86_400_000, "day", 1);
}

export function day(instant, zone) {
  return formatter("DateTimeFormat", { timeZone: zone, month: "short", day: "numeric" }).format(new Date(instant));
}

export function fullDay(instant, zone) {
  const options = { timeZone: zone, weekday: "short", year: "numeric", month: "short", day: "numeric" };
  return formatter("DateTimeFormat", options).format(new Date(instant));
}

export function fullDate(instant, zone) {
  return formatter("DateTimeFormat", { timeZone: zone, dateStyle: "medium" }).format(new Date(instant));
}

export function month(instant, zone) {
  return formatter("DateTimeFormat", { timeZone: zone, month: "long" }).format(new Date(instant));
}

export function time(instant, zone) {
  const options = {
    timeZone: zone,
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  };
  return formatter("DateTimeFormat", options).format(new Date(instant));
}

export function exactTime(instant, zone) {
  const options = { timeZone: zone, dateStyle: "medium", timeStyle: "long", hourCycle: "h23" };
  return formatter("DateTimeFormat", options).format(new Date(instant));
}

/** @type {[string, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, in one unit. */
export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(Number(milliseconds) / 1000));
  if (seconds < 5) return t("just_now");
  const [unit, size] = UNITS.find((each) => seconds >= each[1]) ?? ["second", 1];
  return formatter("RelativeTimeFormat", { numeric: "always" }).format(-Math.floor(seconds / size), unit);
}

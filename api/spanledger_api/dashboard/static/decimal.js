// Amounts with every digit. The API writes them as JSON numbers of any length; JSON.parse alone would round them.

const NUMBERS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+\.\d+(?:[eE][+-]?\d+)?|-?\d{16,}/g;
const MARK = "\u0001";
const MARKED = /^\u0001-?\d+(\.\d+)?([eE][+-]?\d+)?$/;
const PLACES = 12;

/** A decimal number: its text has every digit, arithmetic sees the nearest floating-point number. */
export class Exact {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.number = Number(text);
  }

  valueOf() {
    return this.number;
  }

  toString() {
    return this.text;
  }

  toJSON() {
    return this.text;
  }
}

/**
 * A JSON document whose decimals become {@link Exact}; short integers stay numbers.
 * @param {string} text
 * @returns {any}
 */
export function parseExact(text) {
  const marked = text.replace(NUMBERS, (token) => (token[0] === '"' ? token : `"\\u0001${token}"`));
  return JSON.parse(marked, (_, value) =>
    typeof value === "string" && value[0] === MARK && MARKED.test(value) ? new Exact(value.slice(1)) : value,
  );
}

/**
 * The exact sum of amounts with at most 12 places.
 * @param {Iterable<Exact | number>} amounts
 * @returns {Exact}
 */
export function exactSum(amounts) {
  let sum = 0n;
  for (const amount of amounts) sum += scaled(String(amount));
  const sign = sum < 0n ? "-" : "";
  const digits = String(sum < 0n ? -sum : sum).padStart(PLACES + 1, "0");
  const fraction = digits.slice(-PLACES).replace(/0+$/, "");
  return new Exact(sign + digits.slice(0, -PLACES) + (fraction && `.${fraction}`));
}

/** @param {string} text */
function scaled(text) {
  if (/[eE]/.test(text)) return BigInt(Math.round(Number(text) * 10 ** PLACES));
  const [whole, fraction = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole + fraction.padEnd(PLACES, "0").slice(0, PLACES));
  return text.startsWith("-") ? -value : value;
}

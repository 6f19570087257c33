// Questions to the API: the key goes along, amounts keep their digits, errors say what they are.
import { parseExact } from "./decimal.js";
import { locale } from "./i18n.js";
import { createStore } from "./store.js";

const KEPT_KEY = "spanledger.key";

/** Whether the API has refused for want of a key. */
export const locked = createStore(false);

/** How long the slowest of the last answers took, in milliseconds. */
export const pace = { slowest: 0 };

/** What the API said instead of an answer. */
export class Problem extends Error {
  /** @param {number} status @param {string} detail @param {string} [kind] */
  constructor(status, detail, kind = "") {
    super(detail);
    this.status = status;
    this.kind = kind;
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEPT_KEY),
  set(value) {
    if (value) sessionStorage.setItem(KEPT_KEY, value);
    else sessionStorage.removeItem(KEPT_KEY);
  },
};

/**
 * The address of a question; parameters that are null, undefined or empty lists are left out.
 * @param {string} path
 * @param {Record<string, unknown>} [parameters]
 */
export function questionOf(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * @param {string} address
 * @param {RequestInit} [options]
 */
export async function request(address, options = {}) {
  const headers = new Headers(options.headers);
  headers.set("Accept-Language", locale.get());
  if (key.get()) headers.set("Authorization", `Bearer ${key.get()}`);
  let answer;
  try {
    answer = await fetch(address, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, String(error), "unreachable");
  }
  if (answer.status === 401) locked.set(true);
  if (!answer.ok && answer.status !== 304) throw await problemOf(answer);
  return answer;
}

async function problemOf(answer) {
  const text = await answer.text();
  try {
    const { detail, title, type } = JSON.parse(text);
    return new Problem(
      answer.status,
      String(detail ?? title),
      String(type ?? "")
        .split(":")
        .pop(),
    );
  } catch {
    return new Problem(answer.status, text.slice(0, 200) || answer.statusText);
  }
}

/** @typedef {{rows: any, asOf: string | null, unpriced: number, fallback: number, next: string | null}} Answer */

/**
 * Ask and read the answer.
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function ask(address, signal) {
  const began = performance.now();
  const answer = await request(address, { signal });
  const rows = parseExact(await answer.text());
  pace.slowest = Math.max(pace.slowest * 0.9, performance.now() - began);
  return {
    rows,
    asOf: answer.headers.get("Spanledger-Data-As-Of"),
    unpriced: Number(answer.headers.get("Spanledger-Unpriced-Share") ?? 0),
    fallback: Number(answer.headers.get("Spanledger-Fallback-Share") ?? 0),
    next: /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? null,
  };
}

/**
 * Make a change.
 * @param {string} method
 * @param {string} address
 * @param {unknown} [body]
 */
export async function send(method, address, body) {
  const options =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await request(address, { method, ...options });
  const text = await answer.text();
  return text ? parseExact(text) : null;
}

/** Keep what a question answers as a file. */
export async function download(address, name) {
  const answer = await request(address);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// What a component shows of the API: the last answer stays while the next one is on its way, so nothing flickers.
import { ask } from "./api.js";
import { locale } from "./i18n.js";
import { changes } from "./live.js";
import { Sight } from "./sight.js";
import { useStore } from "./store.js";
import { useContext, useEffect, useRef, useState } from "./vendor/preact-htm.module.js";

const MOST_AT_ONCE = 4; // the first figures would otherwise wait for a ledger that computes all of them together
const KEPT_MS = 10_000;

/** @type {(() => void)[]} */
const queue = [];
let running = 0;

/**
 * Ask in the order of the page, a few at once.
 * @param {string} address
 */
async function inTurn(address) {
  if (running >= MOST_AT_ONCE) await new Promise((resolve) => queue.push(() => resolve(undefined)));
  else running += 1;
  try {
    return await ask(address);
  } finally {
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  }
}

/** @typedef {{version: number, at: number, answer: Promise<import("./api.js").Answer>}} Known */

/** @type {Map<string, Known>} */
const known = new Map();

/**
 * Components that ask the same of the same state of the ledger share one request.
 * @param {string} address
 * @param {number} version counts the changes of the ledger
 * @param {boolean} isAnew whether an answer that is there will not do
 */
function shared(address, version, isAnew) {
  const name = `${locale.get()} ${address}`; // some answers are in the reader's language
  const last = known.get(name);
  const isFresh = last && last.version === version && Date.now() - last.at < (isAnew ? 0 : KEPT_MS);
  if (last && isFresh) return last.answer;
  const asked = { version, at: Infinity, answer: inTurn(address) }; // on its way it serves everybody
  known.set(name, asked);
  const forget = () => known.get(name) === asked && known.delete(name);
  asked.answer.then(() => {
    asked.at = Date.now();
    setTimeout(forget, KEPT_MS);
  }, forget);
  return asked.answer;
}

/** @typedef {{address: string | null, answer: import("./api.js").Answer | null, error: any}} State */

/**
 * @typedef {{rows: any, answer: import("./api.js").Answer | null, error: any, isLoading: boolean, isStale: boolean,
 *   address: string | null, retry: () => void}} Resource
 */

/**
 * @param {string | null} address what to ask; null asks nothing
 * @param {number} [everyMs] how often to ask again although no record has changed; 0: never
 * @returns {Resource}
 */
export function useResource(address, everyMs = 0) {
  const version = useStore(changes);
  const isSeen = useContext(Sight)?.isSeen ?? true;
  const [again, setAgain] = useState(0);
  const [state, setState] = useState(/** @type {State} */ ({ address: null, answer: null, error: null }));
  const asked = useRef({ address: /** @type {string | null} */ (null), version, again });
  useEffect(() => {
    const last = asked.current;
    if (!address || !isSeen) return;
    if (last.address === address && last.version === version && last.again === again) return;
    const mine = { address, version, again };
    asked.current = mine;
    const isCurrent = () => asked.current === mine;
    shared(address, version, again !== last.again).then(
      (answer) => isCurrent() && setState({ address, answer, error: null }),
      (error) =>
        isCurrent() &&
        setState((before) => ({ address, answer: before.address === address ? before.answer : null, error })),
    );
  }, [address, version, again, isSeen]);
  useEffect(
    () => () => {
      asked.current = { address: null, version: -1, again: -1 };
    },
    [],
  );
  useEffect(() => {
    if (!everyMs) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && setAgain((count) => count + 1), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  const isCurrent = state.address === address;
  return {
    rows: state.answer?.rows ?? null,
    answer: state.answer,
    error: isCurrent && !state.answer ? state.error : null,
    isLoading: Boolean(address) && !isCurrent && !state.answer,
    isStale: Boolean(address) && !isCurrent && Boolean(state.answer),
    address,
    retry: () => setAgain(again + 1),
  };
}

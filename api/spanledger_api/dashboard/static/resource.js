// What a component shows of the API: the last answer stays while the next one is on its way, so nothing flickers.
import { ask } from "./api.js";
import { changes } from "./live.js";
import { useStore } from "./store.js";
import { useEffect, useState } from "./vendor/preact-htm.module.js";

/** @type {Map<string, Promise<import("./api.js").Answer>>} */
const onTheWay = new Map();

/** Components that ask the same at the same time share one request. */
function shared(address) {
  const known = onTheWay.get(address);
  if (known) return known;
  const answer = ask(address).finally(() => onTheWay.delete(address));
  onTheWay.set(address, answer);
  return answer;
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
  const [again, setAgain] = useState(0);
  const [state, setState] = useState(/** @type {State} */ ({ address: null, answer: null, error: null }));
  useEffect(() => {
    if (!address) return undefined;
    let current = true;
    shared(address).then(
      (answer) => current && setState({ address, answer, error: null }),
      (error) =>
        current && setState((last) => ({ address, answer: last.address === address ? last.answer : null, error })),
    );
    return () => {
      current = false;
    };
  }, [address, version, again]);
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

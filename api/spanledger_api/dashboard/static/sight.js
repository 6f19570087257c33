// Which parts of a page are in view: what nobody looks at is not asked for, and asked for anew only when it is.
import { createContext, html, useCallback, useMemo, useRef, useState } from "./vendor/preact-htm.module.js";

const AHEAD = "120px 0px"; // so that it is mostly there when it is reached

/** What the panel inside is to say of itself; without it, it is always in view. */
export const Sight = createContext(
  /** @type {{isSeen: boolean, watch: (element: Element | null) => void} | null} */ (null),
);

/** Holds one panel, which asks its questions once it comes into view. */
export function WhenSeen({ children }) {
  const [isSeen, setSeen] = useState(false);
  const observer = useRef(/** @type {IntersectionObserver | null} */ (null));
  const watch = useCallback((element) => {
    observer.current?.disconnect();
    observer.current = null;
    if (!element) return;
    const look = (entries) => setSeen(entries[entries.length - 1].isIntersecting);
    observer.current = new IntersectionObserver(look, { rootMargin: AHEAD });
    observer.current.observe(element);
  }, []);
  const sight = useMemo(() => ({ isSeen, watch }), [isSeen]);
  return html`<${Sight.Provider} value=${sight}>${children}<//>`;
}

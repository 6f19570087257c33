// Links within the dashboard change the page without loading it anew.
import { navigate } from "./view.js";

const ELSEWHERE = /^\/(api|docs|assets|metrics|healthz|readyz|openapi\.json)(\/|$)/;

export function startLinks() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element && event.target.closest("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target || link.download) return;
    if (link.hash && link.pathname === location.pathname) return;
    if (ELSEWHERE.test(link.pathname)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

// A small card that opens below its button and closes with Escape or a click elsewhere.
import { html, useEffect, useRef } from "../vendor/preact-htm.module.js";

export function Popover({ label, title, side = "", class: name = "", children }) {
  const place = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const close = (event) => {
      const details = place.current;
      if (!details?.open) return;
      if (event.type === "keydown" && event.key !== "Escape") return;
      if (event.type === "pointerdown" && details.contains(event.target)) return;
      details.open = false;
      if (event.type === "keydown") details.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  const shut = () => {
    if (place.current) place.current.open = false;
  };
  return html`<details class="popover ${side} ${name}" ref=${place}>
    <summary aria-label=${title}>${label}</summary>
    <div class="card">${typeof children === "function" ? children(shut) : children}</div>
  </details>`;
}

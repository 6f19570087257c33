// Light, dark, or as the system is.
import { createStore } from "./store.js";

const KEPT = "spanledger.theme";
export const THEMES = ["auto", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");

export const theme = createStore(document.documentElement.dataset.theme ?? "auto");

/** Counts the times that colours changed; what paints with them itself paints anew. */
export const colours = createStore(0);
const repaint = () => colours.set(colours.get() + 1);
system.addEventListener("change", repaint);

export function setTheme(name) {
  document.documentElement.dataset.theme = name;
  localStorage.setItem(KEPT, name);
  theme.set(name);
  repaint();
}

/** A colour of the current theme. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Colours of series are told apart by people with any kind of colour vision; the rest is grey. */
export const SERIES = 9;
export const seriesColour = (index, isRest = false) => (isRest ? "series-rest" : `series-${(index % SERIES) + 1}`);

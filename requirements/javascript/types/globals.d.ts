// What vendor/uPlot.iife.min.js puts on the page.
import type Plot from "uplot";

declare global {
  const uPlot: typeof Plot;
}

// A chart of stacked bars that can be read by pointer, by keyboard and by ear.
import { money } from "../format.js";
import { t } from "../i18n.js";
import { useStore } from "../store.js";
import { colours } from "../theme.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.module.js";
import { dataOf, optionsOf } from "./chart-options.js";

/**
 * @param {{label: string, series: import("./chart-options.js").Series[], labels: string[], titles: string[],
 *   isUnknown: boolean[], currency: string, onChoose?: (index: number) => void}} properties
 */
export function StackedBars(properties) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {import("uplot") | null} */ (null));
  const [width, setWidth] = useState(0);
  const [index, setIndex] = useState(/** @type {number | null} */ (null));
  const painted = useStore(colours);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  const shape = JSON.stringify([width, painted, properties.labels, properties.isUnknown, properties.series]);
  useEffect(() => {
    if (!width || !place.current) return undefined;
    const stack = { ...properties, width, onCursor: setIndex };
    const painting = new uPlot(optionsOf(stack), dataOf(stack), place.current);
    plot.current = painting;
    return () => painting.destroy();
  }, [shape]);
  const last = properties.labels.length - 1;
  const go = (to) => {
    const position = Math.max(0, Math.min(last, to));
    plot.current?.setCursor({ left: plot.current.valToPos(position, "x"), top: 0 });
  };
  const onKeyDown = (event) => {
    const moves = { ArrowLeft: (index ?? last + 1) - 1, ArrowRight: (index ?? -1) + 1, Home: 0, End: last };
    if (event.key in moves) go(moves[event.key]);
    else if (event.key === "Escape") plot.current?.setCursor({ left: -10, top: -10 });
    else if (event.key === "Enter" && index !== null) properties.onChoose?.(index);
    else return;
    event.preventDefault();
  };
  const shown = Math.min(index ?? last, last);
  return html`<div
    class="chart"
    role="slider"
    tabindex="0"
    aria-label=${properties.label}
    aria-valuemin="0"
    aria-valuemax=${last}
    aria-valuenow=${shown}
    aria-valuetext=${wordsOf(properties, shown)}
    onKeyDown=${onKeyDown}
    onClick=${() => index !== null && properties.onChoose?.(index)}
  >
    <div ref=${place}></div>
    ${index !== null && index <= last && html`<${Tip} ...${properties} index=${index} isLeft=${index > last / 2} />`}
  </div>`;
}

const total = (series, index) => series.reduce((sum, each) => sum + each.values[index], 0);

function wordsOf({ titles, series, isUnknown, currency }, index) {
  if (isUnknown[index]) return `${titles[index]}: ${t("chart.unknown")}`;
  const parts = series
    .filter((each) => each.values[index])
    .sort((one, other) => other.values[index] - one.values[index])
    .map((each) => `${each.label} ${money(each.values[index], currency)}`);
  return `${titles[index]}: ${money(total(series, index), currency)}. ${parts.join(", ")}`;
}

function Tip({ titles, series, isUnknown, currency, index, isLeft }) {
  const style = isLeft ? { left: "66px" } : { right: "10px" };
  const present = series
    .filter((each) => each.values[index])
    .sort((one, other) => other.values[index] - one.values[index]);
  return html`<div class="chart-tip" style=${style} aria-hidden="true">
    <div class="head"><span>${titles[index]}</span>${!isUnknown[index] && html`<span>${money(total(series, index), currency)}</span>`}</div>
    ${
      isUnknown[index]
        ? t("chart.unknown")
        : html`<ul>
          ${present.map(
            (each) => html`<li key=${each.label}>
              <span class="swatch" style=${{ background: `var(--${each.colour})` }}></span><span>${each.label}</span>
              <span class="value">${money(each.values[index], currency)}</span>
            </li>`,
          )}
        </ul>`
    }
  </div>`;
}

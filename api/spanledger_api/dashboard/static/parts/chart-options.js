// How the vendored plotting library paints stacked bars.
import { axisMoney } from "../format.js";
import { colour } from "../theme.js";

const HEIGHT = 264;
const LABEL_PX = 62;

/**
 * @typedef {{label: string, colour: string, values: number[]}} Series
 * @typedef {{series: Series[], labels: string[], isUnknown: boolean[], currency: string, width: number,
 *   onCursor: (index: number | null) => void}} Stack
 */

/** Sums from the bottom up; the last one is the height of the whole bar. @param {Series[]} series */
export function stacked(series) {
  const sums = series.map((each) => [...each.values]);
  for (let layer = 1; layer < sums.length; layer += 1) {
    for (let index = 0; index < sums[layer].length; index += 1) sums[layer][index] += sums[layer - 1][index];
  }
  return sums;
}

/** What the library is given: positions, then the layers from the whole bar down, each painted over the one before. */
export function dataOf(stack) {
  const positions = stack.labels.map((_, index) => index);
  return [positions, ...stacked(stack.series).reverse()];
}

/** @param {Stack} stack */
export function optionsOf(stack) {
  const bars = uPlot.paths.bars({ size: [0.82, 56, 1], radius: 0 });
  const isDense = stack.width / stack.labels.length < 7;
  return {
    width: stack.width,
    height: HEIGHT,
    padding: [10, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, x: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, range: () => [-0.5, stack.labels.length - 0.5] }, y: { range: heights } },
    axes: [timeAxis(stack), moneyAxis(stack)],
    series: [
      {},
      ...[...stack.series].reverse().map((each) => ({
        label: each.label,
        paths: bars,
        fill: colour(each.colour),
        stroke: colour("surface"),
        width: isDense ? 0 : 1,
        points: { show: false },
      })),
    ],
    hooks: {
      drawAxes: [(plot) => paintUnknown(plot, stack.isUnknown)],
      draw: [(plot) => paintCursor(plot)],
      setCursor: [
        (plot) => {
          stack.onCursor(plot.cursor.idx ?? null);
          plot.redraw(false);
        },
      ],
    },
  };
}

function heights(_, __, most) {
  return uPlot.rangeNum(0, most || 1, { min: { pad: 0, soft: 0, mode: 1 }, max: { pad: 0.06, soft: 0, mode: 1 } });
}

function timeAxis(stack) {
  const count = Math.max(1, Math.floor((stack.width - 60) / LABEL_PX));
  const step = Math.max(1, Math.ceil(stack.labels.length / count));
  return {
    ...axisStyle(),
    size: 28,
    grid: { show: false },
    splits: () => stack.labels.map((_, index) => index).filter((index) => index % step === 0),
    values: (_, splits) => splits.map((index) => stack.labels[index] ?? ""),
  };
}

function moneyAxis(stack) {
  return {
    ...axisStyle(),
    size: 58,
    grid: { stroke: colour("line"), width: 1 },
    values: (_, splits) => splits.map((amount) => axisMoney(amount, stack.currency)),
  };
}

const axisStyle = () => ({
  stroke: colour("muted"),
  font: '12px system-ui, "Noto Sans TC", sans-serif',
  ticks: { show: false },
  border: { show: false },
  gap: 6,
});

/** Stripes where nothing arrived: what was spent then is not known, which is not the same as nothing. */
function paintUnknown(plot, isUnknown) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = stripes(ctx);
  isUnknown.forEach((unknown, index) => {
    if (!unknown) return;
    const left = plot.valToPos(index - 0.5, "x", true);
    ctx.fillRect(left, bbox.top, plot.valToPos(index + 0.5, "x", true) - left, bbox.height);
  });
  ctx.restore();
}

function stripes(ctx) {
  const size = 8 * devicePixelRatio;
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const paint = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  paint.strokeStyle = colour("hatch");
  paint.lineWidth = devicePixelRatio;
  paint.beginPath();
  for (const shift of [-size, 0, size]) {
    paint.moveTo(shift, size);
    paint.lineTo(shift + size, 0);
  }
  paint.stroke();
  return ctx.createPattern(tile, "repeat");
}

/** A veil over the bar that is read. */
function paintCursor(plot) {
  const index = plot.cursor.idx;
  if (index === null || index === undefined || plot.cursor.left < 0) return;
  const { ctx, bbox } = plot;
  const left = plot.valToPos(index - 0.5, "x", true);
  ctx.save();
  ctx.globalAlpha = 0.12;
  ctx.fillStyle = colour("text");
  ctx.fillRect(left, bbox.top, plot.valToPos(index + 0.5, "x", true) - left, bbox.height);
  ctx.restore();
}

// Curves, in SVG. What they show in lines, their captions and tables say in words.

import { draw } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [320, 180, 40, 22, 8];
const DASHES = ["", "5 4"];

/** Lines over a common x: `series` is `[{ name, values }]`, the second dashed; `label` says what is seen. */
export function curves(label, series, { low, high, ends = ["", ""], words = String }) {
  const all = series.flatMap(({ values }) => values).filter(Number.isFinite);
  low ??= Math.min(...all);
  high ??= Math.max(...all, low + 1e-9);
  const length = Math.max(...series.map(({ values }) => values.length));
  const x = (index) => LEFT + ((WIDTH - LEFT - 6) * index) / Math.max(1, length - 1);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (Math.max(low, Math.min(high, value)) - low) / (high - low || 1));
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "curves", role: "img", "aria-label": label });
  for (const value of [low, (low + high) / 2, high]) {
    picture.append(draw("line", { class: "rule", x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }), draw("text", { x: LEFT - 6, y: y(value) + 3.5, "text-anchor": "end" }, words(value)));
  }
  picture.append(draw("text", { x: LEFT, y: HEIGHT - 4 }, ends[0]), draw("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, ends[1]));
  series.forEach(({ values }, index) => {
    const points = values.map((value, at) => (Number.isFinite(value) ? `${x(at)},${y(value)}` : null)).filter(Boolean);
    picture.append(draw("polyline", { points: points.join(" "), class: `curve curve-${index}`, "stroke-dasharray": DASHES[index] }));
  });
  return picture;
}

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

/** A line for each of `[{ name, value, from, to }]`, from `from` to `to` with a mark at `value`, over a common x. */
export function intervals(label, entries, words) {
  const low = Math.min(...entries.map(({ from }) => from));
  const high = Math.max(...entries.map(({ to }) => to));
  const [left, lineHeight] = [64, 34];
  const x = (value) => left + ((WIDTH - left - 8) * (value - low)) / (high - low || 1);
  const bottom = lineHeight * entries.length + 6;
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${bottom + 18}`, class: "curves", role: "img", "aria-label": label });
  picture.append(draw("line", { class: "rule", x1: left, x2: WIDTH - 8, y1: bottom, y2: bottom }), draw("text", { x: left, y: bottom + 14 }, words(low)), draw("text", { x: WIDTH - 8, y: bottom + 14, "text-anchor": "end" }, words(high)));
  entries.forEach(({ name, value, from, to }, index) => {
    const y = lineHeight * (index + 0.5);
    picture.append(
      draw("text", { x: left - 10, y: y + 3.5, "text-anchor": "end", class: "named" }, name),
      draw("line", { class: "curve", x1: x(from), x2: x(to), y1: y, y2: y }),
      ...[from, to].map((end) => draw("line", { class: "curve", x1: x(end), x2: x(end), y1: y - 4, y2: y + 4 })),
      draw("circle", { class: "mark", cx: x(value), cy: y, r: 4 }),
      draw("text", { x: x(value), y: y - 8, "text-anchor": "middle" }, words(value)),
    );
  });
  return picture;
}

/** Reliability: for each bin how sure it was and how often right, with the line where the two are the same. */
export function reliability(label, bins, words) {
  const [left, side] = [44, 220];
  const at = (share) => left + side * share;
  const up = (share) => TOP + side * (1 - share);
  const picture = draw("svg", { viewBox: `0 0 ${left + side + 12} ${TOP + side + 34}`, class: "curves square", role: "img", "aria-label": label });
  for (const share of [0, 0.5, 1]) {
    picture.append(
      draw("line", { class: "rule", x1: left, x2: left + side, y1: up(share), y2: up(share) }),
      draw("text", { x: left - 6, y: up(share) + 3.5, "text-anchor": "end" }, words(share)),
      draw("text", { x: at(share), y: TOP + side + 14, "text-anchor": "middle" }, words(share)),
    );
  }
  picture.append(draw("line", { class: "ideal", x1: at(0), y1: up(0), x2: at(1), y2: up(1), "stroke-dasharray": DASHES[1] }));
  const most = Math.max(...bins.map(({ count }) => count));
  for (const { confidence, accuracy, count } of bins) {
    // The gap as a line, so that far off is seen as long; the dot as large as the bin is full.
    picture.append(draw("line", { class: "curve", x1: at(confidence), x2: at(confidence), y1: up(confidence), y2: up(accuracy) }), draw("circle", { class: "mark", cx: at(confidence), cy: up(accuracy), r: 2.5 + 4 * Math.sqrt(count / most) }));
  }
  picture.append(draw("text", { x: left + side / 2, y: TOP + side + 30, "text-anchor": "middle" }, "how sure it is"));
  return picture;
}

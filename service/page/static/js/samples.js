// Samples to click, all of them drawn here: digits as a hand would lead the pen, and things that are harder.

import { paint, through } from "./strokes.js";

const DIGITS = [
  [[[54, 19], [40, 25], [32, 45], [34, 66], [45, 80], [58, 76], [67, 58], [66, 36], [57, 21], [48, 20]]],
  [[[42, 30], [54, 19], [53, 48], [51, 81]]],
  [[[33, 33], [39, 22], [52, 18], [64, 25], [64, 39], [54, 54], [42, 67], [32, 78]], [[32, 78], [50, 77], [69, 76]]],
  [[[33, 25], [46, 18], [60, 22], [63, 33], [55, 44], [44, 48], [58, 51], [66, 63], [60, 76], [46, 82], [31, 76]]],
  [[[46, 18], [39, 36], [30, 56]], [[30, 56], [50, 55], [71, 53]], [[60, 33], [58, 58], [55, 82]]],
  [[[40, 21], [38, 33], [36, 46]], [[36, 46], [50, 42], [63, 49], [65, 64], [56, 77], [43, 81], [31, 75]], [[40, 21], [52, 20], [65, 19]]],
  [[[61, 18], [46, 30], [37, 48], [34, 65], [42, 79], [55, 80], [64, 70], [60, 57], [48, 54], [37, 63]]],
  [[[31, 24], [50, 22], [69, 21]], [[69, 21], [60, 41], [52, 61], [46, 82]]],
  [[[62, 27], [52, 18], [40, 23], [40, 35], [50, 46], [62, 58], [63, 72], [51, 82], [38, 74], [40, 60], [50, 47], [61, 36], [62, 27]]],
  [[[63, 34], [56, 45], [44, 46], [36, 37], [40, 24], [52, 18], [63, 25], [63, 40], [60, 60], [56, 82]]],
];
const STAR = [[50, 14], [61, 40], [88, 42], [67, 59], [74, 86], [50, 71], [26, 86], [33, 59], [12, 42], [39, 40], [50, 14]];

/** How a hand writes this digit. */
export function digit(number, placed = {}) {
  return DIGITS[number].map((corners) => through(corners, placed));
}

/** Several digits in a row. */
export function row(text) {
  const scale = 1.75 / text.length;
  return [...text].flatMap((character, index) =>
    digit(Number(character), { scale, x: (index + 0.5) / text.length - scale / 2, y: (1 - scale) / 2 + (index % 2 ? 0.02 : -0.01) }),
  );
}

/** No digit at all. */
export const star = () => STAR.slice(1).map((corner, index) => through([STAR[index], corner], { width: 0.05 }));

/** A note on ruled paper in the shade of a hand, as a telephone would take it: a Blob. */
export function note(number = 5, side = 480) {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#efe6d2";
  context.fillRect(0, 0, side, side);
  context.fillStyle = "#a9bfd6";
  for (let y = 0.08; y < 1; y += 0.14) context.fillRect(0, y * side, side, 2);
  paint(context, side, digit(number, { scale: 0.72, x: 0.16, y: 0.13, width: 0.06 }), "#23355f");
  const shade = context.createRadialGradient(side, side, side * 0.15, side, side, side * 1.15);
  shade.addColorStop(0, "rgb(20 14 6 / 62%)");
  shade.addColorStop(1, "rgb(20 14 6 / 0%)");
  context.fillStyle = shade;
  context.fillRect(0, 0, side, side);
  return canvas.convertToBlob({ type: "image/png" });
}

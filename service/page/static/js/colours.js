// Numbers as colours, all of them in order of brightness, so that they can be told apart without colour vision.

// matplotlib's inferno, every 32nd of 256.
const HEAT = [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164]];
const ORANGE = [194, 87, 10];
const BLUE = [20, 82, 168];

/** How to paint values between `low` and `high`: heat where none is below zero, else blue above and orange below it. */
export function scaleOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low < 0) return signed(low, high);
  const span = high || 1;
  return { low: 0, high, kind: "heat", colour: (value) => heat(value / span) };
}

/** A share in [0, 1] as [r, g, b]. */
export function heat(share) {
  const place = Math.max(0, Math.min(1, share)) * (HEAT.length - 1);
  const index = Math.min(Math.floor(place), HEAT.length - 2);
  return mix(HEAT[index], HEAT[index + 1], place - index);
}

function signed(low, high) {
  const strongest = Math.max(-low, high) || 1;
  return { low: -strongest, high: strongest, kind: "signed", colour: (value) => mix([255, 255, 255], value < 0 ? ORANGE : BLUE, Math.abs(value) / strongest) };
}

const mix = (from, to, share) => from.map((one, index) => Math.round(one + (to[index] - one) * share));

/** A strip that shows the scale, with its ends in numbers. */
export function paintLegend(canvas, scale) {
  [canvas.width, canvas.height] = [128, 1];
  const image = new ImageData(128, 1);
  for (let x = 0; x < 128; x++) image.data.set([...scale.colour(scale.low + ((scale.high - scale.low) * x) / 127), 255], 4 * x);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

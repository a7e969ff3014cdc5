// Names of the API in plain words, and numbers as people write them.

export const WARNINGS = {
  low_contrast: "The ink hardly stands out from the paper.",
  touches_border: "The ink reaches the edge: part of the digit may be missing.",
  several_parts: "There seems to be more than one digit; the row is read below.",
  thin_strokes: "The strokes are hair-thin; they were widened.",
  uneven_light: "The light falls unevenly; the shadow was taken out.",
  tiny: "The ink is very small, so its shape had to be guessed.",
  many_specks: "Many specks were left out.",
  lines_removed: "Lines across the picture were taken out.",
  on_a_card: "Only the sheet that lies in the picture was read.",
  digits_not_as_expected: "The row could not be taken apart as expected.",
};

export const STEPS = {
  given: "As it came",
  reduced: "Made smaller",
  grey: "In grey",
  evenly_lit: "Light evened out",
  light_ink: "Ink made light",
  off_the_card: "The sheet alone",
  cleaned: "Ink found, specks dropped",
  unstretched: "Made slim",
  cropped: "Cut out",
  thickened: "Hair lines widened",
  thinned: "Bold strokes narrowed",
  fitted: "Scaled to 20 pixels",
  centred: "Centred by its mass",
};

export const METHODS = {
  saliency: ["Saliency", "Where a small change of a pixel would change the answer most."],
  smoothgrad: ["SmoothGrad", "The same, averaged over slightly noisy copies: calmer."],
  integrated_gradients: ["Integrated gradients", "What each pixel adds (blue) or takes away (orange) on the way from blank to this picture."],
  grad_cam: ["Grad-CAM", "Which regions of the last feature maps speak for the digit."],
  occlusion: ["Occlusion", "How much less sure the model is when a patch is covered."],
};

const FAULTS = {
  blank_picture: "There is nothing to read: the picture looks empty.",
  undecodable_picture: "That is no picture that could be opened.",
  unsupported_media_type: "That kind of file is not read here.",
  payload_too_large: "That picture is too large.",
  queue_full: "The service is busy. Trying again in a moment…",
  rate_limited: "Too many questions in a short time. Waiting a moment…",
  not_ready: "The service is starting, or has lost its engine. Trying again…",
  deadline_exceeded: "The answer took too long. Trying again…",
  unreachable: "The service cannot be reached. Trying again…",
  unauthorized: "The service wants an API key.",
  forbidden: "The API key does not allow that.",
};

/** A Refusal, or any other error, for people. */
export function inWords(error) {
  return FAULTS[error.type] ?? `${sentence(error.message)}`;
}

/** `"low_contrast"` → `"low contrast"`. */
export const plain = (name) => name.replaceAll("_", " ");

/** 0.9983 → `"99.8 %"`; never 0 or 100 unless it is. */
export function percent(share, digits = 1) {
  if (share > 0 && 100 * share < 0.5 * 10 ** -digits) return `<${10 ** -digits}\u202f%`;
  const shown = (100 * share).toFixed(digits);
  const capped = Number(shown) === 100 && share < 1 ? (100 - 10 ** -digits).toFixed(digits) : shown;
  return `${capped}\u202f%`;
}

/** 190810 → `"190,810"`; 1671168 → `"1.67 M"`. */
export function count(number) {
  if (number >= 1e6) return `${(number / 1e6).toPrecision(3)}\u202fM`;
  return number.toLocaleString("en");
}

/** 1023 → `"1,023"`, −0.1111 → `"−0.111"`: as exact as one reckons by hand. */
export const exact = (value) => (Math.round(1000 * value) / 1000 || 0).toLocaleString("en", { maximumFractionDigits: 3 }).replace("-", "−");

/** [13, 13, 16] → `"13 × 13 × 16"`. */
export const shape = (sizes) => sizes.join("\u202f×\u202f");

/** Who that is: `"cnn 2"`. */
export const called = ({ model, version }) => `${model}\u202f${version}`;

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

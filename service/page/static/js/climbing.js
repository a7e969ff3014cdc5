// A climb as a film: the picture after 1 step, after some, and after all of them, each as the service gives it.
//
// The service answers a climb as a whole. The first pictures of a film cost little, so there is something to see while
// the last is made, and a film that is stopped ends with what there is.

import { askJson, withPicture } from "./api.js";
import { below } from "./bench.js";

const PARTS = [1 / 8, 1 / 4, 1 / 2, 1];

/** After how many of `steps` there is a picture. */
export const framesOf = (steps) => [...new Set([1, ...PARTS.map((part) => Math.ceil(part * steps))])];

/**
 * Ask for one picture after another and hand each to `frame`. `goal` is `{ class }` or `{ layer, channel }`; `picture` a
 * Blob to start from, or null for noise of that `seed`. Gives the last answer, or null where `signal` came first.
 * @throws {Refusal}
 */
export async function climb(signal, chosen, { goal, picture, seed, steps }, frame) {
  let found = null;
  for (const number of framesOf(steps)) {
    const query = new URLSearchParams({ ...goal, steps: number, ...(picture === null ? { seed } : {}) });
    const path = `${below(chosen)}/${picture === null ? "maximize" : "dream"}?${query}`;
    found = await askJson(path, picture === null ? { signal } : withPicture(picture, signal));
    if (signal.aborted) return null;
    frame(found);
  }
  return found;
}

/** What the version itself says to the picture that it was led to. */
export async function readAsItIs(signal, { model, version }, image) {
  const query = new URLSearchParams({ model, version, prepare: "none" });
  const body = JSON.stringify({ images: [image] });
  const { predictions } = await askJson(`predict?${query}`, { method: "POST", body, type: "application/json", signal });
  return predictions[0];
}

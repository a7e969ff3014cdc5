// Convolution and pooling of what was written, with weights of one's own.

import { askJson } from "./api.js";
import { byId } from "./dom.js";
import { Chain } from "./chain.js";
import { KernelEditor } from "./kernel-editor.js";
import { latest } from "./latest.js";
import { whileNear } from "./near.js";
import { service } from "./status.js";

const PAUSE_MS = 120;

/** Set the section up. Call what this returns with each prepared picture, or null. */
export function convolveByHand() {
  const chain = new Chain(byId("chain"));
  const ask = latest(PAUSE_MS, worked, (found) => chain.show(found), (error) => chain.fault(error));
  let image = null;

  const changed = () => image && ask(image, editor.convolution, editor.pooling, editor.cutsBelowZero);
  const editor = new KernelEditor(byId("by-hand-settings"), changed);
  service.addEventListener("recovered", changed);
  return whileNear("by-hand", (seen) => {
    // Pictures in colour as their first plane: one kernel has nine weights.
    image = seen?.map((row) => row.map((pixel) => (Array.isArray(pixel) ? pixel[0] : pixel))) ?? null;
    byId("by-hand").dataset.state = image === null ? "nothing" : "shown";
    if (image === null) ask.stop();
    else changed();
  });
}

async function worked(signal, image, convolution, pooling, cutsBelowZero) {
  const convolved = (await post("convolve", { image, ...convolution }, signal)).output;
  const passed = cutsBelowZero ? convolved.map((row) => row.map((value) => Math.max(0, value))) : convolved;
  const pooled = (await post("pool", { image: passed, ...pooling }, signal)).output;
  return { image, convolution, pooling, convolved, passed, pooled };
}

const post = (path, document, signal) => askJson(path, { method: "POST", body: JSON.stringify(document), type: "application/json", signal });

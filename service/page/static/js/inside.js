// Looking inside: the prepared picture, why the answer is what it is, and the layers.

import { explain } from "./explain.js";
import { showLayers } from "./layers.js";
import { showPrepared } from "./prepared.js";

/** Set these sections up. */
export function lookInside() {
  const looking = showLayers();
  const why = explain();
  showPrepared((image) => {
    why(image);
    looking(image);
  });
}

// Looking inside: the prepared picture, and all that is shown of what the model makes of it.

import { convolveByHand } from "./by-hand.js";
import { showDreams } from "./dreams.js";
import { explain } from "./explain.js";
import { showLayers } from "./layers.js";
import { showNearest } from "./nearest.js";
import { showPrepared } from "./prepared.js";

/** Set these sections up. */
export function lookInside() {
  const looking = [explain(), showNearest(), showLayers(), showDreams(), convolveByHand()];
  showPrepared((image) => looking.forEach((look) => look(image)));
}

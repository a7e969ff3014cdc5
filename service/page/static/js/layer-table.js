// The table of layers of a version. It never changes, so it is asked for once.

import { askJson } from "./api.js";
import { below } from "./bench.js";

const known = new Map();

/** Its rows. @throws {Refusal} */
export function layersOf(version) {
  const path = `${below(version)}/layers`;
  if (!known.has(path)) {
    const asking = askJson(path).then(({ layers }) => layers);
    asking.catch(() => known.delete(path));
    known.set(path, asking);
  }
  return known.get(path);
}

/** How one speaks of the parts of a layer: maps have channels, lines have units. */
export const partOf = (row) => (row.output_shape.length < 3 ? "unit" : "channel");

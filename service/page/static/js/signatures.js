// Which signatures a version has: what can be asked of it. They never change, so they are asked for once.

import { askJson } from "./api.js";

const known = new Map();

/** A Set of names. @throws {Refusal} */
export function signaturesOf({ model, version }) {
  const path = `v1/models/${encodeURIComponent(model)}/versions/${version}/metadata`;
  if (!known.has(path)) {
    const asking = askJson(path).then(({ metadata }) => new Set(Object.keys(metadata.signature_def.signature_def)));
    asking.catch(() => known.delete(path));
    known.set(path, asking);
  }
  return known.get(path);
}

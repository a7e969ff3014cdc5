// Which part of the picture a unit looks at, from the table of layers.
//
// Going up through the layers, a unit's centre is `start + jump · index` and its reach `field`, both in pixels of the
// picture. (Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.)

/**
 * For each row of the table `{ field, jump, start }` by name, for one axis of a square picture `side` pixels wide; null
 * where a layer sees all of it, or where the table does not say how it goes over its input.
 */
export function receptiveFields(rows, side) {
  const found = new Map();
  let here = { field: 1, jump: 1, start: 0.5, size: side };
  for (const row of rows) {
    here = here === null || row.output_shape.length < 3 ? null : after(here, row);
    found.set(row.name, here);
  }
  return found;
}

/** Where that is: `{ left, top, width, height }` in pixels, cut off at the picture's edges. */
export function seenBy(field, x, y, side) {
  if (field === null) return { left: 0, top: 0, width: side, height: side };
  const [left, right] = reach(field, x, side);
  const [top, bottom] = reach(field, y, side);
  return { left, top, width: right - left, height: bottom - top };
}

function reach({ field, jump, start }, index, side) {
  const middle = start + jump * index;
  return [Math.max(0, middle - field / 2), Math.min(side, middle + field / 2)];
}

function after(before, row) {
  if (!row.kernel) return row.receptive_field === before.field ? { ...before, size: row.output_shape[0] } : null;
  const [kernel, stride] = [row.kernel[0], row.stride?.[0] ?? 1];
  const size = row.output_shape[0];
  // TensorFlow's `same`: as much as it takes, the odd pixel at the end.
  const pad = row.padding === "same" ? Math.floor(Math.max(0, (size - 1) * stride + kernel - before.size) / 2) : 0;
  return {
    // The table's own figure, since a layer may hold more than one convolution.
    field: row.receptive_field ?? before.field + (kernel - 1) * before.jump,
    jump: before.jump * stride,
    start: before.start + ((kernel - 1) / 2 - pad) * before.jump,
    size,
  };
}

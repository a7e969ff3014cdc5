// NumPy's .npy format, version 1: as much of it as the service sends, which is float32 in C order.

/** `{ shape, data }` with `data` a Float32Array. @throws {Error} it is something else. */
export function parseNpy(buffer) {
  const headerBytes = new DataView(buffer).getUint16(8, true);
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, 10, headerBytes));
  if (!header.includes("'<f4'") || !header.includes("'fortran_order': False")) throw new Error(`unexpected array: ${header}`);
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").filter((size) => size.trim() !== "").map(Number);
  return { shape, data: new Float32Array(buffer, 10 + headerBytes) };
}

// What an example is filled with: a seven, and values that exist in this service.

import { make } from "./dom.js";
import { digit } from "./samples.js";
import { asPicture, paint } from "./strokes.js";

const SIDE = 28;
const QUERIES = { "/predict": { top_k: "3" }, "/convolve": { kernel: "vertical_edges", format: "png" }, "/pool": { size: "4", format: "png" }, "nearest": { k: "5" }, "maximize": { class: "3", format: "png" }, "dream": { class: "3", format: "png" }, "activations": { channels: "0-3", format: "png" }, "explain": { format: "png" }, "filters": { format: "png" }, "preprocess": { format: "png" } };

/** What a parameter starts with; "" for nothing. `models` as `/models` lists them, each with a `layer` that has weights. */
export function valueFor({ name, in: place, schema = {} }, path, models) {
  const model = models.find((one) => one.default) ?? models[0];
  if (place === "path") {
    if (name === "name" && path.startsWith("/page/")) return "icon.svg";
    return { name: model?.name, model: model?.name, version: model?.versions[0]?.version, label: Object.keys(model?.labels ?? {})[0], layer: model?.layer, release: "latest" }[name] ?? "";
  }
  if (name === "layer" && path.endsWith("/activations")) return model?.layer ?? "";
  const suggested = QUERIES[path]?.[name] ?? QUERIES[path.split("/").at(-1)]?.[name] ?? "";
  return schema.enum && suggested !== "" && !schema.enum.includes(suggested) ? schema.enum[0] : suggested;
}

/** What is sent: `{ element, type(), content(), shown() }`, or null where an operation takes no body. */
export function bodyFor(path, operation, id) {
  const types = Object.keys(operation.requestBody?.content ?? {});
  if (types.length === 0) return null;
  return types.includes("image/png") ? pictureBody(id) : jsonBody(path, id);
}

function pictureBody(id) {
  const file = make("input", { type: "file", accept: "image/*", id: `${id}-file` });
  const image = make("img", { alt: "The picture that is sent", width: 72, height: 72 });
  let picture = null;
  const show = (blob) => {
    picture = blob;
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
  };
  asPicture(digit(7)).then((blob) => picture ?? show(blob));
  file.addEventListener("change", () => file.files[0] && show(file.files[0]));
  const element = make("div", { class: "sends" }, image, make("div", {}, make("label", { for: `${id}-file` }, "Send this picture, or choose another: "), file));
  return { element, type: () => picture?.type || "application/octet-stream", content: async () => picture ?? (await asPicture(digit(7))), shown: () => "--data-binary @seven.png" };
}

function jsonBody(path, id) {
  const text = make("textarea", { id: `${id}-body`, rows: 6, spellcheck: "false" });
  text.value = JSON.stringify(documentFor(path));
  const element = make("div", { class: "sends json" }, make("label", { for: `${id}-body` }, "Send this JSON:"), text);
  return { element, type: () => "application/json", content: async () => text.value, shown: () => "-H 'Content-Type: application/json' --data-binary @body.json" };
}

function documentFor(path) {
  const rows = seven();
  if (path.endsWith(":predict")) return { instances: [rows.map((row) => row.map((value) => [value]))] };
  if (path.endsWith(":classify")) return { examples: [{ images: rows.flat() }] };
  if (path.endsWith("/infer")) return { inputs: [{ name: "images", datatype: "UINT8", shape: [1, SIDE, SIDE, 1], data: rows.flat() }] };
  if (path === "/describe") return { preset: "lenet5" };
  return {};
}

/** A seven as the models know them: 28 rows of 28 numbers, 0 paper and 255 ink. */
function seven() {
  const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { alpha: false });
  paint(context, SIDE, digit(7, { scale: 0.9, x: 0.05, y: 0.05 }), "#fff");
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return Array.from({ length: SIDE }, (_, y) => Array.from({ length: SIDE }, (__, x) => data[4 * (y * SIDE + x)]));
}

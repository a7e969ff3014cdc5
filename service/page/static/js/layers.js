// The layers as a row to open; the open one follows what is written.

import { bench } from "./bench.js";
import { byId, draw, make, note } from "./dom.js";
import { LayerPanel } from "./layer.js";
import { layersOf } from "./layer-table.js";
import { receptiveFields } from "./receptive.js";
import { service } from "./status.js";
import { count, inWords, shape } from "./words.js";

const KINDS = { conv: "convolution", dense: "every to every", flatten: "in one line", pool: "pooling" };

/** Set the row up. Call what this returns with each prepared picture, or null. */
export function showLayers() {
  const row = byId("layer-row");
  const place = byId("layer-open");
  let panel = null;
  let table = [];
  let image = null;

  const open = (name) => {
    panel?.close();
    const shut = name === null || panel?.name === name;
    panel = shut ? null : new LayerPanel(place, name, table, receptiveFields(table, side()), side());
    place.hidden = shut;
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-expanded", String(button.dataset.layer === panel?.name));
    panel?.look(image);
  };
  const side = () => {
    const version = bench.models.find(({ name }) => name === bench.chosen.model)?.versions.find((one) => one.version === bench.chosen.version);
    return version?.input?.shape[0] ?? 28;
  };
  const load = async () => {
    if (bench.chosen === null) return;
    const asked = bench.chosen;
    const was = panel?.name ?? null;
    try {
      const found = await layersOf(asked);
      if (asked !== bench.chosen) return;
      table = found;
      row.replaceChildren(...table.map((layer) => entry(layer, side(), () => open(layer.name))));
      open(null);
      if (table.some(({ name }) => name === was)) open(was);
    } catch (error) {
      table = [];
      open(null);
      row.replaceChildren(make("li", {}, note(inWords(error))));
    }
  };
  bench.watch(["choice"], load);
  service.addEventListener("recovered", () => (table.length === 0 ? load() : panel?.look(image)));
  return (seen) => {
    image = seen;
    panel?.look(image);
  };
}

function entry(layer, side, act) {
  return make(
    "li",
    {},
    make(
      "button",
      { class: "layer", type: "button", "aria-expanded": "false", "aria-controls": "layer-open", "data-layer": layer.name, onclick: act },
      volume(layer.output_shape, side),
      make("b", {}, layer.name),
      make("span", {}, shape(layer.output_shape)),
      make("small", {}, layer.parameters > 0 ? `${count(layer.parameters)} weights` : (KINDS[layer.type] ?? layer.type)),
    ),
  );
}

/** A stack of sheets, or a column of units, about to scale. */
function volume(sizes, side) {
  const picture = draw("svg", { viewBox: "0 0 88 64", class: "volume", "aria-hidden": "true" });
  if (sizes.length < 3) {
    const units = Math.max(4, Math.round(Math.log2(sizes[0]) * 1.4));
    for (let index = 0; index < units; index++) picture.append(draw("rect", { x: 40, y: 32 - units * 2 + index * 4, width: 8, height: 3, rx: 1 }));
    return picture;
  }
  const [height, , channels] = sizes;
  const edge = 14 + 32 * Math.sqrt(height / side);
  const sheets = Math.max(1, Math.round(Math.log2(channels) * 1.2));
  const shift = Math.min(5, 34 / sheets);
  for (let index = sheets - 1; index >= 0; index--) {
    const x = 44 - edge / 2 + (index - (sheets - 1) / 2) * shift;
    picture.append(draw("rect", { x, y: 34 - edge / 2 - (index - (sheets - 1) / 2) * shift * 0.5, width: edge, height: edge, rx: 1.5 }));
  }
  return picture;
}

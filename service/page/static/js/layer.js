// One layer, open: its maps of the picture, what the unit pointed at sees, and the weights of a channel.

import { ask, withPicture } from "./api.js";
import { below, bench } from "./bench.js";
import { showLegend, tidy } from "./explain.js";
import { draw, make } from "./dom.js";
import { latest } from "./latest.js";
import { MapGrid } from "./map-grid.js";
import { parseNpy } from "./npy.js";
import { paintPicture } from "./raster.js";
import { seenBy } from "./receptive.js";
import { WeightsPanel } from "./weights.js";
import { count, inWords, plain, shape } from "./words.js";

const PAUSE_MS = 60;

export class LayerPanel {
  #place;
  #layer;
  #field;
  #parts;
  #grid;
  #weights;
  #image = null;
  #ask;

  /** The layer `name` of `table`, shown in `place`; `fields` as `receptiveFields` gives them for a picture `side` pixels wide. */
  constructor(place, name, table, fields, side) {
    this.name = name;
    this.#place = place;
    this.#layer = table.find((row) => row.name === name);
    this.#field = fields.get(name);
    this.#parts = parts(this.#layer);
    place.replaceChildren(this.#parts.whole);
    this.#grid = new MapGrid(this.#parts.grid, (unit) => this.#point(unit), (channel) => this.#weights.show(channel));
    this.#weights = new WeightsPanel(this.#parts.weights, this.#layer, inputShape(table, this.#layer, side));
    this.#ask = latest(
      PAUSE_MS,
      async (signal, picture) => parseNpy(await (await ask(`${below(bench.chosen)}/activations?${new URLSearchParams({ layer: name, format: "npy" })}`, withPicture(picture, signal, { accept: "application/x-npy" }))).arrayBuffer()),
      (found) => this.#show(found),
      (error) => this.#parts.said.replaceChildren(inWords(error)),
    );
  }

  /** Show what the layer makes of the picture on the bench, which the model sees as `image`; null: there is none. */
  look(image) {
    this.#image = image;
    this.#parts.whole.dataset.state = image === null ? "nothing" : "shown";
    if (image === null) {
      this.#ask.stop();
      return;
    }
    paintPicture(this.#parts.picture, image);
    this.#ask(bench.picture);
  }

  close() {
    this.#ask.stop();
    this.#weights.close();
    this.#place.replaceChildren();
  }

  #show({ shape: sizes, data }) {
    const [height, width] = sizes.length === 3 ? sizes : [1, 1];
    const channels = sizes.at(-1);
    const scale = this.#grid.show({ channels, height, width, data });
    showLegend(this.#parts.legend, scale);
  }

  #point({ channel, y, x, value }) {
    const side = this.#image.length;
    const box = seenBy(this.#field, x, y, side);
    for (const [name, size] of Object.entries({ x: box.left, y: box.top, width: box.width, height: box.height })) this.#parts.frame.setAttribute(name, (100 * size) / side);
    this.#parts.frame.removeAttribute("hidden");
    const where = this.#layer.output_shape.length < 3 ? `Unit ${channel}` : `Channel ${channel}, row ${y}, column ${x}`;
    const sees = this.#field === null ? "the whole picture" : `${Math.ceil(box.width)}\u202f×\u202f${Math.ceil(box.height)} pixels of it`;
    this.#parts.said.replaceChildren(make("b", {}, `${where}: ${tidy(value)}.`), ` It sees ${sees}.`);
  }
}

/** What the layer gets, as maps if that is what lies before: a flattened map is a map still. */
function inputShape(table, layer, side) {
  const above = table.slice(0, table.indexOf(layer));
  while (above.at(-1)?.type === "flatten") above.pop();
  return above.at(-1)?.output_shape ?? [side, side, 1];
}

function parts(layer) {
  const picture = make("canvas", { class: "pixels", role: "img", "aria-label": "The prepared picture, with what the unit pointed at sees" });
  const frame = draw("rect", { hidden: true, rx: 1 });
  const said = make("p", { class: "pointed", role: "status" }, "Point at a map, or use the arrow keys there.");
  const grid = make("canvas", { class: "maps pixels", tabindex: "0" });
  const legend = make("p", { class: "legend", hidden: true }, make("span", { "data-low": "" }), make("canvas", { class: "scale", "aria-hidden": "true" }), make("span", { "data-high": "" }));
  const weights = make("div", { class: "weights" });
  const facts = [
    ["gives", shape(layer.output_shape)],
    ["kind", plain(layer.type)],
    ["kernel", layer.kernel && `${shape(layer.kernel)}, step ${layer.stride?.[0] ?? 1}, ${layer.padding ?? "valid"}`],
    ["then", layer.activation],
    ["weights", count(layer.parameters)],
    ["multiplications", layer.macs === undefined ? null : count(layer.macs)],
    ["sees", layer.receptive_field && `${shape([layer.receptive_field, layer.receptive_field])} pixels`],
  ].filter(([, value]) => value);
  const whole = make(
    "div",
    { class: "layer-panel" },
    make("div", { class: "layer-head" }, make("h3", {}, layer.name), make("dl", { class: "chips" }, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))))),
    make("p", { class: "empty" }, "Write something first, and its maps appear here."),
    make(
      "div",
      { class: "layer-body when-shown" },
      make("div", { class: "pointing" }, make("div", { class: "stacked" }, picture, draw("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" }, frame)), said),
      make("div", {}, grid, legend),
    ),
    weights,
  );
  return { whole, picture, frame, said, grid, legend, weights };
}

// One layer, open: its maps of the picture, trained and before, what the unit pointed at sees, and the weights of a channel.

import { ask, withPicture } from "./api.js";
import { below, bench } from "./bench.js";
import { showLegend, tidy } from "./explain.js";
import { make } from "./dom.js";
import { latest } from "./latest.js";
import { layerParts, mapGroup, placeOf } from "./layer-parts.js";
import { MapGrid } from "./map-grid.js";
import { parseNpy } from "./npy.js";
import { paintPicture } from "./raster.js";
import { seenBy } from "./receptive.js";
import { signaturesOf } from "./signatures.js";
import { WeightsPanel } from "./weights.js";
import { inWords, percent } from "./words.js";

const PAUSE_MS = 60;
const TRAINED = "Trained";
const UNTRAINED = "Before training";

let besideUntrained = false; // stays from layer to layer

export class LayerPanel {
  #place;
  #layer;
  #field;
  #parts;
  #groups = [];
  #weights;
  #image = null;
  #ask;

  /** The layer `name` of `table`, shown in `place`; `fields` as `receptiveFields` gives them for a picture `side` pixels wide. */
  constructor(place, name, table, fields, side) {
    this.name = name;
    this.#place = place;
    this.#layer = table.find((row) => row.name === name);
    this.#field = fields.get(name);
    this.#parts = layerParts(this.#layer);
    place.replaceChildren(this.#parts.whole);
    this.#weights = new WeightsPanel(this.#parts.weights, this.#layer, inputShape(table, this.#layer, side));
    this.#group();
    this.#ask = latest(PAUSE_MS, (signal, picture, untrained) => this.#fetch(signal, picture, untrained), (found) => this.#show(found), (error) => this.#parts.said.replaceChildren(inWords(error)));
    this.#offerUntrained();
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
    this.#ask(bench.picture, this.#parts.beside.checked);
  }

  close() {
    this.#ask.stop();
    this.#weights.close();
    this.#place.replaceChildren();
  }

  /** The switch, where the version kept the weights that training began with. */
  async #offerUntrained() {
    const { beside } = this.#parts;
    const line = beside.closest("p");
    line.hidden = true;
    beside.addEventListener("change", () => {
      besideUntrained = beside.checked;
      if (this.#image !== null) this.#ask(bench.picture, beside.checked);
    });
    const signatures = await signaturesOf(bench.chosen).catch(() => new Set());
    if (!signatures.has("untrained_activations")) return;
    line.hidden = false;
    beside.checked = besideUntrained;
    if (besideUntrained && this.#image !== null) this.#ask(bench.picture, true);
  }

  /** Maps as arrays: those of the trained version and, if wanted, those from before. */
  async #fetch(signal, picture, untrained) {
    const query = new URLSearchParams({ layer: this.name, format: "npy", ...(untrained && { untrained }) });
    const response = await ask(`${below(bench.chosen)}/activations?${query}`, withPicture(picture, signal, { accept: "application/x-npy" }));
    const { shape, data } = parseNpy(await response.arrayBuffer());
    if (!untrained) return [{ shape, data }];
    const half = data.length / 2;
    return [0, half].map((start) => ({ shape: shape.slice(1), data: data.subarray(start, start + half) }));
  }

  #show(found) {
    while (this.#groups.length > found.length) this.#groups.pop().element.remove();
    while (this.#groups.length < found.length) this.#group();
    found.forEach(({ shape: sizes, data }, index) => {
      const { grid, legend, heading } = this.#groups[index];
      const [height, width] = sizes.length === 3 ? sizes : [1, 1];
      showLegend(legend, grid.show({ channels: sizes.at(-1), height, width, data }));
      heading.replaceChildren(...(found.length > 1 ? [make("b", {}, index === 0 ? TRAINED : UNTRAINED), ...silent(data)] : []));
    });
  }

  #group() {
    const group = mapGroup();
    const isFirst = this.#groups.length === 0;
    const grid = new MapGrid(group.canvas, isFirst ? "Maps" : "Maps before training", (unit) => this.#point(unit), (channel) => this.#pick(channel));
    this.#groups.push({ ...group, grid });
    this.#parts.maps.append(group.element);
    if (!isFirst) grid.mark(this.#groups[0].grid.choice);
  }

  #pick(channel) {
    for (const { grid } of this.#groups) grid.mark(channel);
    this.#weights.show(channel);
  }

  #point(unit) {
    const side = this.#image.length;
    const box = seenBy(this.#field, unit.x, unit.y, side);
    for (const [name, size] of Object.entries({ x: box.left, y: box.top, width: box.width, height: box.height })) this.#parts.frame.setAttribute(name, (100 * size) / side);
    this.#parts.frame.removeAttribute("hidden");
    const [value, before] = this.#groups.map(({ grid }) => grid.value(unit));
    const sees = this.#field === null ? "the whole picture" : `${Math.ceil(box.width)}\u202f×\u202f${Math.ceil(box.height)} pixels of it`;
    this.#parts.said.replaceChildren(make("b", {}, `${placeOf(this.#layer, unit)}: ${tidy(value)}.`), ...(before === undefined ? [] : [` Before training: ${tidy(before)}.`]), ` It sees ${sees}.`);
  }
}

/** What the layer gets, as maps if that is what lies before: a flattened map is a map still. */
function inputShape(table, layer, side) {
  const above = table.slice(0, table.indexOf(layer));
  while (above.at(-1)?.type === "flatten") above.pop();
  return above.at(-1)?.output_shape ?? [side, side, 1];
}

/** How many say nothing; nothing where all do say something, as those without ReLU. */
function silent(data) {
  const zeros = data.reduce((sum, value) => sum + (value === 0), 0);
  return zeros === 0 ? [] : [`: ${percent(zeros / data.length, 0)} of its units are silent`];
}

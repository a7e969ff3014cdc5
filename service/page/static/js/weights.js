// The weights of one channel as pictures, and on request the picture that excites it most.

import { ask, askJson } from "./api.js";
import { below, bench } from "./bench.js";
import { scaleOf } from "./colours.js";
import { make } from "./dom.js";
import { tidy } from "./explain.js";
import { partOf } from "./layer-table.js";
import { parseNpy } from "./npy.js";
import { paintPicture, paintValues } from "./raster.js";
import { signaturesOf } from "./signatures.js";
import { inWords, shape } from "./words.js";

const SHOWN_MAX = 128;
const ROW_UNITS = 32;

export class WeightsPanel {
  #place;
  #layer;
  #before;
  #kernel = null;
  #stopping = new AbortController();

  /** Of `layer`, which gets something of the shape `before`. */
  constructor(place, layer, before) {
    this.#place = place;
    this.#layer = layer;
    this.#before = before;
  }

  close() {
    this.#stopping.abort();
  }

  /** Show those of this channel. */
  async show(channel) {
    if (!this.#layer.parameters) return;
    try {
      this.#kernel ??= this.#load();
      const kernel = await this.#kernel;
      const signatures = await signaturesOf(bench.chosen);
      if (!this.#stopping.signal.aborted) this.#place.replaceChildren(...this.#pictures(kernel, channel), signatures.has("maximize") ? this.#dreaming(channel) : "");
    } catch (error) {
      this.#kernel = null;
      if (error.name !== "AbortError") this.#place.replaceChildren(make("p", { class: "note" }, inWords(error)));
    }
  }

  async #load() {
    const path = `${below(bench.chosen)}/layers/${encodeURIComponent(this.#layer.name)}/filters?format=npy`;
    return parseNpy(await (await ask(path, { accept: "application/x-npy", signal: this.#stopping.signal })).arrayBuffer());
  }

  #pictures({ shape: sizes, data }, channel) {
    const { height, width, inputs, at } = asTiles(sizes, data, channel, this.#before);
    const values = Array.from({ length: height * width * inputs }, (_, index) => at(Math.floor(index / width) % height, index % width, Math.floor(index / (width * height))));
    const scale = scaleOf(values);
    const shown = Math.min(inputs, SHOWN_MAX);
    const tiles = Array.from({ length: shown }, (_, input) => {
      const canvas = make("canvas", { class: "pixels", role: "img", "aria-label": `weights for input ${input}` });
      paintValues(canvas, width, height, (y, x) => at(y, x, input), scale.colour);
      return make("li", {}, canvas);
    });
    return [
      make("h4", { class: "small-title" }, `Weights of ${partOf(this.#layer)} ${channel}`),
      make("p", { class: "fine" }, `${shape([height, width])} for each of ${inputs} input${inputs === 1 ? "" : "s"}${shown < inputs ? ` (the first ${shown})` : ""}; blue adds, orange takes away, up to ±${tidy(scale.high)}.`),
      make("ul", { class: `kernels ${height * width > 200 ? "large" : shown <= 4 ? "few" : ""}` }, ...tiles),
    ];
  }

  #dreaming(channel) {
    const place = make("div", { class: "dream" });
    const button = make("button", { class: "button", type: "button", onclick: () => this.#dream(channel, place, button) }, "What excites it most?");
    place.append(button);
    return place;
  }

  async #dream(channel, place, button) {
    button.disabled = true;
    button.textContent = "Climbing…";
    try {
      const query = new URLSearchParams({ layer: this.#layer.name, channel });
      const found = await askJson(`${below(bench.chosen)}/maximize?${query}`, { signal: this.#stopping.signal });
      if (this.#stopping.signal.aborted) return;
      const canvas = make("canvas", { class: "pixels", role: "img", "aria-label": "The picture that excites it most" });
      paintPicture(canvas, found.image);
      place.replaceChildren(canvas, make("p", { class: "fine" }, `Noise, changed in ${found.steps} steps until it excites this ${partOf(this.#layer)} as much as it can: from ${tidy(found.before)} to ${tidy(found.after)}.`), make("button", { class: "button", type: "button", onclick: () => bench.wish({ layer: this.#layer.name, channel }) }, "See it climb"));
    } catch (error) {
      if (error.name !== "AbortError") place.replaceChildren(make("p", { class: "fine" }, inWords(error)), button);
      button.disabled = false;
      button.textContent = "Try again";
    }
  }
}

/** How to look at the weights of one output: (k, l, C, F) as C tiles; (N, F) as maps where maps lie before, else as rows. */
function asTiles(sizes, data, channel, before) {
  const outputs = sizes.at(-1);
  const [height, width, inputs] = sizes.length === 4 ? sizes : before.length === 3 ? before : asRows(sizes[0]);
  return { height, width, inputs, at: (y, x, input) => data[((y * width + x) * inputs + input) * outputs + channel] ?? 0 };
}

const asRows = (count) => [Math.ceil(count / ROW_UNITS), Math.min(count, ROW_UNITS), 1];

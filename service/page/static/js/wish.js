// What shall be excited: a digit, or a channel of a layer; from where, and how far.

import { bench } from "./bench.js";
import { byId, make } from "./dom.js";
import { layersOf, partOf } from "./layer-table.js";
import { plain } from "./words.js";

/** The form's controls. `changed` is called after each change of them, and when another version is asked. */
export class Wish {
  #table = [];

  constructor(changed) {
    for (const id of ["wish", "dream-from", "dream-steps"]) byId(id).addEventListener("input", () => this.#follow());
    for (const id of ["wish", "wish-channel", "dream-from", "dream-seed", "dream-steps"]) byId(id).addEventListener("input", changed);
    this.#follow();
  }

  /** Offer what this version has; what was chosen stays if it can. @throws {Refusal} */
  async offer(chosen) {
    this.#table = await layersOf(chosen);
    if (chosen !== bench.chosen) return;
    const labels = bench.models.find(({ name }) => name === chosen.model)?.versions.find(({ version }) => version === chosen.version)?.labels ?? [];
    const before = byId("wish").value;
    byId("wish").replaceChildren(
      make("optgroup", { label: "An answer" }, ...labels.map((label) => make("option", { value: `class:${label}` }, /^\d$/.test(label) ? `a ${label}` : plain(label)))),
      make("optgroup", { label: "A layer's channel" }, ...this.#table.map(({ name }) => make("option", { value: `layer:${name}` }, name))),
    );
    byId("wish").value = [...byId("wish").options].some(({ value }) => value === before) ? before : `class:${labels[3] ?? labels[0]}`;
    this.#follow();
  }

  /** Choose that channel. */
  choose({ layer, channel }) {
    byId("wish").value = `layer:${layer}`;
    byId("wish-channel").value = channel;
    this.#follow();
  }

  get startsFromPicture() {
    return byId("dream-from").value === "picture";
  }

  get goal() {
    const { layer, label } = this.#wanted();
    return layer === null ? { class: label } : { layer: layer.name, channel: byId("wish-channel").value };
  }

  get seed() {
    return byId("dream-seed").value;
  }

  get steps() {
    return byId("dream-steps").valueAsNumber;
  }

  /** In words: `"a 3"`, `"channel 7 of conv3"`. */
  get name() {
    const { layer } = this.#wanted();
    return layer === null ? byId("wish").selectedOptions[0].textContent : `${partOf(layer)} ${byId("wish-channel").value} of ${layer.name}`;
  }

  #wanted() {
    const [kind, ...rest] = byId("wish").value.split(":");
    const name = rest.join(":");
    return kind === "layer" ? { layer: this.#table.find((row) => row.name === name), label: null } : { layer: null, label: name };
  }

  #follow() {
    const { layer } = this.#wanted();
    byId("wish-channel-line").hidden = layer === null;
    if (layer !== null) {
      const last = layer.output_shape.at(-1) - 1;
      byId("wish-kind").textContent = `${partOf(layer)} (0–${last})`;
      byId("wish-channel").max = last;
    }
    byId("dream-seed-line").hidden = this.startsFromPicture;
    byId("dream-steps-said").textContent = `${byId("dream-steps").value} steps`;
  }
}

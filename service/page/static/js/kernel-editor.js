// Nine weights to choose by name or to write, and how they go over the picture.

import { make } from "./dom.js";
import { KERNELS, nameOf } from "./kernels.js";

const FIRST = "vertical_edges";
const OWN = "Your own weights.";

export class KernelEditor {
  #weights = KERNELS[FIRST][2];
  #name = make("select", { id: "kernel" }, ...Object.entries(KERNELS).map(([name, [words]]) => make("option", { value: name, selected: name === FIRST }, words)), make("option", { value: "" }, "Your own"));
  #said = make("p", { class: "fine", id: "kernel-said" }, KERNELS[FIRST][1]);
  #fields = [0, 1, 2].map((y) => [0, 1, 2].map((x) => make("input", { type: "number", step: "any", inputmode: "decimal", "aria-label": `Weight in row ${y + 1}, column ${x + 1}`, oninput: () => this.#written() })));
  #stride = select("stride", [["1", "1"], ["2", "2"], ["3", "3"], ["4", "4"]], "1");
  #padding = select("padding", [["0", "none"], ["1", "1 of zeros"]], "0");
  #floor = make("input", { id: "conv-floor", type: "checkbox" });
  #relu = make("input", { id: "conv-relu", type: "checkbox", checked: true });
  #size = select("pool-size", [["2", "2 × 2"], ["3", "3 × 3"], ["4", "4 × 4"]], "2");
  #kind = select("pool-kind", [["max", "the largest"], ["average", "the mean"]], "max");
  #changed;

  /** Fill `place`; `changed` is called after each change. */
  constructor(place, changed) {
    this.#changed = changed;
    this.#name.addEventListener("input", () => this.#named());
    for (const control of [this.#stride, this.#padding, this.#floor, this.#relu, this.#size, this.#kind]) control.addEventListener("input", changed);
    place.append(
      make("p", { class: "line" }, make("label", { for: "kernel" }, "Weights ", this.#name)),
      make("div", { class: "kernel", role: "group", "aria-label": "The nine weights" }, ...this.#fields.flat()),
      this.#said,
      make("p", { class: "line" }, make("label", { for: "stride" }, "Step ", this.#stride), make("label", { for: "padding" }, "Margin ", this.#padding)),
      make("p", { class: "line" }, tick(this.#floor, "Leave out what a step leaves over")),
      make("p", { class: "line" }, tick(this.#relu, "What is below zero becomes zero (ReLU)")),
      make("p", { class: "line" }, make("label", { for: "pool-size" }, "Then of ", this.#size), make("label", { for: "pool-kind" }, "take ", this.#kind)),
    );
    this.#show();
  }

  /** What `/convolve` is asked beside the picture. */
  get convolution() {
    return { kernel: this.#weights, stride: Number(this.#stride.value), padding: Number(this.#padding.value), floor: this.#floor.checked };
  }

  /** What `/pool` is asked beside the picture. Where its windows do not fit, the rest is left out, as networks have it. */
  get pooling() {
    return { size: Number(this.#size.value), kind: this.#kind.value, floor: true };
  }

  get cutsBelowZero() {
    return this.#relu.checked;
  }

  #named() {
    const found = KERNELS[this.#name.value];
    if (found) {
      this.#weights = found[2];
      this.#show();
    }
    this.#said.textContent = found?.[1] ?? OWN;
    this.#changed();
  }

  #show() {
    this.#fields.forEach((row, y) => row.forEach((field, x) => {
      field.value = Number(this.#weights[y][x].toPrecision(3));
    }));
  }

  #written() {
    // A field that is not written yet counts nothing; the others keep their exact value, of which they show three digits.
    this.#weights = this.#fields.map((row, y) => row.map((field, x) => {
      const written = Number.isFinite(field.valueAsNumber) ? field.valueAsNumber : 0;
      return written === Number(this.#weights[y][x].toPrecision(3)) ? this.#weights[y][x] : written;
    }));
    this.#name.value = nameOf(this.#weights) ?? "";
    this.#said.textContent = KERNELS[this.#name.value]?.[1] ?? OWN;
    this.#changed();
  }
}

function select(id, entries, chosen) {
  return make("select", { id }, ...entries.map(([value, words]) => make("option", { value, selected: value === chosen }, words)));
}

const tick = (box, words) => make("label", { class: "tick", for: box.id }, box, ` ${words}`);

// From the picture over the convolved map to the pooled one, and how each number came about.

import { make } from "./dom.js";
import { showLegend } from "./explain.js";
import { UnitMap } from "./unit-map.js";
import { exact, inWords, shape } from "./words.js";

const POINT = "Point at a result, or walk over it with the arrow keys.";

export class Chain {
  #found = null;
  #picture;
  #convolved;
  #pooled;
  #sizes = [0, 1, 2].map(() => make("small"));
  #legends = [legend(), legend()];
  #said = make("p", { class: "sum-said", role: "status" }, POINT);
  #sum = make("div", { class: "sum" });
  #fault = make("p", { class: "note", role: "status", hidden: true });
  #maps;
  #pointed = null;

  /** In `place`. */
  constructor(place) {
    const [picture, convolved, pooled] = [make("canvas"), make("canvas"), make("canvas")];
    this.#picture = new UnitMap(picture, "The picture, as the model gets it");
    this.#convolved = new UnitMap(convolved, "The convolved picture", (unit) => this.#point(unit, this.#explain));
    this.#pooled = new UnitMap(pooled, "The pooled picture", (unit) => this.#point(unit, this.#trace));
    this.#maps = make(
      "div",
      { class: "maps-in-a-row" },
      figure(picture, "The picture", this.#sizes[0]),
      figure(convolved, "Convolved", this.#sizes[1], this.#legends[0]),
      figure(pooled, "Pooled", this.#sizes[2], this.#legends[1]),
    );
    place.append(this.#fault, this.#maps, make("div", { class: "arithmetic" }, this.#said, this.#sum));
  }

  /** `{ image, convolution, pooling, convolved, passed, pooled }`: rows, and what was asked. `passed` went into the pooling. */
  show(found) {
    this.#found = found;
    const { image, convolution, pooling, passed, pooled } = found;
    this.#fault.hidden = true;
    this.#maps.hidden = false;
    this.#picture.show(image, { isPicture: true });
    showLegend(this.#legends[0], this.#convolved.show(passed));
    showLegend(this.#legends[1], this.#pooled.show(pooled));
    const { stride, padding } = convolution;
    this.#sizes[0].textContent = sizeOf(image);
    this.#sizes[1].textContent = `(${image[0].length} + 2·${padding} − 3) / ${stride} + 1 = ${passed[0].length}`;
    this.#sizes[2].textContent = `${passed[0].length} / ${pooling.size} = ${pooled[0].length}${passed[0].length % pooling.size ? ", rounded down" : ""}`;
    this.#say();
  }

  fault(error) {
    this.#fault.textContent = inWords(error).replace("; or send floor=true to leave the rest out", ". Or leave out what is left over");
    this.#fault.hidden = false;
    this.#maps.hidden = true;
    this.#sum.replaceChildren();
    this.#said.textContent = "";
  }

  #point(unit, how) {
    this.#pointed = { ...unit, how, of: how === this.#explain ? "passed" : "pooled" };
    this.#say();
  }

  /** Of the unit pointed at, which stays the same when kernel or picture change, as long as there is one at its place. */
  #say() {
    const { y, x, how, of } = this.#pointed ?? {};
    if (this.#pointed && this.#found[of][y]?.[x] !== undefined) {
      how.call(this, { y, x });
      return;
    }
    this.#said.textContent = POINT;
    this.#sum.replaceChildren();
  }

  /** How the number at (y, x) of the convolved map came about. */
  #explain({ y, x }) {
    const { image, convolution, convolved, passed } = this.#found;
    const window = this.#window(y, x);
    this.#convolved.frame([{ y, x, height: 1, width: 1 }]);
    this.#pooled.frame([]);
    this.#picture.frame([window]);
    const cells = convolution.kernel.flatMap((row, down) => row.map((weight, right) => [image[window.y + down]?.[window.x + right] ?? 0, weight]));
    this.#sum.replaceChildren(...cells.map(([pixel, weight]) => make("span", { class: pixel * weight === 0 ? "idle" : "" }, `${exact(pixel)} × ${exact(weight)}`)));
    const cut = passed[y][x] === convolved[y][x] ? "" : ", which becomes 0";
    this.#said.textContent = `Row ${y}, column ${x}: nine products, which add up to ${exact(convolved[y][x])}${cut}.`;
  }

  /** From which numbers that at (y, x) of the pooled map was taken. */
  #trace({ y, x }) {
    const { pooling, passed, pooled } = this.#found;
    const { size, kind } = pooling;
    const places = Array.from({ length: size * size }, (_, index) => ({ y: y * size + Math.floor(index / size), x: x * size + (index % size) }));
    const values = places.map((place) => passed[place.y][place.x]);
    const taken = kind === "max" ? places[values.indexOf(Math.max(...values))] : null;
    this.#pooled.frame([{ y, x, height: 1, width: 1 }]);
    this.#convolved.frame([{ y: y * size, x: x * size, height: size, width: size }, ...(taken ? [{ ...taken, height: 1, width: 1 }] : [])]);
    this.#picture.frame(taken ? [this.#window(taken.y, taken.x)] : []);
    this.#sum.replaceChildren();
    this.#said.textContent = `Row ${y}, column ${x}: ${kind === "max" ? "the largest" : "the mean"} of ${values.map(exact).join(", ")} is ${exact(pooled[y][x])}.`;
  }

  #window(y, x) {
    const { stride, padding } = this.#found.convolution;
    return { y: y * stride - padding, x: x * stride - padding, height: 3, width: 3 };
  }
}

const sizeOf = (rows) => shape([rows.length, rows[0].length]);
const legend = () => make("p", { class: "legend", hidden: true }, make("span", { "data-low": "" }), make("canvas", { class: "scale", "aria-hidden": "true" }), make("span", { "data-high": "" }));

function figure(canvas, name, size, below = null) {
  canvas.className = "unit-map pixels";
  return make("figure", {}, make("figcaption", {}, make("b", {}, name), " ", size), canvas, below);
}

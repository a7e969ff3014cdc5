// One map of numbers, large, to point at with mouse, finger or arrow keys; frames on it say what belongs together.

import { scaleOf } from "./colours.js";
import { grey, paintValues } from "./raster.js";

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const SIDE_PX = 336;

export class UnitMap {
  #canvas;
  #pointed;
  #rows = null;
  #colour = grey;
  #frames = [];
  #unit = { y: 0, x: 0 };

  /** On `canvas`, called `name`. `pointed({ y, x })` hears of the unit pointed at; without it the map is only seen. */
  constructor(canvas, name, pointed = null) {
    this.#canvas = canvas;
    this.#pointed = pointed;
    if (pointed === null) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", name);
      return;
    }
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${name}. Arrow keys move from unit to unit.`);
    for (const event of ["pointermove", "pointerdown"]) canvas.addEventListener(event, (moved) => this.#at(moved));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("focus", () => canvas.matches(":focus-visible") && this.#move(this.#unit.y, this.#unit.x));
  }

  get rows() {
    return this.#rows;
  }

  /** Rows of numbers; bytes of a picture, or, where `isPicture` is false, values on a scale of their own, which this gives. */
  show(rows, { isPicture = false } = {}) {
    this.#rows = rows;
    this.#frames = [];
    const scale = isPicture ? null : scaleOf(rows.flat());
    this.#colour = scale?.colour ?? grey;
    this.#paint();
    return scale;
  }

  /** Draw frames `{ y, x, height, width }`, in units. */
  frame(frames) {
    this.#frames = frames;
    this.#paint();
  }

  #paint() {
    if (this.#rows === null) return;
    const [height, width] = [this.#rows.length, this.#rows[0].length];
    const zoom = Math.max(1, Math.floor(SIDE_PX / Math.max(height, width)));
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [zoom * width, zoom * height];
    const one = new OffscreenCanvas(width, height);
    paintValues(one, width, height, (y, x) => this.#rows[y][x], this.#colour);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(one, 0, 0, canvas.width, canvas.height);
    // White between black, so that it is seen on any colour.
    for (const [colour, line] of [["#000", 5], ["#fff", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      for (const { y, x, height: high, width: wide } of this.#frames) context.strokeRect(zoom * x + 1, zoom * y + 1, zoom * wide - 2, zoom * high - 2);
    }
  }

  #at(event) {
    if (this.#rows === null) return;
    const box = this.#canvas.getBoundingClientRect();
    this.#move(Math.floor(((event.clientY - box.top) / box.height) * this.#rows.length), Math.floor(((event.clientX - box.left) / box.width) * this.#rows[0].length));
  }

  #key(event) {
    const step = STEPS[event.key];
    if (this.#rows === null || !step) return;
    this.#move(this.#unit.y + step[0], this.#unit.x + step[1]);
    event.preventDefault();
  }

  #move(y, x) {
    if (this.#rows === null) return;
    const within = (place, size) => Math.max(0, Math.min(size - 1, place));
    this.#unit = { y: within(y, this.#rows.length), x: within(x, this.#rows[0].length) };
    this.#pointed(this.#unit);
  }
}

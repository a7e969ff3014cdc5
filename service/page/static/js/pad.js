// The sheet to write on, for mouse, pen and finger.

import { paint } from "./strokes.js";

/** Writing on a canvas. `written` is called after every change of the strokes. */
export class Pad {
  penWidth = 0.07;
  #strokes = [];
  #undone = [];
  #writing = null;
  #canvas;
  #written;

  constructor(canvas, written) {
    this.#canvas = canvas;
    this.#written = written;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    new ResizeObserver(() => this.repaint()).observe(canvas);
  }

  get strokes() {
    return this.#strokes;
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  /** Put strokes there in place of those that are. */
  write(strokes) {
    this.#undone = [];
    this.#change([...strokes]);
  }

  undo() {
    if (!this.isEmpty) this.#change(this.#strokes.slice(0, -1));
    else if (this.#undone.length > 0) this.#change(this.#undone.splice(0));
  }

  /** Away with all of it; `undo` brings it back. */
  clear() {
    this.#undone = this.#strokes;
    this.#change([]);
  }

  repaint() {
    const side = Math.round(this.#canvas.clientWidth * Math.min(devicePixelRatio, 3));
    if (side === 0) return;
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    const context = this.#canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    paint(context, side, this.#strokes, getComputedStyle(this.#canvas).color);
  }

  #change(strokes) {
    this.#strokes = strokes;
    this.repaint();
    this.#written();
  }

  #down(event) {
    if (this.#writing !== null || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#writing = event.pointerId;
    this.#change([...this.#strokes, { width: this.penWidth, points: [this.#point(event)] }]);
  }

  #move(event) {
    if (event.pointerId !== this.#writing) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    this.#strokes.at(-1).points.push(...(moves.length > 0 ? moves : [event]).map((move) => this.#point(move)));
    this.#change(this.#strokes);
  }

  #up(event) {
    if (event.pointerId === this.#writing) this.#writing = null;
  }

  #point(event) {
    const box = this.#canvas.getBoundingClientRect();
    // A mouse says 0.5 while pressed, a finger often 0 or 1: only a pen's pressure means something.
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 0.5;
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, pressure };
  }
}

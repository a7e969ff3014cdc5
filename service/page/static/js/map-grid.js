// All maps of a layer on one canvas, on one scale. Pointing, or the arrow keys, tell of a unit; a click picks its channel.

import { scaleOf } from "./colours.js";
import { imageOf } from "./raster.js";

const GAP_PX = 4;
const MAP_PX = 84;
const UNIT_PX = 18;
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class MapGrid {
  #canvas;
  #pointed;
  #picked;
  #maps = null;
  #scale = null;
  #cell = 0;
  #columns = 1;
  #unit = { channel: 0, y: 0, x: 0 };
  #choice = null;

  /** On `canvas`, called `name`. `pointed({ channel, y, x })` hears of the unit pointed at, `picked(channel)` of the channel chosen. */
  constructor(canvas, name, pointed, picked) {
    this.#canvas = canvas;
    this.#pointed = pointed;
    this.#picked = picked;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${name}. Arrow keys move from unit to unit, Page Up and Page Down from channel to channel, Enter picks the channel.`);
    canvas.addEventListener("pointermove", (event) => this.#at(event));
    canvas.addEventListener("pointerdown", (event) => this.#at(event));
    canvas.addEventListener("click", () => this.#pick(this.#unit.channel));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#paint()).observe(canvas.parentElement);
  }

  /** `{ channels, height, width, data }`, `data` with the channels last. Gives the scale that they are painted on. */
  show(maps) {
    this.#maps = maps;
    this.#scale = scaleOf(maps.data);
    if (this.#choice === null || this.#choice >= maps.channels) this.#pick(loudest(maps));
    else this.#paint();
    return this.#scale;
  }

  /** What that unit gives. */
  value({ channel, y, x }) {
    const { channels, width, data } = this.#maps;
    return data[(y * width + x) * channels + channel];
  }

  /** Mark a channel as chosen, or none yet (null), without telling anyone. */
  mark(channel) {
    this.#choice = channel;
    this.#paint();
  }

  get choice() {
    return this.#choice;
  }

  #paint() {
    if (this.#maps === null) return;
    const { channels, height, width } = this.#maps;
    const zoom = Math.max(1, Math.floor((height === 1 ? UNIT_PX : MAP_PX) / Math.max(height, width)));
    this.#cell = zoom * Math.max(height, width) + GAP_PX;
    const room = this.#canvas.parentElement.clientWidth;
    this.#columns = Math.max(1, Math.min(channels, Math.floor(room / this.#cell)));
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [this.#columns * this.#cell, Math.ceil(channels / this.#columns) * this.#cell];
    canvas.style.width = `${canvas.width}px`;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    const one = new OffscreenCanvas(width, height);
    for (let channel = 0; channel < channels; channel++) {
      one.getContext("2d").putImageData(imageOf(width, height, (y, x) => this.value({ channel, y, x }), this.#scale.colour), 0, 0);
      const [left, top] = this.#corner(channel);
      context.drawImage(one, left, top, width * zoom, height * zoom);
    }
    this.#frame(context, zoom);
  }

  #frame(context, zoom) {
    const { height, width } = this.#maps;
    const [left, top] = this.#corner(this.#choice ?? 0);
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = GAP_PX;
    context.strokeRect(left - GAP_PX / 2, top - GAP_PX / 2, width * zoom + GAP_PX, height * zoom + GAP_PX);
  }

  #corner(channel) {
    return [(channel % this.#columns) * this.#cell + GAP_PX / 2, Math.floor(channel / this.#columns) * this.#cell + GAP_PX / 2];
  }

  #at(event) {
    if (this.#maps === null) return;
    const box = this.#canvas.getBoundingClientRect();
    const [left, top] = [((event.clientX - box.left) * this.#canvas.width) / box.width, ((event.clientY - box.top) * this.#canvas.height) / box.height];
    const [column, row] = [Math.floor(left / this.#cell), Math.floor(top / this.#cell)];
    const channel = row * this.#columns + column;
    const zoom = (this.#cell - GAP_PX) / Math.max(this.#maps.height, this.#maps.width);
    this.#move(channel, Math.floor((top % this.#cell) / zoom), Math.floor((left % this.#cell) / zoom));
  }

  #key(event) {
    if (this.#maps === null) return;
    const { channel, y, x } = this.#unit;
    const flat = this.#maps.height === 1;
    if (event.key in STEPS) {
      const [down, right] = STEPS[event.key];
      if (flat) this.#move(channel + right + down * this.#columns, 0, 0);
      else this.#move(channel, y + down, x + right);
    } else if (event.key === "PageDown" || event.key === "PageUp") this.#move(channel + (event.key === "PageDown" ? 1 : -1), y, x);
    else if (event.key === "Enter" || event.key === " ") this.#pick(channel);
    else return;
    event.preventDefault();
  }

  #move(channel, y, x) {
    const { channels, height, width } = this.#maps;
    if (channel < 0 || channel >= channels) return;
    this.#unit = { channel, y: Math.max(0, Math.min(height - 1, y)), x: Math.max(0, Math.min(width - 1, x)) };
    this.#pointed(this.#unit);
  }

  #pick(channel) {
    this.mark(channel);
    this.#picked(channel);
  }
}

/** The channel with the largest sum. */
function loudest({ channels, data }) {
  const sums = new Float64Array(channels);
  for (let index = 0; index < data.length; index++) sums[index % channels] += data[index];
  return sums.indexOf(Math.max(...sums));
}

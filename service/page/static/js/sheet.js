// The left half of the stage: the sheet with its tools, pictures put upon it, and samples.

import { bench } from "./bench.js";
import { byId, make } from "./dom.js";
import { Pad } from "./pad.js";
import { digit, note, row, star } from "./samples.js";
import { asPicture, paint } from "./strokes.js";
import { takePictures } from "./sources.js";

const THUMB_PX = 88;

/** Set the sheet up. What is written or put on it goes to the bench; `said` tells those who cannot see it. */
export function setUpSheet(said) {
  const canvas = byId("pad");
  const shown = byId("shown");
  const place = byId("sheet");
  let turn = 0;

  const look = (picture) => {
    URL.revokeObjectURL(shown.src);
    shown.hidden = picture === null;
    if (picture === null) shown.removeAttribute("src");
    else shown.src = URL.createObjectURL(picture);
    place.dataset.holds = picture !== null ? "picture" : pad.isEmpty ? "nothing" : "strokes";
  };
  const written = async () => {
    const mine = ++turn;
    look(null);
    const picture = pad.isEmpty ? null : await asPicture(pad.strokes);
    if (mine === turn) bench.place(picture);
  };
  const put = (picture) => {
    if (!pad.isEmpty) pad.clear();
    turn++;
    look(picture);
    bench.place(picture);
  };
  const pad = new Pad(canvas, written);

  byId("undo").addEventListener("click", () => pad.undo());
  byId("clear").addEventListener("click", () => pad.clear());
  byId("pen").addEventListener("input", ({ target }) => {
    pad.penWidth = target.valueAsNumber / 100;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=range]), textarea, select");
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
      event.preventDefault();
      pad.undo();
    }
  });
  // What the browser cannot show (a TIFF), the service may read all the same.
  shown.addEventListener("error", () => {
    if (shown.hasAttribute("src")) said("Your browser cannot show this kind of picture; it is read all the same.");
  });
  takePictures({ place, choose: byId("choose"), photograph: byId("photograph") }, put, said);
  setUpSamples(pad, put);
  return pad;
}

function setUpSamples(pad, put) {
  const tile = (name, strokes, act) => {
    const canvas = make("canvas", { width: THUMB_PX, height: THUMB_PX, "aria-hidden": "true" });
    const repaint = () => {
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, THUMB_PX, THUMB_PX);
      paint(context, THUMB_PX, strokes, getComputedStyle(canvas).color);
    };
    tiles.push(repaint);
    return make("li", {}, make("button", { class: "sample", "aria-label": `Sample: ${name}`, title: name, onclick: act }, canvas));
  };
  const tiles = [];
  const drawn = (name, strokes) => tile(name, strokes, () => pad.write(strokes));
  byId("samples").append(
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => drawn(`a ${number}`, digit(number))),
    drawn("a row of digits, 1954", row("1954")),
    drawn("a star, which is no digit", star()),
    make(
      "li",
      {},
      make("button", { class: "sample note-sample", "aria-label": "Sample: a photo of a note in the shade", title: "a photo of a note in the shade", onclick: async () => put(await note()) }, notePicture()),
    ),
  );
  const repaintAll = () => tiles.forEach((repaint) => repaint());
  repaintAll();
  document.addEventListener("themechange", () => {
    repaintAll();
    pad.repaint();
  });
}

function notePicture() {
  const image = make("img", { alt: "", width: THUMB_PX / 2, height: THUMB_PX / 2 });
  note(5, THUMB_PX * 2).then((picture) => {
    image.src = URL.createObjectURL(picture);
  });
  return image;
}

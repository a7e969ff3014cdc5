// What the model sees of the picture: 28×28 pixels, and on request every step that led there.

import { askJson, withPicture } from "./api.js";
import { below, bench } from "./bench.js";
import { byId, make } from "./dom.js";
import { latest } from "./latest.js";
import { paintPicture } from "./raster.js";
import { service } from "./status.js";
import { STEPS, WARNINGS, percent, plain } from "./words.js";

const PAUSE_MS = 180;

/** Keep the section up to date. `seen` is called with the rows of the prepared picture, or null. */
export function showPrepared(seen) {
  const ask = latest(PAUSE_MS, (signal, picture, chosen) => askJson(`${below(chosen)}/preprocess`, withPicture(picture, signal)), show, nothing);

  function show(found) {
    byId("sees").dataset.state = "shown";
    paintPicture(byId("prepared"), found.image);
    showFacts(found);
    byId("steps").replaceChildren(...found.steps.map((step, index) => figure(step, found.steps[index - 1])));
    seen(found.image);
  }
  function nothing() {
    byId("sees").dataset.state = "nothing";
    byId("facts").replaceChildren();
    byId("steps").replaceChildren();
    seen(null);
  }
  const changed = () => {
    if (bench.picture !== null && bench.chosen !== null) ask(bench.picture, bench.chosen);
    else {
      ask.stop();
      nothing();
    }
  };
  bench.watch(["picture", "choice"], changed);
  service.addEventListener("recovered", changed);
}

function showFacts({ width, height, quality }) {
  const [, , inkWidth, inkHeight] = quality.ink_box;
  const facts = [
    ["Came as", `${width}\u202f×\u202f${height} pixels, ${quality.polarity === "dark_on_light" ? "dark on light" : "light on dark"}`],
    ["Ink", `${inkWidth}\u202f×\u202f${inkHeight} pixels, contrast ${percent(quality.contrast, 0)}`],
    ["Stroke", `${quality.stroke_width_px.toFixed(1)} of 28 pixels wide`],
    ...Object.keys(quality.warnings).map((name) => ["Noticed", WARNINGS[name] ?? plain(name)]),
  ];
  byId("facts").replaceChildren(...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function figure({ name, width, height, png }, before) {
  const idle = before?.png === png;
  const caption = STEPS[name] ?? plain(name);
  return make(
    "li",
    { class: idle ? "idle" : "" },
    make("img", { src: `data:image/png;base64,${png}`, alt: "", class: Math.max(width, height) < 100 ? "pixels" : "" }),
    make("span", {}, caption),
    make("small", {}, idle ? "nothing to do" : `${width}\u202f×\u202f${height}`),
  );
}

// Of the pictures that the model learned from, those that are most alike to the one on the bench.

import { askJson, withPicture } from "./api.js";
import { below, bench } from "./bench.js";
import { byId, make } from "./dom.js";
import { latest } from "./latest.js";
import { whileNear } from "./near.js";
import { service } from "./status.js";
import { count, inWords, percent, plain } from "./words.js";

const PAUSE_MS = 300;
const SHOWN = 12;
const NOTHING_YET = "Write something first, and what resembles it appears here.";
const NO_INDEX = "No examples were kept with this version: it was made before there was a place for them. Another version may have some.";

/** Set the section up. Call what this returns with each prepared picture, or null. */
export function showNearest() {
  const ask = latest(PAUSE_MS, question, show, (error) => quiet(error.status === 422 && error.type === "not_applicable" ? NO_INDEX : inWords(error)));

  const look = whileNear("nearest", () => {
    if (bench.picture !== null && bench.chosen !== null) ask(bench.picture, bench.chosen);
    else {
      ask.stop();
      quiet(NOTHING_YET);
    }
  });
  service.addEventListener("recovered", look);
  return look;
}

function question(signal, picture, chosen) {
  return askJson(`${below(chosen)}/nearest?${new URLSearchParams({ k: SHOWN, thumbnails: "png" })}`, withPicture(picture, signal));
}

function show(found) {
  const [seen] = found.pictures;
  if (seen.error) {
    quiet(inWords(seen.error));
    return;
  }
  const predicted = nameOf(seen.predicted);
  byId("nearest").dataset.state = "shown";
  byId("neighbours").replaceChildren(...seen.nearest.map((one) => neighbour(one, predicted)));
  const same = seen.nearest.filter((one) => nameOf(one) === predicted).length;
  byId("nearest-of").textContent = `${same} of these ${seen.nearest.length} are a ${predicted}, as it reads yours. They were looked for among ${count(found.examples)} pictures of ${found.dataset}, by the angle between what ${found.layer} gives for them and for yours.`;
}

function quiet(words) {
  byId("nearest").dataset.state = "nothing";
  byId("neighbours").replaceChildren();
  byId("nearest-said").textContent = words;
}

function neighbour(one, predicted) {
  const name = nameOf(one);
  const isOther = name !== predicted;
  return make(
    "li",
    { class: isOther ? "other" : "" },
    make("img", { class: "pixels", src: `data:image/png;base64,${one.thumbnail}`, alt: `A ${name}`, width: 28, height: 28 }),
    make("b", {}, name, isOther ? make("small", {}, " instead") : null),
    make("small", {}, `${percent(1 - one.distance)} alike`),
    make("small", { class: "source", title: one.source }, one.strange ? "a close call" : `no. ${one.position.toLocaleString("en")}`),
  );
}

const nameOf = (one) => String(one.digit ?? plain(String(one.label)));

// Which picture would excite a unit most: the climb to it, as a film.

import { bench } from "./bench.js";
import { curves } from "./charts.js";
import { climb, framesOf, readAsItIs } from "./climbing.js";
import { byId, make } from "./dom.js";
import { tidy } from "./explain.js";
import { latest } from "./latest.js";
import { paintPicture } from "./raster.js";
import { signaturesOf } from "./signatures.js";
import { service } from "./status.js";
import { Wish } from "./wish.js";
import { called, inWords, percent, plain } from "./words.js";

const IDLE = "Choose what is to be excited, and let it climb.";

/** Set the section up. Call what this returns with each prepared picture, or null. */
export function showDreams() {
  const [film, said, progress, stop] = ["film", "dream-said", "climb-progress", "climb-stop"].map(byId);
  let isClimbing = false;
  let from = null;
  let isOwed = false; // a climb that trouble of the service ended
  const start = latest(0, climbed, done, failed);
  const wish = new Wish(() => isClimbing || say(IDLE));

  function say(words) {
    said.textContent = words;
  }
  function clear() {
    film.replaceChildren();
    byId("rise").replaceChildren();
  }
  function climbing(yes) {
    isClimbing = yes;
    progress.hidden = stop.disabled = !yes;
    byId("dream-form").setAttribute("aria-busy", String(yes));
  }
  async function climbed(signal, asked) {
    const frames = framesOf(asked.steps).length;
    progress.value = 0;
    const found = await climb(signal, asked.chosen, asked, (one) => {
      film.append(frame(one));
      progress.value = film.childElementCount / (frames + 1);
      say(`After ${one.steps} of ${asked.steps} steps.`);
    });
    return found === null ? null : { found, prediction: await readAsItIs(signal, asked.chosen, found.image) };
  }
  function done({ found, prediction }, asked) {
    climbing(false);
    say(`${capital(asked.name)}: the answer rose from ${tidy(found.before)} to ${tidy(found.after)}. ${whatItIs(prediction, asked.chosen)}`);
    byId("rise").replaceChildren(rise(found));
  }
  function failed(error) {
    climbing(false);
    isOwed = error.passes === true;
    if (error.status === 422) clear();
    say(inWords(error));
  }
  const halt = (words) => {
    start.stop();
    isOwed = false;
    if (isClimbing) say(words);
    climbing(false);
  };
  const begin = () => {
    if (wish.startsFromPicture && bench.picture === null) {
      say("There is nothing on the sheet to start from.");
      return;
    }
    climbing(true);
    isOwed = false;
    clear();
    say("Climbing…");
    from = wish.startsFromPicture ? bench.picture : null;
    start({ chosen: bench.chosen, goal: wish.goal, name: wish.name, picture: from, seed: wish.seed, steps: wish.steps });
  };

  byId("dream-form").addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
  });
  stop.addEventListener("click", () => {
    halt("Stopped here.");
    byId("climb").focus(); // a button that cannot be pressed any more is no place for the keyboard
  });
  bench.addEventListener("wish", ({ detail }) => {
    wish.choose(detail);
    byId("dreams").scrollIntoView();
    byId("climb").focus({ preventScroll: true });
    begin();
  });
  bench.watch(["choice"], async () => {
    halt("");
    clear();
    say(IDLE);
    if (bench.chosen !== null) await offer(wish);
  });
  service.addEventListener("recovered", () => isOwed && begin());
  return () => {
    if (isClimbing && from !== null && from !== bench.picture) halt("The sheet has changed; this was still the picture before.");
  };
}

/** The form, where the version can do it; where not, why. */
async function offer(wish) {
  const asked = bench.chosen;
  let why = "";
  try {
    const signatures = await signaturesOf(asked);
    if (signatures.has("maximize")) await wish.offer(asked);
    else why = `${called(asked)} was made before it could be asked that. Choose another under “Answered by”.`;
  } catch (error) {
    why = inWords(error);
  }
  if (asked !== bench.chosen) return;
  byId("dreams-none").hidden = why === "";
  byId("dreams-none").textContent = why;
  byId("dream-form").hidden = why !== "";
}

function frame({ steps, after, image }) {
  const canvas = make("canvas", { class: "pixels", role: "img", "aria-label": `The picture after ${steps} step${steps === 1 ? "" : "s"}` });
  paintPicture(canvas, image);
  return make("li", {}, canvas, make("b", {}, steps === 1 ? "1 step" : `${steps} steps`), make("small", {}, `answers ${tidy(after)}`));
}

function rise({ trace, steps }) {
  const label = `Its answer rises from ${tidy(trace[0])} to ${tidy(trace.at(-1))} in ${steps} steps.`;
  return make("figure", {}, curves(label, [{ name: "answer", values: trace }], { ends: ["start", `${steps} steps`], words: tidy }), make("figcaption", {}, "How strongly it answers, on the way"));
}

const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function whatItIs(prediction, chosen) {
  const name = String(prediction.digit ?? plain(String(prediction.label)));
  const doubt = prediction.is_digit === false ? ", though it would not take this for a digit at all" : "";
  return `${called(chosen)} reads the last picture as ${/^\d$/.test(name) ? `a ${name}` : name}, ${percent(prediction.confidence)} sure${doubt}.`;
}

// Why the answer is what it is: a map over the prepared picture, as strong as one likes.

import { askJson, withPicture } from "./api.js";
import { below, bench } from "./bench.js";
import { paintLegend, scaleOf } from "./colours.js";
import { byId, make } from "./dom.js";
import { latest } from "./latest.js";
import { paintValues } from "./raster.js";
import { signaturesOf } from "./signatures.js";
import { METHODS, inWords, percent, plain } from "./words.js";

const PAUSE_MS = 120;

/** Set the controls up. Call what this returns with each prepared picture, or null. */
export function explain() {
  const [method, target, opacity, overlay, said] = ["method", "class", "opacity", "overlay", "method-said"].map(byId);
  const ask = latest(PAUSE_MS, question, show, (error) => hide(inWords(error)));
  let shown = null;

  function question(signal, picture, chosen) {
    const query = new URLSearchParams({ method: method.value, ...(target.value && { class: target.value }) });
    return askJson(`${below(chosen)}/explain?${query}`, withPicture(picture, signal));
  }
  function show(found) {
    shown = found;
    said.textContent = `${METHODS[found.method]?.[1] ?? ""} ${nameOf(found.class)}: ${percent(found.probability)}.`;
    repaint();
  }
  function hide(words) {
    shown = null;
    overlay.hidden = byId("overlay-legend").hidden = true;
    said.textContent = words;
  }
  function repaint() {
    if (shown === null) return;
    const scale = scaleOf(shown.map.flat());
    const strength = opacity.valueAsNumber / 100;
    const strongest = Math.max(Math.abs(scale.low), scale.high) || 1;
    // White of a signed map would wash the picture out, so it covers as much as there is to say.
    const alpha = scale.kind === "signed" ? (value) => Math.abs(value) / strongest : () => 1;
    const height = shown.map.length;
    paintValues(overlay, shown.map[0].length, height, (y, x) => shown.map[y][x], (value) => [...scale.colour(value), Math.round(255 * strength * alpha(value))]);
    overlay.hidden = false;
    showLegend(byId("overlay-legend"), scale);
  }
  const changed = () => {
    target.disabled = opacity.disabled = method.value === "";
    if (method.value === "" || bench.picture === null) {
      ask.stop();
      hide("");
    } else ask(bench.picture, bench.chosen);
  };

  for (const control of [method, target]) control.addEventListener("change", changed);
  opacity.addEventListener("input", repaint);
  bench.watch(["choice", "models"], () => offer(method, target).then(changed));
  return (image) => (image === null ? (ask.stop(), hide("")) : changed());
}

/** What the chosen version can do; what was chosen before stays if it can be. */
async function offer(method, target) {
  if (bench.chosen === null) return;
  let able = [];
  try {
    const signatures = await signaturesOf(bench.chosen);
    able = Object.keys(METHODS).filter((name) => signatures.has(name));
  } catch {
    // Nothing is offered as long as nothing is known.
  }
  refill(method, [["", "nothing"], ...able.map((name) => [name, METHODS[name][0]])]);
  const version = bench.models.find(({ name }) => name === bench.chosen.model)?.versions.find((one) => one.version === bench.chosen.version);
  refill(target, [["", "the digit that was read"], ...(version?.labels ?? []).map((label) => [label, /^\d$/.test(label) ? `a ${label}` : label])]);
}

function refill(list, entries) {
  const before = list.value;
  list.replaceChildren(...entries.map(([value, words]) => make("option", { value }, words)));
  list.value = entries.some(([value]) => value === before) ? before : "";
}

const nameOf = (target) => `For ${target.digit ?? plain(String(target.label))}`;

/** The scale under a map: a strip of its colours with the numbers at its ends. */
export function showLegend(place, scale) {
  place.hidden = false;
  place.querySelector("[data-low]").textContent = tidy(scale.low);
  place.querySelector("[data-high]").textContent = tidy(scale.high);
  paintLegend(place.querySelector("canvas"), scale);
}

/** Three digits that count. */
export function tidy(value) {
  return value === 0 ? "0" : Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
}

// The right half of the stage: what was read, how surely, and by whom.

import { bench } from "./bench.js";
import { byId, make } from "./dom.js";
import { WARNINGS, called, inWords, percent, plain } from "./words.js";

const QUIET_MS = 700;
const nameOf = (prediction) => String(prediction.digit ?? prediction.label);

/** What `keepAsking` shows its answers with. */
export function answerPanel() {
  let speaking;
  const panel = byId("answer");
  const say = (text) => {
    // Those who listen hear the last of many answers, not every one on the way.
    clearTimeout(speaking);
    speaking = setTimeout(() => byId("said").replaceChildren(text), QUIET_MS);
  };
  const headline = (digit, confidence, sentence) => {
    byId("digit").textContent = digit;
    byId("confidence").textContent = confidence;
    byId("sentence").textContent = sentence;
  };

  return {
    answer(main, beside) {
      const { prediction } = main;
      const name = nameOf(prediction);
      const doubtful = prediction.is_digit === false;
      panel.dataset.state = doubtful ? "doubtful" : "sure";
      headline(name, percent(prediction.confidence), sentenceOf(prediction, name, doubtful) + otherOf(beside, name));
      showBars(main, beside);
      showWarnings(prediction.warnings);
      byId("took").textContent = tookOf(main);
      say(`${doubtful ? "Probably no digit; nearest" : "Read as"} ${name}, ${percent(prediction.confidence)} sure.${otherOf(beside, name)}`);
    },
    row(reading) {
      byId("row").hidden = reading === null || reading.digits.length < 2;
      if (byId("row").hidden) return;
      byId("row-text").replaceChildren(...reading.digits.map(tile));
      byId("row-sure").textContent = `The whole row: ${percent(reading.confidence, 0)} sure.`;
      say(`A row of digits: ${[...reading.text].join(" ")}.`);
    },
    fault(error) {
      if (error.passes || error.status === 401) {
        panel.dataset.state = "waiting"; // the notice at the top says why
        return;
      }
      panel.dataset.state = "nothing";
      headline("–", "", inWords(error));
      clearDetails();
      say(inWords(error));
    },
    nothing() {
      panel.dataset.state = "nothing";
      headline("?", "", "Write a digit on the sheet, and the answer appears here as you write.");
      clearDetails();
    },
  };
}

function clearDetails() {
  showBars(null, null);
  showWarnings([]);
  byId("took").textContent = "";
  byId("row").hidden = true;
}

function sentenceOf(prediction, name, doubtful) {
  if (doubtful) return `This does not look like a digit. If it is one, a ${name} comes nearest.`;
  if (prediction.confidence > 0.98) return `This is a ${name}.`;
  if (prediction.confidence > 0.8) return `This is very likely a ${name}.`;
  const second = [...prediction.probabilities.entries()].sort((a, b) => b[1] - a[1])[1][0];
  return `Perhaps a ${name}, perhaps a ${labels()[second]}.`;
}

/** What the one beside says where that is something else. */
function otherOf(beside, name) {
  if (beside === null || beside.prediction.is_digit === false || nameOf(beside.prediction) === name) return "";
  return ` ${called(beside)} reads a ${nameOf(beside.prediction)}.`;
}

function showWarnings(warnings) {
  byId("warnings").replaceChildren(
    ...warnings.map((name) => make("li", {}, make("span", { class: "glyph", "aria-hidden": "true" }, "!"), WARNINGS[name] ?? `${plain(name)}.`)),
  );
}

function showBars(main, beside) {
  const names = labels();
  const best = main ? main.prediction.probabilities.indexOf(Math.max(...main.prediction.probabilities)) : -1;
  byId("bars-main").textContent = main ? called(main) : bench.chosen ? called(bench.chosen) : "";
  byId("bars-beside").textContent = beside ? called(beside) : "";
  byId("bars").classList.toggle("alone", beside === null);
  const body = byId("bars").tBodies[0];
  while (body.rows.length > names.length) body.deleteRow(-1);
  names.forEach((name, index) => {
    const row = body.rows[index] ?? body.appendChild(barRow());
    row.classList.toggle("best", index === best);
    row.cells[0].textContent = name;
    for (const [cell, bar, one] of [[2, 0, main], [3, 1, beside]]) {
      const share = one ? one.prediction.probabilities[index] : 0;
      row.cells[cell].textContent = one ? percent(share) : "";
      row.cells[1].firstChild.children[bar].style.setProperty("--share", share);
    }
  });
}

function barRow() {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }),
    make("td", { "aria-hidden": "true" }, make("div", { class: "track" }, make("div", { class: "bar" }), make("div", { class: "bar beside" }))),
    make("td", {}),
    make("td", {}),
  );
}

function tile({ digit, confidence, split }) {
  return make("li", { class: confidence < 0.5 ? "unsure" : "" }, make("b", {}, String(digit)), make("small", {}, percent(confidence, 0)), split ? make("small", {}, "cut off") : null);
}

function tookOf({ timings }) {
  const whole = Object.values(timings).reduce((sum, ms) => sum + ms, 0);
  return `${whole.toFixed(1)} ms in the service, ${(timings.inference ?? 0).toFixed(1)} ms of it in the model`;
}

function labels() {
  const model = bench.models.find(({ name }) => name === bench.chosen?.model);
  const version = model?.versions.find(({ version }) => version === bench.chosen?.version);
  return version?.labels ?? ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
}

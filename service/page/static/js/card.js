// A version's card: how well it does, where it errs, how it learned.

import { curves } from "./charts.js";
import { make } from "./dom.js";
import { count, percent } from "./words.js";

/** The card as an element. */
export function cardDetails(card) {
  const test = card.metrics?.test;
  return make(
    "div",
    { class: "card-details" },
    make("h3", {}, `${card.name} ${card.version}`),
    test ? make("p", { class: "lede" }, summary(test, card)) : null,
    make("div", { class: "card-figures" }, test?.confusion_matrix ? confusion(test.confusion_matrix, card.labels) : null, card.history?.length > 1 ? learning(card.history) : null),
    card.command ? make("details", {}, make("summary", {}, "How to make it again"), make("pre", { tabindex: "0" }, make("code", {}, card.command))) : null,
  );
}

function summary(test, card) {
  const wrong = test.total - test.correct;
  const parts = [`${count(test.correct)} of ${count(test.total)} read rightly, ${count(wrong)} wrongly.`];
  if (test.ece !== undefined) parts.push(`Its confidence is off by ${percent(test.ece, 2)} on average.`);
  if (card.dataset?.train) parts.push(`It learned from ${count(card.dataset.train)} pictures of ${card.dataset.name}.`);
  return parts.join(" ");
}

function confusion(matrix, labels) {
  const worst = Math.max(...matrix.flatMap((row, at) => row.filter((_, column) => column !== at)), 1);
  const cell = (value, row, column) => {
    const share = row === column ? 0 : value / worst;
    const element = make("td", { class: row === column ? "right" : value === 0 ? "none" : "wrong" }, value === 0 ? "·" : String(value));
    element.style.setProperty("--share", share);
    return element;
  };
  const table = make(
    "table",
    { class: "confusion" },
    make("caption", { class: "visually-hidden" }, "Confusion matrix: what it was in rows, what was read in columns"),
    make("thead", {}, make("tr", {}, make("td", {}), ...labels.map((label) => make("th", { scope: "col" }, label)))),
    make("tbody", {}, ...matrix.map((row, at) => make("tr", {}, make("th", { scope: "row" }, labels[at]), ...row.map((value, column) => cell(value, at, column))))),
  );
  return make("div", {}, make("p", { class: "fine" }, "What it was (rows) and what was read (columns); framed: rightly."), make("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Confusion matrix" }, table));
}

function learning(history) {
  const last = history.at(-1);
  const errors = (name) => history.map((epoch) => (epoch[name] === undefined ? Number.NaN : 1 - epoch[name]));
  const ends = ["epoch 1", String(last.epoch)];
  const lines = (names) => names.map(([name, values]) => ({ name, values }));
  const high = Math.max(...errors("val_accuracy").slice(2), ...errors("accuracy").slice(2)) * 1.15;
  return make(
    "figure",
    { class: "learning" },
    curves(
      `Errors fell from ${percent(1 - history[0].accuracy)} to ${percent(1 - last.accuracy)} on what it learned from, and to ${percent(1 - (last.val_accuracy ?? last.accuracy), 2)} on what was kept back.`,
      lines([["learned from", errors("accuracy")], ["kept back", errors("val_accuracy")]]),
      { low: 0, high, ends, words: (value) => percent(value, 1) },
    ),
    make("figcaption", {}, "Errors by epoch. ", make("span", { class: "key key-0" }, "on what it learned from (made harder on purpose)"), " ", make("span", { class: "key key-1" }, "on what was kept back")),
  );
}

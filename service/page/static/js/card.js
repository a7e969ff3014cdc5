// A version's card: how well it does, where it errs, how it learned.

import { below } from "./bench.js";
import { calibrated } from "./calibration.js";
import { curves } from "./charts.js";
import { classes, confusion } from "./confusion.js";
import { make } from "./dom.js";
import { count, percent } from "./words.js";

const REPORT = "assets.extra/report.html";

/** The card as an element. */
export function cardDetails(card) {
  const test = card.metrics?.test;
  return make(
    "div",
    { class: "card-details" },
    make("h3", {}, `${card.name} ${card.version}`),
    test ? make("p", { class: "lede" }, summary(test, card)) : null,
    make(
      "div",
      { class: "card-figures" },
      test?.confusion_matrix ? confusion(test.confusion_matrix, card.labels) : null,
      card.history?.length > 1 ? learning(card.history) : null,
      test?.per_class && test.confusion_matrix ? classes(test.per_class, test.confusion_matrix) : null,
      calibrated(card),
    ),
    card.files?.[REPORT] ? report(card) : null,
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

function report({ name, version }) {
  const address = `${below({ model: name, version })}/report?format=html`;
  return make("p", {}, make("a", { href: address, target: "_blank", rel: "noopener" }, "The whole report, with the worst mistakes as pictures", make("span", { class: "visually-hidden" }, " (opens beside this page)")));
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

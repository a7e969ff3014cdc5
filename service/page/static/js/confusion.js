// Where a version errs: the confusion matrix, and what that means for each class.

import { make } from "./dom.js";
import { count, percent } from "./words.js";

/** The matrix, what it was in rows and what was read in columns. */
export function confusion(matrix, labels) {
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

/** For each class how many were missed, and how many others were taken for it. */
export function classes(rows, matrix) {
  const line = ({ label, precision, recall, f1, support }, at) => {
    const [missed, taken] = [support - matrix[at][at], matrix.reduce((sum, row) => sum + row[at], 0) - matrix[at][at]];
    return make("tr", {}, make("th", { scope: "row" }, label), ...[count(support), String(missed), String(taken), percent(recall, 2), percent(precision, 2), percent(f1, 2)].map((text) => make("td", {}, text)));
  };
  const heads = [["", "Class"], ["pictures", ""], ["missed", ""], ["wrongly taken for it", ""], ["recall", ""], ["precision", ""], ["F1", ""]];
  const table = make(
    "table",
    { class: "classes" },
    make("caption", { class: "visually-hidden" }, "How well each class is read"),
    make("thead", {}, make("tr", {}, ...heads.map(([words, hidden]) => make("th", { scope: "col" }, words || make("span", { class: "visually-hidden" }, hidden))))),
    make("tbody", {}, ...rows.map(line)),
  );
  return make("div", {}, make("p", { class: "fine" }, "Class by class: recall is the share of its pictures that were found, precision the share of what was taken for it that was right."), make("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": "Class by class" }, table));
}

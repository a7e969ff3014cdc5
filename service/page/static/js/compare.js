// Two versions side by side.

import { askJson } from "./api.js";
import { bench } from "./bench.js";
import { intervals } from "./charts.js";
import { byId, make, note } from "./dom.js";
import { latest } from "./latest.js";
import { called, count, inWords, percent, plain } from "./words.js";

const LESS = -1;
const MORE = 1;
const SIZES = ["parameters", "macs", "size_bytes"];

// What is compared, in words; which way is better, where one way is.
const ROWS = [
  ["Read rightly, of the test", "test_accuracy", (share) => percent(share, 2), MORE],
  ["Read rightly, of what was kept back", "validation_accuracy", (share) => percent(share, 2), MORE],
  ["Confidence is off by, on average", "ece", (share) => percent(share, 2), LESS],
  ["Test loss, in nats", "test_loss", (loss) => loss.toFixed(4), LESS],
  ["Weights", "parameters", count, LESS],
  ["Multiplications for a picture", "macs", count, LESS],
  ["Size", "size_bytes", (bytes) => `${(bytes / 1e6).toFixed(1)}\u202fMB`, LESS],
  ["Learned from", "dataset", String, 0],
  ["Epochs", "epochs", String, 0],
  ["Seconds for an epoch", "seconds_per_epoch", (seconds) => seconds.toFixed(1), 0],
];

/** Keep the comparison up to date. */
export function showComparison() {
  const lists = ["compare-one", "compare-other"].map(byId);
  const place = byId("compared");
  const ask = latest(0, question, ({ versions: [one, other] }) => place.replaceChildren(...compared(one, other)), (error) => place.replaceChildren(note(inWords(error))));
  const changed = () => ask(...lists.map(({ value }) => value));

  for (const list of lists) list.addEventListener("change", changed);
  bench.watch(["models"], () => {
    const there = bench.models.flatMap(({ name, versions }) => versions.filter(({ state }) => state === "available").map(({ version }) => ({ model: name, version })));
    byId("compare").hidden = there.length < 2;
    if (there.length < 2) return;
    lists.forEach((list, index) => {
      const before = list.value;
      list.replaceChildren(...there.map((one) => make("option", { value: `${one.model}/${one.version}` }, called(one))));
      list.value = there.some((one) => `${one.model}/${one.version}` === before) ? before : list.options[index].value;
    });
    changed();
  });
}

const question = (signal, one, other) => askJson(`compare?${new URLSearchParams({ models: `${one},${other}` })}`, { signal });

function compared(one, other) {
  const rows = ROWS.filter(([, field]) => one[field] !== undefined || other[field] !== undefined);
  const head = make("tr", {}, make("td", {}), ...[one, other].map((version) => make("th", { scope: "col" }, called(version))));
  const table = make("table", { class: "compared" }, make("caption", { class: "visually-hidden" }, `${called(one)} and ${called(other)} side by side`), make("thead", {}, head), make("tbody", {}, ...rows.map((row) => line(row, one, other))));
  return [accuracies(one, other), table, differing(one, other)].filter(Boolean);
}

function line([words, field, shown, better], one, other) {
  const [mine, theirs] = [one[field], other[field]];
  const wins = (value, against) => better !== 0 && value !== undefined && against !== undefined && better * (value - against) > 0;
  const what = SIZES.includes(field) ? "less" : "better";
  const cell = (value, against) => make("td", { class: wins(value, against) ? "wins" : "" }, value === undefined ? "–" : shown(value), wins(value, against) ? make("small", {}, ` ${what}`) : null);
  return make("tr", {}, make("th", { scope: "row" }, words), cell(mine, theirs), cell(theirs, mine));
}

/** Both accuracies with the intervals in which the true ones lie in 95 of 100 cases. */
function accuracies(one, other) {
  const both = [one, other].filter((version) => version.test_accuracy_interval);
  if (both.length < 2 || one.dataset !== other.dataset) return null;
  const [low, high] = both.map(({ test_accuracy_interval: [from, to] }) => ({ from, to }));
  const apart = low.to < high.from || high.to < low.from;
  const ahead = one.test_accuracy > other.test_accuracy ? one : other;
  const same = one.model === other.model && one.version === other.version;
  const verdict = same ? "One and the same." : apart ? `The intervals lie apart: ${called(ahead)} reads better, and hardly by chance.` : "The intervals overlap: on so many pictures, chance alone could make this difference.";
  const label = both.map((version) => `${called(version)}: ${percent(version.test_accuracy, 2)}, between ${version.test_accuracy_interval.map((share) => percent(share, 2)).join(" and ")}`).join("; ");
  return make(
    "figure",
    {},
    intervals(label, both.map((version) => ({ name: called(version), value: version.test_accuracy, from: version.test_accuracy_interval[0], to: version.test_accuracy_interval[1] })), (share) => percent(share, 2)),
    make("figcaption", {}, `Pictures of the test read rightly, with 95\u202f% intervals. ${verdict}`),
  );
}

/** What the two were trained with, where that differs. */
function differing(one, other) {
  const [mine, theirs] = [flat(one.hyperparameters ?? {}), flat(other.hyperparameters ?? {})];
  const names = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].filter((name) => JSON.stringify(mine[name]) !== JSON.stringify(theirs[name]));
  if (names.length === 0) return null;
  const row = (name) => make("tr", {}, make("th", { scope: "row" }, plain(name)), ...[mine, theirs].map((values) => make("td", {}, values[name] === undefined ? "–" : String(values[name]))));
  const head = make("tr", {}, make("td", {}), ...[one, other].map((version) => make("th", { scope: "col" }, called(version))));
  return make("details", {}, make("summary", {}, "Trained differently in"), make("table", { class: "compared" }, make("caption", { class: "visually-hidden" }, "What the two were trained with, where that differs"), make("thead", {}, head), make("tbody", {}, ...names.map(row))));
}

/** `{ a: { b: 1 } }` → `{ "b": 1 }`, the groups' own names left out. */
function flat(values) {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value !== null && typeof value === "object" && !Array.isArray(value) ? Object.entries(flat(value)) : [[name, value]])));
}

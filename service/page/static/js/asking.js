// From the bench to `/predict` and back: the one who answers, the one beside, and the row where there are several digits.

import { askJson, withPicture } from "./api.js";
import { bench } from "./bench.js";
import { latest } from "./latest.js";
import { service } from "./status.js";

const EVERY_MS = 80;

/** Ask at every change. `show`: { answer(main, beside), row(reading or null), fault(error), nothing() }. */
export function keepAsking(show) {
  const ask = latest(EVERY_MS, both, answered, show.fault, { isLive: true });
  const askRow = latest(0, readRow, (found) => show.row(found), () => show.row(null));

  function answered(found) {
    show.answer(found.main, found.beside);
    if (found.main.prediction.warnings.includes("several_parts")) askRow(bench.picture, bench.chosen);
    else show.row(null);
  }
  const changed = () => {
    askRow.stop();
    if (bench.picture !== null && bench.chosen !== null) ask(bench.picture, bench.chosen, bench.beside);
    else {
      ask.stop();
      show.nothing();
    }
  };
  bench.watch(["picture", "choice"], changed);
  service.addEventListener("recovered", changed);
}

async function both(signal, picture, chosen, beside) {
  const [main, other] = await Promise.all([
    predict(signal, picture, chosen),
    // Without the one beside, the answer is an answer still.
    beside === null ? null : predict(signal, picture, beside).catch(() => null),
  ]);
  return { main, beside: other };
}

async function predict(signal, picture, { model, version }) {
  const query = new URLSearchParams({ model, version });
  const found = await askJson(`predict?${query}`, withPicture(picture, signal));
  const prediction = found.predictions[0];
  if (prediction.error) throw prediction.error;
  return { model, version, prediction: { warnings: [], ...prediction }, timings: found.timings_ms };
}

const readRow = (signal, picture, { model, version }) => askJson(`read?${new URLSearchParams({ model, version })}`, withPicture(picture, signal));

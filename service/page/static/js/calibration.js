// Whether a version is as sure as it should be.

import { reliability } from "./charts.js";
import { make } from "./dom.js";
import { count, percent } from "./words.js";

/** What the card says of it; null where it says nothing. */
export function calibrated({ calibration, metrics }) {
  const bins = metrics?.test?.reliability;
  if (!calibration && !bins) return null;
  return make("div", {}, make("h4", {}, "As sure as it should be?"), bins ? diagram(bins, metrics.test) : null, calibration ? told(calibration) : null);
}

function diagram(bins, { total }) {
  const sure = bins.at(-1);
  const label = `Of ${count(total)} pictures it was most sure of ${count(sure.count)}: ${percent(sure.confidence)} on average, and right in ${percent(sure.accuracy)}.`;
  return make("figure", {}, reliability(label, bins, (share) => percent(share, 0)), make("figcaption", {}, "How often it was right (up) when it was so sure (across). On the dashed line the two are the same; the larger a dot, the more pictures."));
}

function told({ method, temperature, ece_before: before, ece_after: after, fitted_on: on }) {
  if (before === undefined || after === undefined) return null;
  const how = method === "temperature" ? `, by dividing its logits by ${temperature.toFixed(3)}` : "";
  const shared = `On what it was set with (${on}), its confidence was off by ${percent(before, 2)} on average before it was set right${how}, and by ${percent(after, 2)} after.`;
  return make("p", { class: "fine" }, shared);
}

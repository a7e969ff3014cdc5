// Throughput and latency, read from `/metrics` every few seconds, only while the panel is open and seen.

import { ask } from "./api.js";
import { curves } from "./charts.js";
import { byId, make } from "./dom.js";
import { between, parseMetrics, quantile, total } from "./prometheus.js";
import { inWords } from "./words.js";

const EVERY_MS = 2000;
const KEPT = 60;
const READ_ROUTES = /^\/(predict|read|v1\/.*|v2\/.*infer)$|:predict$/;
const reads = ({ route }) => READ_ROUTES.test(route ?? "");

/** Set the panel up. */
export function watchLive() {
  const details = byId("live-details");
  const panel = byId("live-panel");
  let timer;
  let before = null;
  let readings = [];

  const look = async () => {
    timer = setTimeout(look, EVERY_MS);
    try {
      const now = { at: performance.now(), metrics: parseMetrics(await (await ask("metrics", { accept: "text/plain" })).text()) };
      if (before !== null) {
        readings = [...readings, reading(before, now)].slice(-KEPT);
        show(panel, readings);
      } else panel.replaceChildren(make("p", { class: "note" }, "Looking twice, to see how fast it goes…"));
      before = now;
    } catch (error) {
      before = null;
      panel.replaceChildren(make("p", { class: "note" }, inWords(error)));
    }
  };
  const changed = () => {
    clearTimeout(timer);
    if (details.open && !document.hidden) look();
    else before = null; // what lies between would be no rate
  };
  details.addEventListener("toggle", changed);
  document.addEventListener("visibilitychange", changed);
  changed();
}

function reading(before, now) {
  const seconds = (now.at - before.at) / 1000;
  const grown = (name, fit) => Math.max(0, total(now.metrics, name, fit) - total(before.metrics, name, fit));
  const latency = between(before.metrics, now.metrics, "digits_request_seconds", reads);
  const batches = grown("digits_batch_pictures_count");
  return {
    requests: grown("digits_requests_total", reads) / seconds,
    pictures: grown("digits_predictions_total") / seconds,
    failed: grown("digits_requests_total", ({ status }) => status >= "500") / seconds,
    half: 1000 * quantile(0.5, latency),
    most: 1000 * quantile(0.95, latency),
    batch: batches > 0 ? grown("digits_batch_pictures_sum") / batches : Number.NaN,
    queue: total(now.metrics, "digits_queue_pictures"),
  };
}

function show(panel, readings) {
  const last = readings.at(-1);
  const ago = `${Math.round((readings.length * EVERY_MS) / 1000)} s ago`;
  const figures = [
    ["Requests a second", number(last.requests)],
    ["Pictures a second", number(last.pictures)],
    ["Half are answered within", milliseconds(last.half)],
    ["95 of 100 within", milliseconds(last.most)],
    ["Pictures in a batch", number(last.batch)],
    ["Waiting", number(last.queue)],
    ["Failures a second", number(last.failed)],
  ];
  const column = (name) => readings.map((one) => one[name]);
  panel.replaceChildren(
    make("dl", { class: "figures" }, ...figures.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
    make(
      "div",
      { class: "live-curves" },
      make("figure", {}, curves("Requests a second", [{ name: "requests", values: column("requests") }], { low: 0, high: Math.max(1, ...column("requests")), ends: [ago, "now"], words: number }), make("figcaption", {}, "Requests a second")),
      make(
        "figure",
        {},
        curves("Latency in milliseconds", [{ name: "half", values: column("half") }, { name: "most", values: column("most") }], { low: 0, high: Math.max(1, ...column("most").filter(Number.isFinite)), ends: [ago, "now"], words: number }),
        make("figcaption", {}, "Milliseconds: ", make("span", { class: "key key-0" }, "half within"), " ", make("span", { class: "key key-1" }, "95 of 100 within")),
      ),
    ),
  );
}

const number = (value) => (Number.isFinite(value) ? value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 }) : "–");
const milliseconds = (value) => (Number.isFinite(value) ? `${number(value)}\u202fms` : "–");

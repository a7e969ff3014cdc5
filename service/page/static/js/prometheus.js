// Prometheus' text format, as much of it as `/metrics` uses, and what two readings of it say together.

/** Every sample by name: Map of name → [{ labels, value }]. */
export function parseMetrics(text) {
  const found = new Map();
  for (const lineText of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(lineText);
    if (match === null) continue;
    const [, name, labelText = "", value] = match;
    const labels = Object.fromEntries([...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text_]) => [key, text_.replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one))]));
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ labels, value: value === "+Inf" ? Infinity : Number(value) });
  }
  return found;
}

/** The sum of a metric's samples whose labels `fit`. */
export function total(metrics, name, fit = () => true) {
  return (metrics.get(name) ?? []).reduce((sum, { labels, value }) => (fit(labels) ? sum + value : sum), 0);
}

/** Of a histogram, between two readings: `[upper bound, how many up to there]`, ascending. */
export function between(before, now, name, fit) {
  const bounds = new Map();
  for (const [metrics, sign] of [[now, 1], [before, -1]]) {
    for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
      if (!fit(labels)) continue;
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      bounds.set(bound, (bounds.get(bound) ?? 0) + sign * value);
    }
  }
  return [...bounds].sort(([one], [other]) => one - other);
}

/** The value that this share of the observations does not exceed, as Prometheus' histogram_quantile has it; NaN of none. */
export function quantile(share, buckets) {
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all <= 0) return Number.NaN;
  const rank = share * all;
  const index = buckets.findIndex(([, upTo]) => upTo >= rank);
  const [bound, upTo] = buckets[index];
  const [lower, below] = index > 0 ? buckets[index - 1] : [0, 0];
  return bound === Infinity ? lower : lower + ((bound - lower) * (rank - below)) / (upTo - below || 1);
}

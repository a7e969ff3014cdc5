// Who answers, and who is shown beside: out of what the service has, kept up to date while the page is seen.

import { askJson } from "./api.js";
import { bench } from "./bench.js";
import { byId, make } from "./dom.js";
import { service } from "./status.js";
import { called } from "./words.js";

const LOOK_AGAIN_MS = 15_000;
const same = (one, other) => one?.model === other?.model && one?.version === other?.version;

/** Keep the two lists. */
export function chooseModels() {
  const [main, beside] = [byId("model"), byId("beside")];
  let wanted = { main: null, beside: undefined }; // what somebody chose by hand stays as long as it is there

  const look = async () => {
    try {
      const { models } = await askJson("models");
      if (JSON.stringify(models) === JSON.stringify(bench.models)) return;
      bench.list(models);
      settle();
    } catch {
      // The notice says so, and asks again.
    }
  };
  const settle = () => {
    const there = readers(bench.models);
    const kept = there.find((one) => same(one, wanted.main));
    const chosen = kept ?? there.find((one) => one.isDefault) ?? there[0] ?? null;
    const others = there.filter((one) => !same(one, chosen));
    const other = wanted.beside === null ? null : (others.find((one) => same(one, wanted.beside)) ?? others[0] ?? null);
    fill(main, there, chosen, false);
    fill(beside, others, other, true);
    if (!same(chosen, bench.chosen) || !same(other, bench.beside)) bench.choose(chosen, other);
  };
  const pick = (list) => (list.value === "" ? null : { model: list.value.split("/")[0], version: Number(list.value.split("/")[1]) });

  main.addEventListener("change", () => {
    wanted = { ...wanted, main: pick(main) };
    settle();
  });
  beside.addEventListener("change", () => {
    wanted = { ...wanted, beside: pick(beside) };
    settle();
  });
  service.addEventListener("recovered", look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
  setInterval(() => document.hidden || look(), LOOK_AGAIN_MS);
  return look();
}

/** Every version that reads pictures, the one that answers by default marked. */
function readers(models) {
  return models.flatMap((model) => {
    const able = model.versions.filter(({ state, input }) => state === "available" && input?.preparation === "mnist");
    const first = able.find(({ version }) => version === model.labels.stable) ?? able[0];
    return able.map(({ version }) => ({ model: model.name, version, isDefault: model.default && version === first.version }));
  });
}

function fill(list, entries, chosen, canBeNone) {
  const options = entries.map((one) => make("option", { value: `${one.model}/${one.version}`, selected: same(one, chosen) }, called(one)));
  list.replaceChildren(...options, ...(canBeNone ? [make("option", { value: "", selected: chosen === null }, "nobody")] : []));
}

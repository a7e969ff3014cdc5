// What is served: a card for each version, and the open card's matrix and curves.

import { askJson } from "./api.js";
import { below, bench } from "./bench.js";
import { cardDetails } from "./card.js";
import { byId, make, note } from "./dom.js";
import { count, inWords, percent, plain } from "./words.js";

const STATES = { available: ["●", "in service"], loading: ["◔", "being loaded"], unloading: ["◌", "being put away"], failed: ["✕", "could not be loaded"] };

/** Keep the cards up to date. */
export function showModels() {
  const place = byId("card-open");
  let opened = null;

  const open = async (one) => {
    opened = one.model === opened?.model && one.version === opened?.version ? null : one;
    mark();
    place.hidden = opened === null;
    if (opened === null) return;
    place.replaceChildren(note("Fetching the card…"));
    try {
      const { card } = await askJson(below(one));
      if (opened === one) place.replaceChildren(cardDetails(card));
    } catch (error) {
      if (opened === one) place.replaceChildren(note(inWords(error)));
    }
  };
  const mark = () => {
    for (const button of byId("cards").querySelectorAll("button")) button.setAttribute("aria-expanded", String(button.dataset.card === (opened && `${opened.model}/${opened.version}`)));
  };
  bench.watch(["models"], () => {
    byId("cards").replaceChildren(...bench.models.flatMap((model) => model.versions.map((version) => card(model, version, open))));
    mark();
  });
}

function card(model, version, open) {
  const [glyph, state] = STATES[version.state];
  const labels = Object.entries(model.labels).filter(([, number]) => number === version.version).map(([label]) => label);
  const roles = [...(model.default ? ["answers by default"] : []), ...labels.map((label) => labelled(label, model))];
  const facts = [
    ["Right of 10,000", version.test_accuracy === undefined ? null : percent(version.test_accuracy, 2)],
    ["Learned from", version.dataset],
    ["Weights", version.parameters === undefined ? null : count(version.parameters)],
    ["Multiplications", version.macs === undefined ? null : count(version.macs)],
    ["Made", version.created?.slice(0, 10)],
  ].filter(([, value]) => value);
  return make(
    "li",
    { class: "card", "data-state": version.state },
    make("h3", {}, model.name, " ", make("small", {}, `version ${version.version}`)),
    make("p", { class: "state" }, make("span", { "aria-hidden": "true" }, glyph), ` ${state}`),
    version.reason ? make("p", { class: "fine" }, version.reason) : null,
    roles.length > 0 ? make("ul", { class: "tags" }, ...roles.map((role) => make("li", {}, role))) : null,
    make("dl", { class: "facts" }, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
    version.state === "available"
      ? make("button", { class: "button", type: "button", "aria-expanded": "false", "aria-controls": "card-open", "data-card": `${model.name}/${version.version}`, onclick: () => open({ model: model.name, version: version.version }) }, "Its card")
      : null,
  );
}

function labelled(label, model) {
  const share = { canary: model.canary_share, shadow: model.shadow_share }[label];
  return share === undefined ? plain(label) : `${label}, ${percent(share, 0)}`;
}

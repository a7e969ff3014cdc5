// The page about the API: made from the service's own description, each operation with an example that runs.

import { askJson } from "./api.js";
import { byId, make, note } from "./dom.js";
import { layersOf } from "./layer-table.js";
import { operationView } from "./operation.js";
import { groups } from "./operations.js";
import { service, watchService } from "./status.js";
import { themeSwitch } from "./theme.js";
import { inWords } from "./words.js";

themeSwitch(byId("theme"));
watchService(byId("notice"));
service.addEventListener("recovered", () => byId("operations").childElementCount < 2 && show());
show();

async function show() {
  try {
    const [description, { models }] = await Promise.all([askJson("openapi.json"), askJson("models").catch(() => ({ models: [] }))]);
    const asked = models.find((one) => one.default) ?? models[0];
    if (asked?.versions.length > 0) asked.layer = (await layersOf({ model: asked.name, version: asked.versions[0].version }).catch(() => [])).find(({ parameters }) => parameters > 0)?.name;
    const found = groups(description);
    byId("contents").replaceChildren(...found.map(({ title, operations }) => make("section", {}, make("h2", { class: "small-title" }, title), make("ul", {}, ...operations.map(entry)))));
    byId("operations").replaceChildren(...found.map(({ title, said, operations }) => make("section", {}, make("h2", {}, title), make("p", { class: "said" }, said), ...operations.map((operation) => operationView(operation, models)))));
    document.documentElement.dataset.ready = "full";
    if (location.hash) openAt(location.hash);
  } catch (error) {
    byId("operations").replaceChildren(note(inWords(error)));
  }
}

function entry({ id, method, path }) {
  return make("li", {}, make("a", { href: `#${id}`, onclick: () => openAt(`#${id}`) }, make("span", { class: "method" }, method), make("code", {}, path)));
}

function openAt(hash) {
  const details = byId(decodeURIComponent(hash.slice(1)));
  if (details === null) return;
  details.open = true;
  details.scrollIntoView();
}

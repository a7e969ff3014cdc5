// An example that runs: the command for a terminal, a button, and what came back.

import { ask } from "./api.js";
import { make } from "./dom.js";
import { inWords, percent } from "./words.js";

const SHOWN_LETTERS = 6000;
const UNLOADS = /\/unload$/; // the one example that leaves the service other than it was

export class Trial {
  #method;
  #path;
  #fields;
  #body;
  #command = make("code");
  #result = make("div", { class: "result", role: "status" });
  #button = make("button", { class: "button main", type: "button" });

  /** `fields`: `[{ parameter, control }]`; `body` as `bodyFor` gives it, or null. */
  constructor({ method, path, fields, body }) {
    [this.#method, this.#path, this.#fields, this.#body] = [method, path, fields, body];
    this.#button.textContent = UNLOADS.test(path) ? "Run it, and take the model out of service" : "Run it";
    this.#button.addEventListener("click", () => this.#run());
    for (const { control } of fields) control.addEventListener("input", () => this.#say());
    this.element = make("div", { class: "trial" }, make("pre", { tabindex: "0", "aria-label": "The same in a terminal" }, this.#command), this.#button, this.#result);
    this.#say();
  }

  #address() {
    let path = this.#path.slice(1);
    const query = new URLSearchParams();
    for (const { parameter, control } of this.#fields) {
      if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(control.value));
      else if (control.value !== "") query.set(parameter.name, control.value);
    }
    const text = query.toString();
    return text === "" ? path : `${path}?${text}`;
  }

  #say() {
    const parts = ["curl", ...(this.#method === "GET" || this.#body !== null ? [] : ["-X", this.#method]), ...(this.#body === null ? [] : [this.#body.shown()]), `'${new URL(this.#address(), document.baseURI)}'`];
    this.#command.textContent = parts.join(" ");
  }

  async #run() {
    this.#button.disabled = true;
    const started = performance.now();
    try {
      const body = this.#body === null ? undefined : await this.#body.content();
      const response = await ask(this.#address(), { method: this.#method, body, type: this.#body?.type(), accept: "application/json, */*;q=0.5" });
      const answer = await shown(response);
      this.#result.replaceChildren(make("p", { class: "fine" }, `${response.status}, ${response.headers.get("Content-Type") ?? "no content"}, ${(performance.now() - started).toFixed(0)} ms`), answer);
    } catch (error) {
      this.#result.replaceChildren(make("p", { class: "fine" }, error.status ? `${error.status}, ${error.type}` : "no answer"), make("p", {}, error.status === 0 ? inWords(error) : error.message));
    } finally {
      this.#button.disabled = false;
    }
  }
}

async function shown(response) {
  const type = (response.headers.get("Content-Type") ?? "").split(";")[0];
  if (type.startsWith("image/")) return make("img", { alt: "The answer", src: URL.createObjectURL(await response.blob()) });
  if (type === "application/x-npy" || type === "application/octet-stream") return make("p", {}, `${(await response.arrayBuffer()).byteLength} bytes`);
  const text = await response.text();
  const tidy = type === "application/json" ? indented(text) : text;
  const cut = tidy.length > SHOWN_LETTERS ? `${tidy.slice(0, SHOWN_LETTERS)}\n… (${percent(SHOWN_LETTERS / tidy.length, 0)} of it)` : tidy;
  return make("pre", { tabindex: "0", "aria-label": "The answer" }, make("code", {}, cut));
}

/** Indented, lists of plain values on one line. */
function indented(text) {
  return JSON.stringify(JSON.parse(text), null, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, inner) => `[${inner.replace(/\s*\n\s*/g, " ")}]`);
}

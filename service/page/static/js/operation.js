// One operation: what it takes, what it answers, and an example that runs.

import { make } from "./dom.js";
import { bodyFor, valueFor } from "./examples.js";
import { Trial } from "./trial.js";

/** As an element that can be opened. */
export function operationView({ id, method, path, also, operation }, models) {
  const details = make("details", { class: "operation", id }, make("summary", {}, make("span", { class: "method" }, method), make("code", {}, path), make("span", { class: "summary" }, operation.summary)));
  // Filled when it is opened: a page of seventy forms is slow to lay out.
  details.addEventListener("toggle", () => details.childElementCount === 1 && details.append(content()));

  function content() {
    const fields = (operation.parameters ?? []).map((parameter) => field(id, parameter, valueFor(parameter, path, models)));
    const body = bodyFor(path, operation, id);
    const trial = new Trial({ method, path, fields, body });
    return make(
      "div",
      { class: "operation-body" },
      also.length > 0 ? make("p", { class: "fine" }, "Also at ", ...also.flatMap((one, index) => [index > 0 ? " and " : "", make("code", {}, one)]), ".") : null,
      operation.requestBody?.description ? make("p", {}, operation.requestBody.description) : null,
      fields.length > 0 ? parameterTable(fields) : null,
      operation.requestBody ? taken(operation.requestBody) : null,
      body?.element,
      answers(operation),
      trial.element,
    );
  }
  return details;
}

function field(id, parameter, value) {
  const { name, schema = {}, required } = parameter;
  const attributes = { id: `${id}-${name}`, name };
  const control = schema.enum
    ? make("select", attributes, ...(required ? [] : [make("option", { value: "" }, "")]), ...schema.enum.map((one) => make("option", { value: one, selected: one === value }, String(one))))
    : make("input", { ...attributes, value, inputmode: schema.type === "integer" ? "numeric" : "text", placeholder: schema.default, autocomplete: "off" });
  return { parameter, control };
}

function parameterTable(fields) {
  const row = ({ parameter: { name, in: place, required, description }, control }) =>
    make("tr", {}, make("th", { scope: "row" }, make("label", { for: control.id }, make("code", {}, name)), make("small", {}, place === "path" ? " in the path" : required ? " required" : "")), make("td", {}, control), make("td", {}, description ?? ""));
  return make("table", { class: "parameters" }, make("caption", { class: "visually-hidden" }, "Parameters"), make("tbody", {}, ...fields.map(row)));
}

function taken({ content }) {
  return make("p", { class: "fine" }, "Takes ", ...listed(Object.keys(content)), ".");
}

function answers({ responses }) {
  const row = ([status, { description, content }]) => make("li", {}, make("code", {}, status), " ", status === "200" ? Object.keys(content ?? {}).join(", ") || description : description.replaceAll("_", " "));
  return make("details", { class: "answers" }, make("summary", {}, "What it answers"), make("ul", {}, ...Object.entries(responses).map(row)));
}

const listed = (names) => names.flatMap((name, index) => [index > 0 ? ", " : "", make("code", {}, name)]);

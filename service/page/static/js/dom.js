// Making elements, in one call each.

/** An element: `make("p", { class: "note", hidden: true }, "text", child)`. Functions become listeners (`onclick`). */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** `message` as a paragraph for whoever looks at this part of the page. */
export const note = (message) => make("p", { class: "note" }, message);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

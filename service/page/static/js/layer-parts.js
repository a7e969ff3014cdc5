// What an open layer consists of, as elements.

import { partOf } from "./layer-table.js";
import { draw, make } from "./dom.js";
import { count, plain, shape } from "./words.js";

/** The panel of this row of the table: `{ whole, picture, frame, said, maps, beside, weights }`. */
export function layerParts(layer) {
  const picture = make("canvas", { class: "pixels", role: "img", "aria-label": "The prepared picture, with what the unit pointed at sees" });
  const frame = draw("rect", { hidden: true, rx: 1 });
  const said = make("p", { class: "pointed", role: "status" }, "Point at a map, or use the arrow keys there.");
  const maps = make("div", { class: "map-groups" });
  const beside = make("input", { type: "checkbox", id: "beside-untrained" });
  const weights = make("div", { class: "weights" });
  const facts = [
    ["gives", shape(layer.output_shape)],
    ["kind", plain(layer.type)],
    ["kernel", layer.kernel && `${shape(layer.kernel)}, step ${layer.stride?.[0] ?? 1}, ${layer.padding ?? "valid"}`],
    ["then", layer.activation],
    ["weights", count(layer.parameters)],
    ["multiplications", layer.macs === undefined ? null : count(layer.macs)],
    ["sees", layer.receptive_field && `${shape([layer.receptive_field, layer.receptive_field])} pixels`],
  ].filter(([, value]) => value);
  const whole = make(
    "div",
    { class: "layer-panel" },
    make("div", { class: "layer-head" }, make("h3", {}, layer.name), make("dl", { class: "chips" }, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))))),
    make("p", { class: "empty" }, "Write something first, and its maps appear here."),
    make(
      "div",
      { class: "layer-body when-shown" },
      make("div", { class: "pointing" }, make("div", { class: "stacked" }, picture, draw("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" }, frame)), said),
      make("div", {}, make("p", { class: "line before-training" }, make("label", { class: "tick", for: beside.id }, beside, " Beside it, the same before training")), maps),
    ),
    weights,
  );
  return { whole, picture, frame, said, maps, beside, weights };
}

/** A canvas for maps with the scale beneath: `{ element, canvas, heading, legend }`. */
export function mapGroup() {
  const canvas = make("canvas", { class: "maps pixels", tabindex: "0" });
  const heading = make("p", { class: "fine" });
  const legend = make("p", { class: "legend", hidden: true }, make("span", { "data-low": "" }), make("canvas", { class: "scale", "aria-hidden": "true" }), make("span", { "data-high": "" }));
  return { element: make("div", { class: "map-group" }, heading, make("div", {}, canvas), legend), canvas, heading, legend };
}

/** Which unit that is: `"Channel 3, row 4, column 6"`. */
export function placeOf(layer, { channel, y, x }) {
  return partOf(layer) === "unit" ? `Unit ${channel}` : `Channel ${channel}, row ${y}, column ${x}`;
}

// The upper part of the marking screen: the map, the cross in its middle, and what lies over it.
import { make } from "./dom.js";
import { icon } from "./icons.js";
import { legend } from "./markmap.js";

// `map()` is the marking map, once there is one.
export function createStage(words, bases, { back, map }) {
  const mapBox = make("div", { class: "mark-map", tabindex: "0", role: "application", "aria-label": words("mark.map") });
  const cross = make("div", { class: "mark-cross", "aria-hidden": "true", hidden: true });
  const kept = make("span", { class: "mark-kept", role: "status" });
  const title = make("h1", { class: "mark-title" });
  const square = (name, label, onclick) =>
    make("button", { type: "button", class: "mark-square", "aria-label": label, onclick }, icon(name));

  // Two fingers are one hand too many.
  function zoom() {
    const by = (steps) => map().map.setZoom(map().map.getZoom() + steps);
    return make("div", { class: "mark-zoom" },
      square("plus", words("mark.nearer"), () => by(1)), square("minus", words("mark.farther"), () => by(-1)));
  }

  function side() {
    let at = -1;
    const turn = () => {
      at = at + 1 >= bases.length ? -1 : at + 1;
      map().base(at);
    };
    return make("div", { class: "mark-side" },
      legend(words),
      bases.length ? square("paving", words("mark.base"), turn) : null,
      square("locate", words("mark.locate"), () => map().self.goTo()));
  }

  const top = make("header", { class: "mark-top" },
    square("back", words("mark.back"), back), make("div", { class: "mark-heading" }, title, kept));
  return { box: make("div", { class: "mark-stage" }, mapBox, cross, top, zoom(), side()), mapBox, cross, kept, title };
}

// The photographs of a draft: how many there are, small ones to see, and the way to the camera.
import { fill, make } from "./dom.js";
import { icon } from "./icons.js";

export function createEvidence({ words, photographs, open }) {
  const box = make("div", { class: "mark-panel mark-evidence" });
  let list = photographs;
  let addresses = [];

  function leave() {
    addresses.forEach((one) => URL.revokeObjectURL(one));
    addresses = [];
  }

  function show() {
    leave();
    fill(box,
      make("p", { class: "mark-tip" }, words("mark.photographs", { n: list.length })),
      make("ul", { class: "mark-thumbs" }, list.map((one, at) => make("li", {}, picture(one, at)))),
      make("button", { type: "button", class: "mark-primary mark-wide", onclick: open }, icon("camera"), make("span", {}, words("mark.photograph"))));
  }

  function picture(one, at) {
    if (!one.blob) return icon("camera");
    const address = URL.createObjectURL(one.blob);
    addresses.push(address);
    return make("img", { src: address, alt: words("mark.photographOf", { n: at + 1 }), width: "72", height: "72" });
  }

  show();
  return {
    box,
    leave,
    get count() { return list.length; },
    set(photos) { list = photos; show(); },
  };
}

// Two pages of one phone on one draft: this one says plainly that the other has it.
import { fill, make } from "./dom.js";

// `how` is "open" where another page had it first, "lost" where another has taken it over.
export function elsewhereScreen(box, { word, how, takeOver, back }) {
  const go = make("button", { type: "button", class: "field-button is-wide", onclick: async () => {
    go.disabled = true;
    await takeOver();
  } }, word("elsewhere.continue"));
  fill(box, make("section", { class: "field-page field-elsewhere", role: "alert" },
    make("h2", {}, word(`elsewhere.${how}`)),
    make("p", {}, word(`elsewhere.${how}Why`)),
    go,
    make("p", { class: "field-quiet" }, word("elsewhere.hint")),
    make("button", { type: "button", class: "field-button is-wide is-plain", onclick: back }, word("nav.queue"))));
}

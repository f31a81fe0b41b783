// What a marked enclosure is: large fields for one thumb. Every change is told at once.
import { fill, make } from "./dom.js";
import { icon } from "./icons.js";

export const STRUCTURES = ["fence", "hedge", "paving", "shed", "planting", "glasshouse", "other"];
const STEP_M = 0.1;
const TALLEST_M = 6;
const FIRST_M = 1;

// `draft()` is the draft as it is now; change({…}) takes what was entered.
export function createDetails({ words, draft, change, households }) {
  const box = make("div", { class: "mark-panel mark-details" });

  function show() {
    fill(box, structures(), height(), occupier(), text("plants", words("mark.plants"), words("mark.plantsHint")), text("note", words("mark.note"), words("mark.noteHint")));
  }

  // The first one chosen is the main one; taking it away makes the next one main.
  function structures() {
    const chosen = draft().structure_types || [];
    const toggle = (type) => {
      const now = draft().structure_types || [];
      change({ structure_types: now.includes(type) ? now.filter((one) => one !== type) : [...now, type] });
      again(".mark-structures", structures());
    };
    return make("fieldset", { class: "mark-structures" },
      make("legend", {}, words("mark.structures")),
      make("div", { class: "mark-tiles" }, STRUCTURES.map((type) => make("button", {
        type: "button", class: "mark-tile", "aria-pressed": String(chosen.includes(type)), "data-type": type,
        onclick: () => toggle(type),
      }, icon(type), words(`mark.structure.${type}`), chosen[0] === type && chosen.length > 1 ? make("small", {}, words("mark.main")) : null))));
  }

  function height() {
    const now = draft().height_m;
    const set = (value) => {
      change({ height_m: value });
      again(".mark-height", height());
    };
    const step = (by) => {
      const value = draft().height_m;
      set(value === null || value === undefined ? FIRST_M : Math.min(TALLEST_M, Math.max(STEP_M, Math.round((value + by) * 10) / 10)));
    };
    const isKnown = now !== null && now !== undefined;
    return make("fieldset", { class: "mark-height" },
      make("legend", {}, words("mark.height")),
      make("div", { class: "mark-stepper" },
        make("button", { type: "button", class: "mark-square", "aria-label": words("mark.lower"), onclick: () => step(-STEP_M) }, icon("minus")),
        make("output", {}, isKnown ? words("mark.metres", { n: words.number(now, 1) }) : words("mark.notMeasured")),
        make("button", { type: "button", class: "mark-square", "aria-label": words("mark.higher"), onclick: () => step(STEP_M) }, icon("plus")),
        isKnown ? make("button", { type: "button", class: "mark-quiet", onclick: () => set(null) }, words("mark.forget")) : null));
  }

  // The households of the parcels that the outline touches, first "nobody known".
  function occupier() {
    const now = draft().household ?? null;
    const known = [...new Set([...households(), ...(now ? [now] : [])])];
    const pick = (ref) => {
      change({ household: ref });
      again(".mark-occupier", occupier());
    };
    const choice = (ref, label) => make("button", { type: "button", class: "mark-chip", "aria-pressed": String(now === ref), onclick: () => pick(ref) }, label);
    return make("fieldset", { class: "mark-occupier" },
      make("legend", {}, words("mark.occupier")),
      make("div", { class: "mark-chips" }, choice(null, words("mark.nobody")), known.map((ref) => choice(ref, ref))));
  }

  function text(name, label, hint) {
    const area = make("textarea", { rows: "2", maxlength: "2000", placeholder: hint, oninput: (event) => change({ [name]: event.target.value }) });
    area.value = draft()[name] || "";
    return make("label", { class: "mark-text" }, make("span", {}, label), area);
  }

  // Puts a part in the place of the former one and keeps the focus on the same button.
  function again(selector, part) {
    const former = box.querySelector(selector);
    const at = [...former.querySelectorAll("button")].indexOf(document.activeElement);
    former.replaceWith(part);
    const buttons = part.querySelectorAll("button");
    if (at >= 0) buttons[Math.min(at, buttons.length - 1)]?.focus();
  }

  show();
  return {
    box,
    show,
    // The outline has come to touch other parcels.
    showOccupier() { again(".mark-occupier", occupier()); },
  };
}

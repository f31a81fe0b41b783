// What is said of a new row, by layer, and how exactly an outline is known.

import { make } from "../field/dom.js";
import { config, word } from "./words.js";

const KINDS = ["public_green", "private_yard", "path", "parking", "other"];
const TITLES = ["unknown", "owner_common", "municipal", "individual"];
const STRUCTURES = ["fence", "hedge", "paving", "shed", "planting", "glasshouse", "other", "none"];

const field = (name, label, control) => make("div", { class: "desk-field" },
  make("label", { for: name === "rms" ? "desk-rms" : `new-${name}` }, label), control);
const input = (name, label, type = "text", more = {}) => field(name, label,
  make("input", { id: `new-${name}`, name, type, autocomplete: "off", ...more }));
const choice = (name, label, family, values) => field(name, label,
  make("select", { id: `new-${name}`, name }, values.map((one) => make("option", { value: one }, word(`${family}.${one}`)))));

// What a title rests on is asked for where there is one.
const RESTS_ON = ["title_evidence", "source"];

const today = () => new Intl.DateTimeFormat("sv-SE", { timeZone: config.timeZone }).format(new Date());

const FIELDS = {
  parcels: () => [
    input("ref", word("desk.ref"), "text", { maxlength: 64, required: true }),
    choice("parcel_kind", word("desk.kind"), "kind", KINDS),
    choice("title_basis", word("desk.title_basis"), "title", TITLES),
    ...RESTS_ON.map((name) => input(name, word(`desk.${name}`), "text", { maxlength: 2000, required: true })),
    input("building", word("desk.new.building"), "text", { maxlength: 64, list: "desk-buildings" }),
  ],
  observations: () => [
    choice("structure_type", word("desk.structure"), "structure", STRUCTURES),
    input("observed_on", word("desk.observed_on"), "date", { value: today(), max: today() }),
    input("household", word("desk.household"), "text", { maxlength: 64 }),
    input("note", word("desk.note"), "text", { maxlength: 2000 }),
  ],
  sites: () => [
    choice("site_kind", word("desk.kind"), "kind", ["landscaping", "charging_pile"]),
    input("ref", word("desk.ref"), "text", { maxlength: 64, required: true }),
    input("name", word("desk.name"), "text", { maxlength: 200 }),
    input("heads", word("desk.heads"), "number", { min: 0, max: 10000, value: "" }),
    input("power_w", word("desk.power"), "number", { min: 0, value: "" }),
  ],
};
const NUMBERS = ["heads", "power_w"];

export function newFields(layer) {
  const known = config.buildings.map((one) => make("option", { value: one.ref }));
  const fields = make("div", { class: "desk-fields" }, FIELDS[layer](), make("datalist", { id: "desk-buildings" }, known));
  const title = fields.querySelector("[name=title_basis]");
  const ask = () => {
    for (const name of RESTS_ON) fields.querySelector(`[name=${name}]`).closest(".desk-field").hidden = title.value === "unknown";
  };
  if (title) {
    title.addEventListener("change", ask);
    ask();
  }
  return fields;
}

// What was typed, as the API takes it; what is empty is left out.
export function readFields(root) {
  const said = {};
  for (const control of root.querySelectorAll(".desk-fields .desk-field:not([hidden]) :is(input, select)")) {
    const value = control.value.trim();
    if (value) said[control.name] = NUMBERS.includes(control.name) ? Number(value) : value;
  }
  return said;
}

export function exactness(value, onInput) {
  const control = make("input", { id: "desk-rms", type: "number", min: 0, max: 99, step: 0.01, value: String(value) });
  control.addEventListener("input", onInput);
  return field("rms", word("desk.rms"), control);
}

export function readExactness() {
  const value = Number(document.getElementById("desk-rms")?.value);
  return Number.isFinite(value) && value >= 0 ? value : config.sketch_rms_m;
}

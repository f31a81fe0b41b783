// The list of rows beside the map: searchable, and all that is needed without a pointer.

import { fill, make } from "../field/dom.js";
import { sizeOf } from "./about.js";
import { word } from "./words.js";

const MOST = 150;

// A pause of typing before the server is asked.
const PAUSE_MS = 250;

// find(text) asks for rows that are not loaded; it is null where all are.
export function createList({ onPick }) {
  const search = document.getElementById("desk-search");
  const list = document.getElementById("desk-list");
  const count = document.getElementById("desk-count");
  let features = [];
  let elsewhere = [];
  let find = null;
  let turn = 0;
  let chosen = new Set();
  const order = new Intl.Collator(undefined, { numeric: true });

  function noteOf(one) {
    const parts = [one.building && word("desk.building", { ref: one.building }), ...one.households.slice(0, 2)];
    if (one.attributes.structure_type) parts.unshift(word(`structure.${one.attributes.structure_type}`));
    if (one.attributes.state) parts.unshift(word(`kind.${one.attributes.kind}`), word(`siteState.${one.attributes.state}`));
    return parts.filter(Boolean).join(" · ");
  }

  function show() {
    const text = search.value.trim().toLowerCase();
    const loaded = new Set(features.map((one) => one.id));
    const found = features.concat(elsewhere.filter((one) => !loaded.has(one.id))).filter((one) => !text || [one.ref, one.building, ...one.households, one.attributes.note, one.attributes.name]
      .some((part) => part && part.toLowerCase().includes(text)));
    const told = found.length > MOST ? "desk.count.some" : find ? "desk.count.view" : "desk.count";
    count.textContent = word(told, { shown: MOST, n: found.length });
    fill(list, found.slice(0, MOST).map((one) => make("li", {},
      make("button", { type: "button", "data-row": one.id, "aria-pressed": String(chosen.has(one.id)), onclick: (event) => onPick(one, event) },
        make("span", { class: "desk-ref" }, one.ref), make("span", { class: "desk-m2" }, sizeOf(one)),
        make("span", { class: "desk-note" }, noteOf(one))))));
  }

  async function lookElsewhere() {
    turn += 1;
    const mine = turn;
    const text = search.value.trim();
    elsewhere = [];
    if (!find || !text) return;
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
    if (mine !== turn) return;
    try {
      elsewhere = await find(text);
      if (mine === turn) show();
    } catch {
      if (mine === turn) count.textContent = word("desk.count.unasked");
    }
  }

  search.addEventListener("input", () => {
    lookElsewhere();
    show();
  });
  return {
    show(rows, findMore) {
      find = findMore;
      features = [...rows.values()].sort((one, other) => order.compare(one.ref, other.ref));
      show();
    },
    // What was found elsewhere may be another by now.
    lookAgain: lookElsewhere,
    mark(ids) {
      chosen = new Set(ids);
      for (const button of list.querySelectorAll("button")) button.setAttribute("aria-pressed", String(chosen.has(button.dataset.row)));
    },
    reveal(id) {
      const button = list.querySelector(`[data-row="${CSS.escape(id)}"]`);
      if (button) button.scrollIntoView({ block: "nearest" });
    },
    clearSearch() {
      search.value = "";
      lookElsewhere();
      show();
    },
  };
}

// The history: who changed what and why, before and after on the map, and each taken back.

import { fill, make } from "../field/dom.js";
import { Refused, newKey, readHistory, sendUndo } from "./server.js";
import { metresBetween } from "./rows.js";
import { AFTER, BEFORE } from "./view.js";
import { area, moment, sure, word } from "./words.js";

export function createHistoryPane(desk, { undone }) {
  const list = document.getElementById("desk-history");
  const more = document.getElementById("history-more");
  const told = document.getElementById("history-told");
  let shown = null;
  let following = null;

  async function read(address) {
    const answer = await readHistory(address);
    following = answer.next;
    more.hidden = !following;
    const lines = answer.edits.map(lineOf);
    if (address) list.append(...lines);
    else fill(list, lines.length ? lines : make("li", { class: "desk-need" }, word("desk.history.none")));
  }

  function lineOf(edit) {
    const line = make("li", { "data-edit": edit.id, class: edit.undone_by ? "is-undone" : null },
      make("p", { class: "desk-head" }, make("strong", {}, `#${edit.number}`), ` ${word(`desk.layer.${edit.layer}`)}`, make("time", { datetime: edit.at }, moment(edit.at))),
      make("p", { class: "desk-why" }, edit.reason),
      make("p", { class: "desk-what" }, whatOf(edit)),
      make("p", { class: "desk-who" }, edit.actor),
      edit.undoes ? make("p", { class: "desk-mark" }, word("desk.undoes", { n: edit.undoes })) : null,
      edit.undone_by ? make("p", { class: "desk-mark" }, word("desk.undone", { n: edit.undone_by })) : null);
    const look = make("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => toggle(edit, look) }, word("desk.look"));
    const acts = make("div", { class: "desk-acts" }, look);
    if (!edit.undone_by) acts.append(make("button", { type: "button", class: "quiet", "data-act": "take-back", onclick: () => ask(edit, line) }, word("desk.take_back")));
    line.append(acts);
    return line;
  }

  function whatOf(edit) {
    const count = { made: 0, changed: 0, gone: 0 };
    for (const row of edit.rows) count[!row.before_id ? "made" : !row.after_id ? "gone" : "changed"] += 1;
    const told_ = Object.entries(count).filter(([, n]) => n).map(([kind, n]) => word(`desk.rows.${kind}`, { n }));
    const refs = word.list(edit.rows.slice(0, 4).map((row) => row.ref)) + (edit.rows.length > 4 ? "…" : "");
    return [refs, word.list(told_), ...sizesOf(edit.rows)].join(" · ");
  }

  // Areas before and after, and how far piles that are points have moved.
  function sizesOf(rows) {
    const sizes = [];
    const sum = (name) => rows.reduce((total, row) => total + (row[name] || 0), 0);
    if (rows.some((row) => row.area_before_m2 || row.area_after_m2)) sizes.push(`${area(sum("area_before_m2"))} → ${area(sum("area_after_m2"))}`);
    for (const { before, after } of rows) {
      if (before?.type === "Point" && after?.type === "Point") sizes.push(word("desk.moved", { m: sure(metresBetween(before, after)) }));
    }
    return sizes;
  }

  function toggle(edit, button) {
    const isOn = shown !== edit.id;
    for (const one of list.querySelectorAll("[aria-pressed=true]")) one.setAttribute("aria-pressed", "false");
    shown = isOn ? edit.id : null;
    button.setAttribute("aria-pressed", String(isOn));
    document.getElementById("desk-legend")?.remove();
    const of = (name, look) => edit.rows.filter((row) => row[name]).map((row) => [row[name], look]);
    // What was lies over what has become of it, so that both are seen.
    const pairs = isOn ? [...of("after", AFTER), ...of("before", BEFORE)] : [];
    desk.view.compare(pairs);
    if (!isOn) return;
    desk.view.goTo(pairs.map(([geometry]) => geometry));
    document.getElementById("desk-foot").append(make("p", { class: "desk-legend", id: "desk-legend" },
      make("span", { class: "is-before" }, word("desk.before")), make("span", { class: "is-after" }, word("desk.after"))));
  }

  // Taking back asks why, where the edit stands.
  function ask(edit, line) {
    const known = line.querySelector("form");
    if (known) { known.remove(); return; }
    const id = `why-${edit.id}`;
    const why = make("input", { id, name: "why", maxlength: 2000, autocomplete: "off", required: true });
    const faults = make("div", { role: "alert", class: "desk-refused" });
    const key = newKey();
    const form = make("form", { class: "desk-back" }, make("label", { for: id }, word("desk.take_back.why")), why,
      make("div", { class: "desk-acts" }, make("button", { type: "submit", class: "primary" }, word("desk.take_back"))), faults);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      fill(faults);
      try {
        const done = await sendUndo(edit.id, why.value.trim(), key);
        fill(told, make("p", { class: "desk-done" }, word("desk.back", { n: edit.number, by: done.edit.number })));
        await undone();
      } catch (error) {
        const problems = error instanceof Refused ? error.problems : [];
        fill(faults, make("ul", {}, problems.length ? problems.map((one) => make("li", {}, one.text)) : make("li", {}, error instanceof Refused ? error.message : word("desk.offline"))));
      }
    });
    line.append(form);
    why.focus();
  }

  more.addEventListener("click", () => read(following));
  return {
    read: () => read(null),
    close() {
      shown = null;
      document.getElementById("desk-legend")?.remove();
      desk.view.compare([]);
    },
  };
}

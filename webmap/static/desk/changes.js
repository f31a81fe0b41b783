// What was drawn and is not kept yet: listed, kept together with its reason, refused or outrun.

import { fill, make } from "../field/dom.js";
import { Refused, newKey, sendEdit } from "./server.js";
import { area, word } from "./words.js";
import { MINE, THEIRS } from "./view.js";

export function createChanges(desk, { kept, changed }) {
  const list = document.getElementById("desk-changes");
  const form = document.getElementById("desk-save");
  const reason = document.getElementById("desk-reason");
  const faults = document.getElementById("desk-faults");
  const told = document.getElementById("desk-told");
  const conflict = document.getElementById("desk-conflict");
  const [save, discard] = form.querySelectorAll("button");
  let changes = [];
  let key = newKey();
  let busy = false;

  function show() {
    fill(list, changes.map((one, at) => make("li", { "data-change": at },
      make("span", { class: "desk-kind" }, word(`desk.did.${one.kind}`)), make("span", { class: "desk-ref" }, one.title),
      make("button", { type: "button", class: "quiet", "aria-label": word("desk.drop", { title: one.title }), onclick: () => drop(at) }, "×"))));
    save.disabled = busy || !changes.length;
    discard.disabled = busy || !changes.length;
    key = newKey();
    changed();
  }

  function drop(at) {
    changes.splice(at, 1);
    fill(faults);
    show();
  }

  function empty() {
    changes = [];
    fill(faults);
    closeConflict();
    show();
  }

  function closeConflict() {
    fill(conflict);
    desk.view.compare([]);
  }

  async function submit(event) {
    event.preventDefault();
    if (busy || !changes.length) return;
    busy = true;
    save.disabled = true;
    fill(faults);
    fill(told);
    try {
      const done = await sendEdit({ layer: desk.layer, reason: reason.value.trim(), changes: changes.map((one) => one.body) }, key);
      busy = false;
      reason.value = "";
      empty();
      fill(told, make("p", { class: "desk-done" }, word("desk.done", { n: done.edit.number }), sayFlagged(done.flagged)));
      await kept();
    } catch (error) {
      busy = false;
      save.disabled = false;
      refuse(error);
    }
  }

  function sayFlagged({ new: found, ended, cases_opened: opened, undecided }) {
    if (!found && !ended) return "";
    return ` ${word("desk.flagged", { found, ended, opened, undecided })}`;
  }

  function refuse(error) {
    if (!(error instanceof Refused)) {
      fill(faults, make("p", {}, word("desk.offline")));
    } else if (error.status === 412) {
      showConflict(error.body.now);
    } else if (error.problems.length && error.problems.every((one) => one.code === "verified_again")) {
      askAgain(error.problems);
    } else if (error.problems.length) {
      fill(faults, make("ul", {}, error.problems.map((one) => make("li", {}, placeOf(one.field), one.text || `${one.message} ${one.remedy}`))));
      for (const one of error.problems) list.querySelector(`[data-change="${placeIn(one.field)}"]`)?.classList.add("is-wrong");
      if (error.problems.some((one) => one.field === "reason")) reason.focus();
    } else {
      fill(faults, make("p", {}, error.message));
    }
  }

  // What was verified becomes suspected only after a yes to just that; nothing is kept before.
  function askAgain(problems) {
    const dialog = document.getElementById("desk-verify");
    fill(document.getElementById("verify-list"), make("ul", {}, problems.map((one) => make("li", {}, one.text))));
    dialog.returnValue = "back";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "keep") return;
      for (const one of problems) changes[placeIn(one.field)].body.verify_again = true;
      key = newKey();
      form.requestSubmit(save);
    }, { once: true });
    dialog.showModal();
  }

  function placeIn(field) {
    const at = /^changes\.(\d+)/.exec(field || "");
    return at ? Number(at[1]) : -1;
  }

  function placeOf(field) {
    const change = changes[placeIn(field)];
    return change ? make("strong", {}, `${change.title}: `) : null;
  }

  // Both outlines of each row that somebody else was faster with, on the map and by name.
  function showConflict(stale) {
    const mine = stale.flatMap((row) => changes.filter((one) => one.ids.includes(row.id)));
    const theirs = stale.flatMap((row) => row.now);
    desk.view.compare([
      ...[...new Set(mine)].flatMap((one) => one.preview.map((geometry) => [geometry, MINE])),
      ...theirs.map((one) => [one.geometry, THEIRS]),
    ]);
    desk.view.goTo([...theirs.map((one) => one.geometry), ...mine.flatMap((one) => one.preview)]);
    const canRepeat = mine.every((one) => ["outline", "remove"].includes(one.kind)) && stale.every((row) => row.now.length === 1 && row.now[0].id === row.id);
    fill(conflict, make("section", { class: "desk-conflict", role: "alert", "aria-labelledby": "conflict-title" },
      make("h2", { id: "conflict-title" }, word("desk.conflict")),
      make("p", {}, word("desk.conflict.note")),
      make("ul", {}, stale.map((row) => make("li", {}, row.now.length
        ? word("desk.conflict.row", { ref: word.list(row.now.map((one) => one.ref)), m2: word.list(row.now.map((one) => area(one.area_m2))) })
        : word("desk.conflict.gone")))),
      make("p", { class: "desk-legend" }, make("span", { class: "is-mine" }, word("desk.mine")), make("span", { class: "is-theirs" }, word("desk.theirs"))),
      make("div", { class: "desk-acts" },
        make("button", { type: "button", class: "primary", id: "take-theirs", onclick: () => theirsStay(stale) }, word("desk.conflict.theirs")),
        canRepeat ? make("button", { type: "button", id: "repeat-mine", onclick: () => repeat(stale) }, word("desk.conflict.mine")) : null)));
  }

  async function theirsStay(stale) {
    const ids = new Set(stale.map((row) => row.id));
    changes = changes.filter((one) => !one.ids.some((id) => ids.has(id)));
    closeConflict();
    show();
    await kept();
  }

  async function repeat(stale) {
    for (const row of stale) {
      for (const one of changes.filter((it) => it.body.id === row.id)) {
        one.body.version = row.now[0].version;
        // A yes was to what stood there before.
        delete one.body.verify_again;
      }
    }
    closeConflict();
    show();
    await kept();
  }

  form.addEventListener("submit", submit);
  discard.addEventListener("click", empty);
  return {
    add(change) {
      // Another outline of the same row takes the place of the one before.
      const same = changes.findIndex((one) => one.ids.some((id) => change.ids.includes(id)));
      if (same >= 0) changes.splice(same, 1);
      changes.push(change);
      fill(told);
      show();
    },
    empty,
    get isEmpty() { return !changes.length; },
    get ids() { return changes.flatMap((one) => one.ids); },
    get previews() { return changes.flatMap((one) => one.preview); },
  };
}

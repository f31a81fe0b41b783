// One tool at a time: what is drawn with it, what it comes to, and the change that it makes.

import { createDrawing } from "../field/drawing.js";
import { fill, make } from "../field/dom.js";
import { faults, measure, merge, overlaps, split } from "../field/geometry.js";
import { aboutRow, isPoint, sizeOf, warning } from "./about.js";
import { createBlade } from "./blade.js";
import { exactness, newFields, readExactness, readFields } from "./forms.js";
import { createPin } from "./pin.js";
import { metresBetween, survey } from "./rows.js";
import { area, config, sure, word } from "./words.js";

const BROKEN = new Set(["self_crossing", "broken_outline", "too_few_corners"]);

const areaOf = (geometry, rms) => measure(geometry, rms, survey);

// `desk` gives layer, rows, chosen (features) and view; taken(change) hears of a finished one.
export function createTools(desk, { taken, changed }) {
  const work = document.getElementById("desk-work");
  const live = document.getElementById("desk-area");
  const hint = document.getElementById("desk-hint");
  let tool = "select";
  const { map } = desk.view;
  const words = (key, values) => word(key, values);
  let drawing = null;
  const blade = createBlade(map, { snap: () => desk.view.snap, onChange: () => show() });

  function newDrawing() {
    return createDrawing(map, { snap: desk.view.snap, words, onChange: () => show() });
  }

  function newPin() {
    return createPin(map, { label: word("desk.pin"), onChange: () => show() });
  }

  // A pile that is drawn is a point; one that was drawn as an area stays one.
  const isPile = () => desk.layer === "sites" && work.querySelector("[name=site_kind]")?.value === "charging_pile";

  const outline = () => (drawing ? drawing.geometry() : null);

  function start(next) {
    stop();
    tool = next;
    if (tool === "draw") {
      fill(work, head("desk.tool.draw"), newFields(desk.layer), exactnessIfArea(config.sketch_rms_m), acts());
      work.querySelector("[name=site_kind]")?.addEventListener("change", begin);
      begin();
    } else if (tool === "change") {
      changeOutline();
    } else if (tool === "split") {
      if (!one()) return need("desk.need.one");
      if (isPoint(one())) return need("desk.need.parts");
      fill(work, head("desk.tool.split", one().ref), warning([one()]), make("ul", { class: "desk-pieces", id: "desk-pieces" }), acts());
      blade.start();
    } else if (tool === "merge") {
      showMerge();
    } else if (tool === "remove") {
      if (!one()) return need("desk.need.one");
      fill(work, head("desk.tool.remove", one().ref), make("p", {}, word("desk.remove.note")), acts());
    } else {
      about();
    }
    show();
    return null;
  }

  function begin() {
    if (drawing) drawing.stop();
    drawing = isPile() ? newPin() : newDrawing();
    document.getElementById("desk-middle").textContent = word(isPile() ? "desk.middle.pile" : "desk.middle");
    drawing.start();
  }

  function changeOutline() {
    if (!one()) { need("desk.need.one"); return; }
    fill(work, head("desk.tool.change", one().ref), warning([one()]), exactnessIfArea(one().rms_m ?? config.sketch_rms_m), acts());
    drawing = isPoint(one()) ? newPin() : newDrawing();
    drawing.startFrom(one().geometry);
    desk.view.goTo([one().geometry]);
  }

  function exactnessIfArea(value) {
    return desk.layer === "sites" ? null : exactness(value, () => show());
  }

  const one = () => (desk.chosen.length === 1 ? desk.chosen[0] : null);
  const head = (key, ref = "") => make("h2", {}, word(key), ref ? make("span", { class: "desk-of" }, ref) : null);

  function need(key) {
    fill(work, head(`desk.tool.${tool}`), make("p", { class: "desk-need" }, word(key)));
    hint.textContent = word(key);
  }

  function acts() {
    const ofPile = tool === "draw" ? isPile() : tool === "change" && isPoint(one());
    const middle = ofPile || ["draw", "split"].includes(tool)
      ? make("button", { type: "button", class: "quiet", id: "desk-middle", onclick: addMiddle }, word(ofPile ? "desk.middle.pile" : "desk.middle")) : null;
    return make("div", { class: "desk-acts" },
      make("button", { type: "button", class: "primary", id: "desk-take", disabled: true, onclick: take }, word("desk.take")),
      make("button", { type: "button", class: "quiet", onclick: () => desk.use("select") }, word("desk.cancel")), middle);
  }

  function addMiddle() {
    if (tool === "split") blade.addMiddle();
    else drawing.addMiddle();
  }

  function stop() {
    if (drawing) drawing.stop();
    drawing = null;
    if (tool === "split") blade.stop();
    live.hidden = true;
    desk.view.planned([]);
  }

  function about() {
    const found = one();
    if (!found) {
      fill(work, make("p", { class: "desk-need" }, word(desk.chosen.length ? "desk.several" : "desk.begin", { n: desk.chosen.length })));
      return;
    }
    fill(work, ...aboutRow(found));
  }

  function show() {
    const button = document.getElementById("desk-take");
    const found = tool === "select" ? null : planned();
    if (button) button.disabled = !found;
    hint.textContent = hintOf();
    showArea(found);
    changed();
  }

  function hintOf() {
    if (["select", "remove"].includes(tool)) return "";
    if (tool === "split" && !one()) return word("desk.need.one");
    if (tool === "split" && isPoint(one())) return word("desk.need.parts");
    if (tool === "draw" && isPile()) return word("desk.hint.pile");
    if (tool === "change" && one() && isPoint(one())) return word("desk.hint.move");
    return word(`desk.hint.${tool}`);
  }

  function showArea(found) {
    const geometry = ["draw", "change"].includes(tool) ? outline() : null;
    live.hidden = true;
    if (geometry && geometry.type !== "Point") {
      const rms = desk.layer === "sites" ? 0 : readExactness();
      const { area_m2: m2, uncertainty_m2: unsure } = areaOf(geometry, rms);
      // What crosses itself has no area that means anything.
      const isBroken = faults(geometry, { bundle: desk.rows.bundle, survey, rms_m: rms }).some(({ code }) => BROKEN.has(code));
      live.hidden = m2 === null || isBroken;
      fill(live, make("strong", {}, m2 === null ? "" : `${area(m2)} ± ${sure(unsure)}`),
        desk.layer === "observations" && m2 !== null && !isBroken ? onGreen(geometry, rms) : null);
    } else if (geometry && tool === "change" && drawing.canUndo) {
      live.hidden = false;
      fill(live, make("strong", {}, word("desk.moved", { m: sure(metresBetween(one().geometry, geometry)) })));
    } else if (found && found.preview && tool === "merge") {
      live.hidden = false;
      fill(live, make("strong", {}, area(areaOf(found.preview[0], 0).area_m2 ?? 0)));
    }
    const pieces = document.getElementById("desk-pieces");
    if (pieces) fill(pieces, (found ? found.preview : []).map((piece, at) => make("li", {}, word("desk.piece", { n: at + 1 }), make("strong", {}, area(areaOf(piece, 0).area_m2 ?? 0)))));
    if (tool === "split" || tool === "merge") desk.view.planned(found ? found.preview : []);
  }

  function onGreen(geometry, rms) {
    if (!desk.rows.covers(L.geoJSON(geometry).getBounds())) return null;
    const seen = tool === "change" ? { corrects: one().id, observed_on: one().attributes.observed_on, entered: one().entered } : { observed_on: work.querySelector("[name=observed_on]")?.value };
    const parts = overlaps(geometry, rms, desk.rows.bundle, survey, seen).filter((it) => !it.isSliver);
    if (!parts.length) return make("span", {}, word("desk.green.none"));
    const total = parts.reduce((sum, it) => sum + it.occupied_m2, 0);
    return make("span", {}, word("desk.green", { m2: area(total), parcels: word.list(parts.map((it) => it.ref)) }));
  }

  // The change that the tool would make now, null while something is missing.
  function planned() {
    const row = one();
    if (tool === "draw") {
      const shape = outline();
      if (!shape) return null;
      const rms = desk.layer === "sites" ? {} : { rms_m: readExactness() };
      const said = readFields(work);
      return { kind: "draw", title: said.ref || word("desk.new"), ids: [], preview: [shape], body: { kind: "draw", shape, attributes: said, ...rms } };
    }
    if (tool === "change" && row && drawing) {
      const shape = drawing.geometry();
      if (!shape || !drawing.canUndo && readExactness() === (row.rms_m ?? config.sketch_rms_m)) return null;
      const rms = desk.layer === "sites" ? {} : { rms_m: readExactness() };
      return of("outline", [row], [shape], { id: row.id, version: row.version, shape, ...rms });
    }
    if (tool === "split" && row) {
      const line = blade.line();
      const pieces = line ? split(row.geometry, line) : [];
      if (pieces.length < 2) return null;
      return of("split", [row], pieces, { id: row.id, version: row.version, line: { type: "LineString", coordinates: line } });
    }
    if (tool === "merge" && desk.chosen.length > 1 && !desk.chosen.some(isPoint)) {
      const rows = desk.chosen.map(({ id, version }) => ({ id, version }));
      return of("merge", desk.chosen, [merge(desk.chosen.map((it) => it.geometry))], { rows });
    }
    if (tool === "remove" && row) return of("remove", [row], [], { id: row.id, version: row.version });
    return null;
  }

  const of = (kind, rows, preview, body) => ({
    kind, title: rows.map((it) => it.ref).join(" + "), ids: rows.map((it) => it.id), preview, body: { kind, ...body },
  });

  function take() {
    if (drawing) drawing.finish();
    const change = planned();
    if (change) taken(change);
  }

  function showMerge() {
    fill(work, head("desk.tool.merge"), make("ul", { class: "desk-pieces" }, desk.chosen.map((it) => make("li", {}, it.ref, make("strong", {}, sizeOf(it))))), desk.chosen.some(isPoint) ? make("p", { class: "desk-need" }, word("desk.need.parts")) : warning(desk.chosen), acts());
  }

  return {
    start,
    stop,
    get tool() { return tool; },
    get outline() { return outline(); },
    get isDirty() { return Boolean((drawing && drawing.canUndo) || blade.canUndo); },
    // Whatever is chosen has changed while the tool is in hand.
    chosenChanged() {
      if (tool === "select") about();
      else if (tool === "merge") { showMerge(); show(); }
      else if (tool !== "draw") start(tool);
    },
    stepper: () => (tool === "split" ? blade : drawing),
  };
}

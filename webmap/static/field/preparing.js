// The screen on which somebody chooses what the phone takes along.
import { prepare, tileBytes, tilesOf } from "./areas.js";
import { fill, make } from "./dom.js";
import { Outcome, api, ask } from "./sending.js";
import { StorageFull, askToPersist, database } from "./store.js";

export async function preparingScreen(box, { word, account, place, name, go, size }) {
  fill(box, make("p", { class: "field-quiet", role: "status" }, word("prepare.asking")));
  let areas;
  try {
    areas = (await ask(api(place, "field/areas"))).told;
  } catch (error) {
    fill(box, make("p", { class: "field-alert", role: "alert" }, word(error.kind === "session" ? "prepare.session" : error.kind === "refused" ? "prepare.refused" : "prepare.offline")));
    return;
  }
  const stored = await database.bundles.get(place);
  const kept = stored?.account === account ? stored : null;
  const chosen = new Set((kept?.buildings || []).filter((id) => areas.buildings.some((one) => one.id === id)));
  const total = make("output", { class: "field-total" });
  const start = make("button", { type: "button", class: "field-button is-wide", onclick: () => run() }, word(kept ? "prepare.again" : "prepare.start"));
  const told = make("div", { class: "field-told", role: "status" });
  const ticks = new Map();

  function tick(building) {
    const input = make("input", { type: "checkbox", value: building.id, onchange: () => { if (input.checked) chosen.add(building.id); else chosen.delete(building.id); show(); } });
    input.checked = chosen.has(building.id);
    ticks.set(building.id, input);
    return make("li", {}, make("label", { class: "field-pick" }, input,
      make("b", {}, word("prepare.building", { ref: building.ref })),
      make("small", {}, word("prepare.holds", { parcels: building.parcels, observations: building.observations, cases: building.cases }))));
  }

  function lane(one) {
    const own = one.buildings.filter((id) => ticks.has(id));
    return make("button", { type: "button", class: "field-chip", onclick: () => {
      const isWhole = own.every((id) => chosen.has(id));
      for (const id of own) {
        if (isWhole) chosen.delete(id); else chosen.add(id);
        ticks.get(id).checked = !isWhole;
      }
      show();
    } }, one.name || one.ref);
  }

  function show() {
    const picked = areas.buildings.filter((one) => chosen.has(one.id));
    const tiles = tilesOf(picked.map((one) => one.box), areas.base_maps).length;
    const bytes = picked.reduce((sum, one) => sum + one.bytes, areas.bytes) + tileBytes(tiles);
    total.textContent = picked.length ? word("prepare.total", { n: picked.length, size: size(bytes) }) : word("prepare.none");
    start.disabled = !picked.length;
  }

  async function run() {
    start.disabled = true;
    const bar = make("progress", { max: "1", value: "0", "aria-label": word("prepare.progress") });
    fill(told, bar);
    try {
      await askToPersist();
      await prepare(place, [...chosen], account, (done, all) => { bar.max = all; bar.value = done; });
      go("");
    } catch (error) {
      const key = error instanceof StorageFull ? "prepare.full" : error instanceof Outcome && error.kind === "session" ? "prepare.session" : "prepare.cut";
      fill(told, make("p", { class: "field-alert", role: "alert" }, word(key)));
      start.disabled = false;
    }
  }

  const list = make("ul", { class: "field-list is-picks" }, areas.buildings.map(tick));
  const lanes = areas.lanes.length ? make("div", { class: "field-chips", role: "group", "aria-label": word("prepare.lanes") }, areas.lanes.map(lane)) : null;
  const everything = make("button", { type: "button", class: "field-chip", onclick: () => {
    const isWhole = chosen.size === areas.buildings.length;
    chosen.clear();
    for (const one of areas.buildings) {
      if (!isWhole) chosen.add(one.id);
      ticks.get(one.id).checked = !isWhole;
    }
    show();
  } }, word("prepare.all"));
  if (lanes) lanes.prepend(everything);
  fill(box,
    make("h2", {}, name),
    make("p", { class: "field-quiet" }, word("prepare.explain")),
    lanes || make("div", { class: "field-chips" }, everything), list,
    make("div", { class: "field-dock" }, total, told, start));
  show();
}

// The desk: layers, rows, tools, what is not kept yet, and the history, brought together.

import { fill, make } from "../field/dom.js";
import { createChanges } from "./changes.js";
import { createFar } from "./far.js";
import { createHistoryPane } from "./history.js";
import { createList } from "./list.js";
import { createRows } from "./rows.js";
import { createTools } from "./tools.js";
import { createView } from "./view.js";
import { word } from "./words.js";

const all = (selector) => [...document.querySelectorAll(selector)];
const desk = { layer: "parcels", rows: createRows({ held }), chosen: [], view: null, use };

desk.view = createView(document.getElementById("desk-map"), { onPick: (feature, event) => pickOnMap(feature, event), onMove: moved });
const list = createList({ onPick: (feature, event) => pick(feature, event, true) });
const changes = createChanges(desk, { kept: reread, changed: showPlanned });
const tools = createTools(desk, { taken, changed: showSteps });
const history = createHistoryPane(desk, { undone: reread });
const far = createFar(desk);

// What is chosen, and what has changes that are not kept, stays wherever the map goes.
function held(layer) {
  if (layer !== desk.layer) return [];
  const ids = new Set(changes.ids);
  return [...[...desk.rows.of(layer).values()].filter((one) => ids.has(one.id)), ...desk.chosen];
}

async function moved() {
  far.show();
  const outline = tools.outline && L.geoJSON(tools.outline).getBounds();
  try {
    if (await desk.rows.view(desk.view.map, outline)) showRows();
  } catch {
    fill(document.getElementById("desk-told"), make("p", { class: "desk-need" }, word("desk.offline")));
  }
}

// While something is drawn a click on the map is a corner, not a choice.
function pickOnMap(feature, event) {
  if (["draw", "change"].includes(tools.tool)) return false;
  if (tools.tool === "split" && desk.chosen.length) return false;
  pick(feature, event, false);
  return true;
}

function pick(feature, event, fromList) {
  const several = tools.tool === "merge" || event.shiftKey || event.ctrlKey || event.metaKey;
  const isIn = desk.chosen.some((one) => one.id === feature.id);
  if (several) desk.chosen = isIn ? desk.chosen.filter((one) => one.id !== feature.id) : [...desk.chosen, feature];
  else desk.chosen = isIn && tools.tool === "select" ? [] : [feature];
  showChosen();
  if (fromList && !isIn) desk.view.goTo([feature.geometry]);
  else list.reveal(feature.id);
  tools.chosenChanged();
}

function showChosen() {
  const ids = desk.chosen.map((one) => one.id);
  list.mark(ids);
  desk.view.mark(ids, changes.ids);
}

function showPlanned() {
  desk.view.mark(desk.chosen.map((one) => one.id), changes.ids);
  if (tools.tool === "select") desk.view.planned(changes.previews);
}

function use(tool) {
  history.close();
  tools.start(tool);
  for (const button of all("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  if (tool === "select") desk.view.planned(changes.previews);
}

function taken(change) {
  tools.stop();
  changes.add(change);
  desk.chosen = [];
  showChosen();
  use("select");
}

async function reread() {
  desk.chosen = [];
  await desk.rows.read(desk.view.map);
  list.lookAgain();
  showRows();
  use("select");
  await history.read();
}

function showRows() {
  desk.view.show(desk.rows.known, desk.layer);
  const { layer, rows } = desk;
  list.show(rows.of(layer), rows.isLarge(layer) ? (text) => rows.find(layer, text) : null);
  far.show();
  showChosen();
}

function showSteps() {
  const steps = tools.stepper();
  const [undo, redo] = all("[data-act=undo], [data-act=redo]");
  undo.disabled = !(steps && steps.canUndo);
  redo.disabled = !(steps && steps.canRedo);
}

// Resolves to whether what is not kept may go.
function mayLeave() {
  if (changes.isEmpty && !tools.isDirty) return Promise.resolve(true);
  const dialog = document.getElementById("desk-leave");
  dialog.returnValue = "stay";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "leave"), { once: true });
  });
}

async function changeLayer(layer) {
  if (layer === desk.layer || !(await mayLeave())) return;
  tools.stop();
  changes.empty();
  desk.layer = layer;
  desk.chosen = [];
  list.clearSearch();
  for (const button of all("[data-layer]")) button.setAttribute("aria-pressed", String(button.dataset.layer === layer));
  showRows();
  use("select");
}

function showTab(name) {
  for (const tab of all("[role=tab]")) {
    const isOn = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(isOn));
    tab.tabIndex = isOn ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !isOn;
  }
  if (name !== "history") history.close();
}

for (const button of all("[data-tool]")) button.addEventListener("click", () => use(button.dataset.tool));
for (const button of all("[data-layer]")) button.addEventListener("click", () => changeLayer(button.dataset.layer));
for (const tab of all("[role=tab]")) {
  tab.addEventListener("click", () => showTab(tab.id.slice(4)));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = all("[role=tab]").find((one) => one !== tab);
    showTab(other.id.slice(4));
    other.focus();
  });
}
document.querySelector("[data-act=undo]").addEventListener("click", () => tools.stepper()?.undo());
document.querySelector("[data-act=redo]").addEventListener("click", () => tools.stepper()?.redo());
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.closest("input, textarea")) return;
  event.preventDefault();
  tools.stepper()?.[event.shiftKey ? "redo" : "undo"]();
});
window.addEventListener("beforeunload", (event) => {
  if (!changes.isEmpty || tools.isDirty) event.preventDefault();
});

try {
  await desk.rows.read(desk.view.map);
  document.querySelector("[data-layer=parcels]").setAttribute("aria-pressed", "true");
  showRows();
  await history.read();
  use("select");
} catch (error) {
  fill(document.getElementById("desk-told"), make("p", { class: "desk-need" }, word("desk.offline")));
}
window.desk = desk;
document.documentElement.dataset.deskReady = "true";

// The map of the marking screen: what is known of the ground, what is being marked, where one
// stands. Texts of the bundle are set as text alone.
import { baseLayer } from "./basemap.js";
import { make } from "./dom.js";
import { hatch, icon, patterns } from "./icons.js";

export const MAX_ZOOM = 23;
const NEAR = 20.5;
// From the middle of a handle to its edge.
const HANDLE_PX = 12;
const FAR = { center: [37.4, 122.1], zoom: 15 };

export const LOOKS = {
  green: { color: "#0b6b34", weight: 1.5, smoothFactor: 0, fillColor: "#b9e6c1", fillOpacity: 1 },
  unknown: { color: "#0b6b34", weight: 1.5, smoothFactor: 0, dashArray: "5 4", fillColor: "#e3efb4", fillOpacity: 1 },
  private: { color: "#8a8577", weight: 1, smoothFactor: 0, fillColor: "url(#mark-private)", fillOpacity: 1 },
  ground: { color: "#b3ae9f", weight: 1, smoothFactor: 0, fillColor: "#eeece4", fillOpacity: 1 },
  building: { color: "#2d312f", weight: 1, smoothFactor: 0, fillColor: "#4b514e", fillOpacity: 1 },
  observation: { color: "#6a1b7a", weight: 2.5, smoothFactor: 0, dashArray: "7 5", fillColor: "#6a1b7a", fillOpacity: 0.08 },
  standing: { color: "#a64a00", weight: 2, smoothFactor: 0, fillColor: "url(#mark-standing)", fillOpacity: 1 },
  waiting: { color: "#33383a", weight: 2, dashArray: "2 5", fill: false },
};
export const PIECES = {
  green: { color: "#b3001f", weight: 2, fillColor: "#e4002b", fillOpacity: 0.6 },
  again: { color: "#7a0070", weight: 2, fillColor: "#a0008f", fillOpacity: 0.6 },
  unknown_title: { color: "#8a5a00", weight: 2, fillColor: "#f5a300", fillOpacity: 0.6 },
  sliver: { color: "#5b6468", weight: 1, fillColor: "#9aa3a8", fillOpacity: 0.5 },
};

export function markPatterns() {
  return patterns([hatch("mark-private", "#a9a395"), hatch("mark-standing", "#e08a2e", 2.5, 8), hatch("mark-theirs", "#d9622b", 4, 9)]);
}

export function textLabel(text, className) {
  return { permanent: true, direction: "center", className, content: make("span", {}, text) };
}

function labelled(layer, text, className) {
  const { content, ...options } = textLabel(text, className);
  return layer.bindTooltip(content, { ...options, interactive: false });
}

function lookOf(parcel) {
  if (parcel.kind === "private_yard" || parcel.title_basis === "individual") return LOOKS.private;
  if (parcel.kind !== "public_green") return LOOKS.ground;
  return parcel.title_basis === "unknown" || parcel.title_disputed ? LOOKS.unknown : LOOKS.green;
}

// onPick({observation} | {parcel}) hears of taps on what is known, where taps draw nothing.
export function createMarkMap(box, { bundle, words, onPick }) {
  const map = L.map(box, {
    maxZoom: MAX_ZOOM, zoomControl: false, zoomSnap: 0.25, attributionControl: false, tapTolerance: 20,
    // A second marking screen is opened when Geoman already leaves alone all that does not ask.
    pmIgnore: false,
  });
  map.setView(FAR.center, FAR.zoom);
  L.control.scale({ imperial: false, position: "topleft" }).addTo(map);
  const attribution = L.control.attribution({ prefix: false, position: "topright" }).addTo(map);
  for (const [name, order] of [["ground", 405], ["known", 410], ["self", 412], ["drawn", 414], ["pieces", 416]]) {
    map.createPane(name).style.zIndex = order;
  }
  map.on("zoomend", () => box.classList.toggle("is-near", map.getZoom() >= NEAR));
  const parcels = drawParcels(map, bundle, onPick);
  const observations = drawKnown(map, bundle, words, onPick);
  const pieces = L.featureGroup([], { pane: "pieces" }).addTo(map);
  const self = createSelf(map);
  const sized = keepSize(map);
  box.addEventListener("focusin", ({ target }) => revealFocused(map, target));
  let base = null;
  let chosen = null;

  return {
    map,
    snap: [parcels, observations],
    self,
    // The pieces of public green that an outline takes, in the colours of what they are.
    showPieces(found) {
      pieces.clearLayers();
      for (const one of found.filter(({ geometry }) => geometry)) {
        L.geoJSON(one.geometry, { style: PIECES[one.kind], interactive: false, pane: "pieces", renderer: L.svg({ pane: "pieces" }) }).addTo(pieces);
      }
    },
    choose(parcelIds) {
      if (chosen) chosen.remove();
      const picked = bundle.parcels.filter((one) => parcelIds.includes(one.id));
      chosen = L.geoJSON(picked.map((one) => one.geometry), { style: { color: "#0057b8", weight: 5, fill: false }, interactive: false, pane: "pieces" }).addTo(map);
    },
    // Between the controls, in the size that the sheet has left by now.
    frame(geometry, zoom = 21) {
      const bounds = geometry ? L.geoJSON(geometry).getBounds() : buildingBounds(bundle, parcels);
      if (bounds.isValid()) sized.soon(() => map.fitBounds(bounds, { ...clearOfControls(map), maxZoom: zoom, animate: false }));
    },
    // Moves the map where a corner has come to lie below a control, and no farther than it must.
    reveal([x, y]) {
      const place = L.latLng(y, x);
      if (isCovered(map, place)) map.panInside(place, { ...clearOfControls(map), animate: false });
    },
    base(at) {
      if (base) base.remove();
      const wanted = (bundle.base_maps || [])[at];
      base = wanted ? baseLayer(wanted, MAX_ZOOM).addTo(map) : null;
      box.classList.toggle("has-base", Boolean(base));
      return wanted ? wanted.name : null;
    },
    attribution,
    remove() {
      sized.stop();
      // Leaflet would end a zoom under way on a map that is gone.
      map._animatingZoom = false;
      map.remove();
    },
  };
}

// How far from each edge a finger takes a handle of 48 px without touching a control; a small map
// keeps a half of itself.
function clearOfControls(map) {
  const { x, y } = map.getSize();
  const side = Math.min(84, x / 4);
  return { paddingTopLeft: [side, Math.min(96, y / 3)], paddingBottomRight: [side, Math.min(28, y / 8)] };
}

const CONTROLS = ".mark-square, .mark-heading, .mark-legend summary, .leaflet-control-attribution";

function isCovered(map, place) {
  const box = map.getContainer();
  const from = box.getBoundingClientRect();
  const at = map.latLngToContainerPoint(place);
  const [x, y] = [at.x + from.left, at.y + from.top];
  return [...box.parentElement.querySelectorAll(CONTROLS)].some((control) => {
    const { left, right, top, bottom } = control.getBoundingClientRect();
    return x > left - HANDLE_PX && x < right + HANDLE_PX && y > top - HANDLE_PX && y < bottom + HANDLE_PX;
  });
}

// Whoever goes from handle to handle by keys sees each of them; a finger would lose the one that
// it has just taken.
function revealFocused(map, handle) {
  if (!handle.classList.contains("marker-icon") || !handle.matches(":focus-visible")) return;
  const from = map.getContainer().getBoundingClientRect();
  const { left, top, width, height } = handle.getBoundingClientRect();
  const place = map.containerPointToLatLng([left + width / 2 - from.left, top + height / 2 - from.top]);
  if (isCovered(map, place)) map.panInside(place, { ...clearOfControls(map), animate: false });
}

// A screen may be made before it is shown: then its map has no size, and what is to be looked
// at waits until it has one. What is being drawn stays in place when the sheet grows or shrinks.
export function keepSize(map) {
  const box = map.getContainer();
  // Leaflet could not see how the box is placed before it was shown, and placed it itself.
  box.style.position = "";
  let waiting = null;
  const settle = () => {
    map.invalidateSize({ pan: false });
    if (!waiting || !map.getSize().x || !map.getSize().y) return;
    waiting();
    waiting = null;
  };
  const observer = new ResizeObserver(settle);
  observer.observe(box);
  return {
    soon(work) {
      waiting = work;
      settle();
    },
    stop() { observer.disconnect(); },
  };
}

function drawParcels(map, bundle, onPick) {
  const group = L.featureGroup([]).addTo(map);
  const renderer = L.svg({ pane: "ground", padding: 0.5 });
  for (const building of bundle.buildings.filter((one) => one.geometry)) {
    labelled(L.geoJSON(building.geometry, { style: LOOKS.building, interactive: false, pane: "ground", renderer }), building.ref, "mark-label mark-building").addTo(group);
  }
  for (const parcel of bundle.parcels) {
    const layer = L.geoJSON(parcel.geometry, { style: lookOf(parcel), pane: "ground", renderer });
    labelled(layer, parcel.ref, "mark-label mark-parcel");
    layer.on("click", () => onPick({ parcel }));
    layer.addTo(group);
  }
  return group;
}

function drawKnown(map, bundle, words, onPick) {
  const group = L.featureGroup([]).addTo(map);
  const renderer = L.svg({ pane: "known", padding: 0.5 });
  const cases = new Map((bundle.cases || []).map((one) => [one.id, one]));
  for (const standing of (bundle.encroachments || []).filter((one) => one.geometry)) {
    L.geoJSON(standing.geometry, { style: LOOKS.standing, pane: "known", renderer, interactive: false }).addTo(group);
  }
  for (const waiting of (bundle.waiting || []).filter((one) => one.geometry)) {
    L.geoJSON(waiting.geometry, { style: LOOKS.waiting, pane: "known", renderer, interactive: false }).addTo(group);
  }
  for (const observation of bundle.observations.filter((one) => one.geometry)) {
    const layer = L.geoJSON(observation.geometry, { style: LOOKS.observation, pane: "known", renderer });
    labelled(layer, stateOf(observation, bundle, cases, words), "mark-label mark-known");
    layer.on("click", () => onPick({ observation }));
    layer.addTo(group);
  }
  return group;
}

// How far the case of an observation has come, or its own reference where there is none.
function stateOf(observation, bundle, cases, words) {
  const known = (bundle.encroachments || []).find((one) => one.observation === observation.id && one.case);
  const found = known && cases.get(known.case);
  return found ? `${found.number} · ${words(`mark.state.${found.state}`)}` : observation.ref;
}

function buildingBounds(bundle, parcels) {
  const chosen = bundle.parcels.filter((one) => one.building).map((one) => one.geometry);
  return chosen.length ? L.geoJSON(chosen).getBounds() : parcels.getBounds();
}

// The own position: a dot, and a circle of its accuracy.
function createSelf(map) {
  const circle = L.circle([0, 0], { radius: 1, color: "#0057b8", weight: 1.5, fillColor: "#0a84ff", fillOpacity: 0.15, interactive: false, pane: "self" });
  const dot = L.circleMarker([0, 0], { radius: 8, color: "#fff", weight: 3, fillColor: "#0057b8", fillOpacity: 1, interactive: false, pane: "self" });
  const trail = L.polyline([], { color: "#0057b8", weight: 4, dashArray: "1 8", lineCap: "round", interactive: false, pane: "self" }).addTo(map);
  return {
    show(fix) {
      if (!fix) {
        circle.remove();
        dot.remove();
        return;
      }
      const place = [fix.latitude, fix.longitude];
      circle.setLatLng(place).setRadius(fix.accuracy_m).addTo(map);
      dot.setLatLng(place).addTo(map);
    },
    trail(places) { trail.setLatLngs(places.map(([x, y]) => [y, x])); },
    goTo(zoom = 20.5) { if (map.hasLayer(dot)) map.setView(dot.getLatLng(), Math.max(map.getZoom(), zoom)); },
  };
}

// What the colours mean, as a list to be opened.
export function legend(words) {
  const rows = [
    ["green", words("mark.legend.green")], ["unknown", words("mark.legend.unknown")],
    ["private", words("mark.legend.private")], ["observation", words("mark.legend.observation")],
    ["standing", words("mark.legend.standing")], ["waiting", words("mark.legend.waiting")],
    ["piece", words("mark.legend.piece")], ["again", words("mark.legend.again")],
  ];
  return make("details", { class: "mark-legend" },
    make("summary", { "aria-label": words("mark.legend") }, icon("layers")),
    make("ul", {}, rows.map(([name, text]) => make("li", {}, make("span", { class: `mark-swatch is-${name}` }), text))));
}

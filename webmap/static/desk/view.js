// The map: rows of the layers, what is chosen, what is planned, and outlines to compare.

import { baseLayer } from "../field/basemap.js";
import { config, level, word } from "./words.js";

const MAX_ZOOM = 23;
const LABELS_FROM = 16.5;
const LOOKS = {
  parcels: { color: "#2f6b48", weight: 1.2, fillColor: "#bfe0c9", fillOpacity: 0.75 },
  observations: { color: "#8a3b12", weight: 1.6, fillColor: "#e9a36b", fillOpacity: 0.45 },
  sites: { color: "#0b4f86", weight: 1.6, fillColor: "#7fb6e0", fillOpacity: 0.5 },
};
const OTHER = { color: "#8d877a", weight: 1, fillColor: "#e6e2d8", fillOpacity: 0.7 };
const CHOSEN = { color: "#0b1f14", weight: 4, fillOpacity: 0.9 };
const QUIET = { opacity: 0.55, fillOpacity: 0.18, weight: 1 };
const PAPER = { color: "#8d877a", weight: 1, fillColor: "#d4cfc4", fillOpacity: 1, interactive: false };
export const MINE = { color: "#0b1f14", weight: 3, fillColor: "#ffd23f", fillOpacity: 0.45 };
export const BEFORE = { color: "#b3261e", weight: 3, dashArray: "7 5", fillColor: "#b3261e", fillOpacity: 0.12 };
export const AFTER = { color: "#0b5d33", weight: 3, fillColor: "#2e9e63", fillOpacity: 0.3 };
export const THEIRS = { color: "#b3261e", weight: 3, fillColor: "#e0564b", fillOpacity: 0.25 };

function textOf(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element;
}

export function createView(root, { onPick, onMove }) {
  const map = L.map(root, {
    zoomSnap: 0.25, maxZoom: MAX_ZOOM, zoomAnimation: false, fadeAnimation: false, zoomControl: false,
  });
  const [west, south, east, north] = config.bounds;
  map.fitBounds([[south, west], [north, east]], { padding: [30, 30], animate: false });
  map.attributionControl.setPrefix(false);
  // Below the map, so that no corner ever lies beneath a button.
  const zoomed = document.createElement("span");
  const controls = [L.control.zoom({ zoomInTitle: word("desk.nearer"), zoomOutTitle: word("desk.farther") }), L.control.scale({ imperial: false, maxWidth: 80 })];
  document.getElementById("desk-zoom").append(...controls.map((one) => one.addTo(map).getContainer()), zoomed);
  // Lines above the map come and go.
  new ResizeObserver(() => map.invalidateSize({ animate: false, pan: false })).observe(root);
  map.createPane("context").style.zIndex = 350;
  map.createPane("over").style.zIndex = 450;
  if (config.baseMaps.length) baseLayer(config.baseMaps[0], MAX_ZOOM).addTo(map);
  const buildings = L.geoJSON(config.buildings.map((one) => ({ type: "Feature", geometry: one.geometry, properties: one })), {
    style: PAPER, pane: "context", interactive: false, pmIgnore: true,
    onEachFeature: (feature, layer) => layer.bindTooltip(textOf(feature.properties.ref), { permanent: true, direction: "center", className: "desk-label" }),
  }).addTo(map);
  // From afar the numbers would lie on one another.
  const far = () => {
    root.classList.toggle("is-far", map.getZoom() < LABELS_FROM);
    zoomed.textContent = word("desk.zoom", { n: level(map.getZoom()) });
  };
  map.on("zoomend", far);
  map.on("moveend", () => onMove());
  far();
  // Whatever snaps keeps these groups, so they stay when their rows are read anew.
  const groups = Object.fromEntries(Object.keys(LOOKS).map((name) => [name, L.featureGroup([]).addTo(map)]));
  const layersOf = {};
  const over = L.featureGroup([]).addTo(map);
  const compared = L.featureGroup([]).addTo(map);
  let active = "parcels";
  let chosen = new Set();
  let planned = new Set();

  function lookOf(layer, feature) {
    const base = layer === "parcels" && feature.attributes.kind !== "public_green" ? OTHER : LOOKS[layer];
    if (layer !== active) return { ...base, ...QUIET };
    if (planned.has(feature.id)) return { ...base, opacity: 0.35, fillOpacity: 0.08, dashArray: "3 4" };
    return chosen.has(feature.id) ? { ...base, ...CHOSEN } : base;
  }

  function restyle() {
    for (const [layer, known] of Object.entries(layersOf)) {
      for (const [feature, shape] of known.values()) {
        shape.setStyle({ dashArray: null, opacity: 1, ...lookOf(layer, feature) });
        if (layer === active && chosen.has(feature.id)) shape.bringToFront();
      }
    }
  }

  function shapeOf(layer, feature) {
    const options = { pane: layer === active ? "overlayPane" : "context", interactive: layer === active, pmIgnore: true, snapIgnore: false };
    const shape = L.geoJSON(feature.geometry, {
      ...options, style: lookOf(layer, feature),
      pointToLayer: (_feature, place) => L.circleMarker(place, { ...options, radius: 7 }),
    });
    if (layer !== active) return shape;
    shape.bindTooltip(textOf(feature.ref), { sticky: true });
    shape.on("click", (event) => { if (onPick(feature, event.originalEvent)) L.DomEvent.stop(event); });
    return shape;
  }

  return {
    map,
    show(rows, layer) {
      active = layer;
      for (const group of Object.values(groups)) group.clearLayers();
      for (const name of Object.keys(LOOKS).reverse().filter((one) => one !== layer).concat(layer)) {
        layersOf[name] = new Map();
        for (const feature of rows[name].values()) {
          const shape = shapeOf(name, feature);
          layersOf[name].set(feature.id, [feature, shape]);
          groups[name].addLayer(shape);
        }
      }
      restyle();
    },
    mark(chosenIds, plannedIds) {
      chosen = new Set(chosenIds);
      planned = new Set(plannedIds);
      restyle();
    },
    // Layers to snap to: everything that lies on the map.
    get snap() { return [...Object.values(groups), buildings]; },
    planned(geometries) { draw(over, geometries.map((geometry) => [geometry, MINE])); },
    compare(pairs) { draw(compared, pairs); },
    goTo(geometries) {
      const bounds = L.featureGroup(geometries.filter(Boolean).map((one) => L.geoJSON(one))).getBounds();
      if (bounds.isValid()) {
        // Room for handles and for the hint, less of it on a phone.
        const room = Math.min(90, map.getSize().x / 7);
        map.fitBounds(bounds, { paddingTopLeft: [room, Math.max(room, 64)], paddingBottomRight: [room, room], maxZoom: 21, animate: false });
      }
    },
  };

  function draw(group, pairs) {
    group.clearLayers();
    for (const [geometry, style] of pairs) {
      const options = { ...style, pane: "over", interactive: false, pmIgnore: true };
      group.addLayer(L.geoJSON(geometry, { style: options, ...options, pointToLayer: (_one, place) => L.circleMarker(place, { ...options, radius: 8 }) }));
    }
  }
}

// The place of a charging pile, set and moved by clicks, by dragging and by keys.
//
// A click on the map sets it there. On the keyboard the arrows move the map and Enter sets it in
// the middle; once the pile itself has the focus the arrows move it by a pixel, ten with Shift.
// Every place is one step back.

import { createHistory } from "../field/shapes.js";

const STEP_PX = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const LONG_STEP = 10;
const LOOK = { className: "desk-pin", iconSize: [24, 24] };

export function createPin(map, { label, onChange }) {
  const history = createHistory(null);
  const marker = L.marker([0, 0], { icon: L.divIcon(LOOK), draggable: true, autoPan: true, pmIgnore: true, zIndexOffset: 500 });
  const root = map.getContainer();

  function show() {
    if (history.now) {
      marker.setLatLng(L.latLng(history.now[1], history.now[0])).addTo(map);
      marker.getElement().setAttribute("aria-label", label);
    } else {
      marker.remove();
    }
    onChange();
  }

  function put(latlng) {
    history.push([latlng.lng, latlng.lat]);
    show();
  }

  function nudge(step, isLong) {
    // Not the points of the container: those are whole pixels, and a place lies between them.
    const moved = map.project(marker.getLatLng()).add(L.point(step).multiplyBy(isLong ? LONG_STEP : 1));
    put(map.unproject(moved));
  }

  function keyed(event) {
    const step = STEP_PX[event.key];
    if (step && history.now && event.target === marker.getElement()) nudge(step, event.shiftKey);
    else if (event.key === "Enter" && event.target === root) put(map.getCenter());
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  const clicked = (event) => put(event.latlng);
  marker.on("dragend", () => put(marker.getLatLng()));

  function begin(place) {
    map.on("click", clicked);
    root.addEventListener("keydown", keyed, true);
    root.classList.add("is-drawing");
    history.begin(place);
    show();
  }

  return {
    start() { begin(null); },
    startFrom(geometry) { begin(geometry.coordinates); },
    stop() {
      map.off("click", clicked);
      root.removeEventListener("keydown", keyed, true);
      root.classList.remove("is-drawing");
      marker.remove();
      history.begin(null);
    },
    addMiddle() { put(map.getCenter()); },
    finish() {},
    geometry: () => (history.now ? { type: "Point", coordinates: history.now } : null),
    undo() { history.undo(); show(); },
    redo() { history.redo(); show(); },
    get canUndo() { return history.canUndo; },
    get canRedo() { return history.canRedo; },
  };
}

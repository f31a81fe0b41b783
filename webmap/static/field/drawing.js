// Drawing and correcting outlines by finger, mouse or keys, on Leaflet-Geoman with snapping.
//
// While corners are being added a tap on the map makes one; tapping the first ends it. Corners
// are dragged by their handles, a handle between two makes a new one, a tapped one is chosen
// and can be moved by the arrow keys or removed. Without a pointer the arrow keys move the map
// and Enter adds its middle. Every finished change is one step back.

import { CORNER_PX, pathsOf, snapTo } from "./snapping.js";
import { cornersOf, createHistory, geometryOf, latLngsOf, partsOf, partsOfLatLngs } from "./shapes.js";

const LOOK = { color: "#0b1f14", weight: 3, fillColor: "#ffd23f", fillOpacity: 0.35 };
const STEP_PX = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const LONG_STEP = 10;

// `snap` are layers to snap to; `words(key, values)` knows draw.corner and draw.between;
// onChange(geometry | null, {isLive, isAdding, corners, selected, touched}) hears of every change,
// also while a corner is being dragged (isLive); `touched` is where the corner is that was chosen
// or let go. `look` overrides the style of the outline, `pane` is the map's pane to draw it in.
export function createDrawing(map, { snap = [], words = (key) => key, onChange = () => {}, look = {}, pane = "overlayPane" }) {
  // Geoman leaves all layers alone but ours, and snaps to those alone that are given.
  L.PM.setOptIn(true);
  const begun = () => ({ parts: [], isAdding: false });
  const history = createHistory(begun());
  const shape = L.polygon([], { ...LOOK, ...look, interactive: false, pmIgnore: false, className: "drawn", pane });
  const thread = L.polyline([], { ...LOOK, ...look, fill: false, dashArray: "2 7", interactive: false, className: "drawn", pane });
  let selected = null;
  let touched = null;
  let isOn = false;
  let zooms = false;

  function report(parts, isLive) {
    onChange(geometryOf(parts), {
      isLive, isAdding: history.now.isAdding, corners: cornersOf(parts), selected,
      touched: cornerAt(parts, selected || touched),
    });
  }

  function change(parts, isAdding = history.now.isAdding) {
    history.push({ parts, isAdding });
    show();
  }

  // Geoman makes its handles anew, since our steps and its own may have both happened.
  function show() {
    const { parts, isAdding } = history.now;
    selected = null;
    shape.pm.disable();
    shape.setLatLngs(latLngsOf(parts));
    const ring = openRing();
    thread.setLatLngs(isAdding && ring.length < 3 ? latLngsOf([[ring]])[0][0] : []);
    map.getContainer().classList.toggle("is-drawing", isAdding);
    if (isOn && parts.length) edit(isAdding);
    report(parts, false);
  }

  function edit(isAdding) {
    pathsOf(snap).forEach((layer) => { layer.options.snapIgnore = false; });
    shape.pm.enable({
      snappable: true, snapDistance: CORNER_PX, snapSegment: true, allowSelfIntersection: true,
      preventMarkerRemoval: true, hideMiddleMarkers: isAdding, draggable: false,
    });
    name();
  }

  function handles() {
    return [...map.getContainer().querySelectorAll(".marker-icon:not(.marker-icon-middle)")];
  }

  function name() {
    handles().forEach((handle, at) => handle.setAttribute("aria-label", words("draw.corner", { n: at + 1 })));
    map.getContainer().querySelectorAll(".marker-icon-middle")
      .forEach((handle) => handle.setAttribute("aria-label", words("draw.between")));
  }

  function openRing() {
    const part = history.now.parts.at(-1);
    return part ? part[0] : [];
  }

  function add(latlng) {
    if (!history.now.isAdding) return;
    const ring = openRing();
    if (ring.length > 2 && isNear(latlng, ring[0])) {
      finish();
      return;
    }
    const place = snapTo(map, latlng, snap).latlng;
    const parts = history.now.parts.slice(0, -1);
    const corner = [place.lng, place.lat];
    if (ring.length && String(ring.at(-1)) === String(corner)) return;
    change([...parts, [[...ring, corner]]]);
  }

  function isNear(latlng, [x, y]) {
    const there = map.latLngToContainerPoint(L.latLng(y, x));
    return map.latLngToContainerPoint(latlng).distanceTo(there) < CORNER_PX;
  }

  function finish() {
    if (history.now.isAdding) change(history.now.parts, false);
  }

  function select(path) {
    selected = path;
    const names = handles();
    names.forEach((handle) => handle.classList.remove("is-chosen"));
    const at = path ? placeOf(history.now.parts, path) : -1;
    if (names[at]) names[at].classList.add("is-chosen");
    report(history.now.parts, false);
  }

  // Replaces the chosen corner by `corners`: none removes it.
  function replaceSelected(corners) {
    const [part, ring, at] = selected;
    const parts = structuredClone(history.now.parts);
    parts[part][ring].splice(at, 1, ...corners);
    if (parts[part][ring].length < 3 && !history.now.isAdding) parts[part].splice(ring, ring ? 1 : parts[part].length);
    return parts.filter((rings) => rings.length && rings[0].length);
  }

  function removeSelected() {
    if (selected) change(replaceSelected([]));
  }

  function nudge(step) {
    const path = selected;
    const [x, y] = history.now.parts[path[0]][path[1]][path[2]];
    const point = map.latLngToContainerPoint(L.latLng(y, x)).add(L.point(step));
    const moved = map.containerPointToLatLng(point);
    change(replaceSelected([[moved.lng, moved.lat]]));
    focusOn(path);
  }

  // Enter on a handle chooses its corner; on one between two it makes a corner there.
  function pressed(handle) {
    const at = handles().indexOf(handle);
    if (at >= 0) {
      select(pathOf(history.now.parts, at));
      return;
    }
    const betweens = [...map.getContainer().querySelectorAll(".marker-icon-middle")];
    const path = pathOf(history.now.parts, betweens.indexOf(handle));
    const parts = structuredClone(history.now.parts);
    const ring = parts[path[0]][path[1]];
    const next = ring[(path[2] + 1) % ring.length];
    const [x, y] = ring[path[2]];
    ring.splice(path[2] + 1, 0, [(x + next[0]) / 2, (y + next[1]) / 2]);
    change(parts);
    focusOn([path[0], path[1], path[2] + 1]);
  }

  function focusOn(path) {
    select(path);
    handles()[placeOf(history.now.parts, path)]?.focus();
  }

  function keyed(event) {
    const step = STEP_PX[event.key];
    if (event.key === "Enter" && event.target.classList.contains("marker-icon")) {
      pressed(event.target);
    } else if (selected && step) {
      nudge(step.map((one) => one * (event.shiftKey ? LONG_STEP : 1)));
    } else if (selected && (event.key === "Delete" || event.key === "Backspace")) {
      removeSelected();
    } else if (event.key === "Escape" && selected) {
      select(null);
    } else if (event.key === "Enter" && event.target === map.getContainer() && history.now.isAdding) {
      add(map.getCenter());
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  const moved = (path = null) => {
    touched = path;
    change(partsOfLatLngs(shape.getLatLngs()));
    touched = null;
  };
  shape.on("pm:markerdrag", () => report(partsOfLatLngs(shape.getLatLngs()), true));
  shape.on("pm:markerdragend", ({ indexPath }) => moved(indexPath));
  // A handle that is dragged from between two corners is told of again when it is let go.
  shape.on("pm:vertexadded", ({ marker }) => { if (!marker._dragging) moved(); });
  shape.on("pm:vertexclick", ({ indexPath }) => {
    const ring = openRing();
    const isFirst = indexPath.join() === `${history.now.parts.length - 1},0,0`;
    if (history.now.isAdding && isFirst && ring.length > 2) finish();
    else select(indexPath);
  });
  const tapped = (event) => (history.now.isAdding ? add(event.latlng) : select(null));

  function on() {
    if (isOn) return;
    isOn = true;
    shape.addTo(map);
    thread.addTo(map);
    map.on("click", tapped);
    map.getContainer().addEventListener("keydown", keyed, true);
    zooms = map.doubleClickZoom.enabled();
    // Two quick taps are two corners.
    map.doubleClickZoom.disable();
  }

  function off() {
    if (!isOn) return;
    isOn = false;
    shape.pm.disable();
    shape.remove();
    thread.remove();
    map.off("click", tapped);
    map.getContainer().removeEventListener("keydown", keyed, true);
    map.getContainer().classList.remove("is-drawing");
    if (zooms) map.doubleClickZoom.enable();
  }

  return {
    // Begins an outline anew; taps add corners until finish().
    start() {
      on();
      history.begin({ parts: [], isAdding: true });
      show();
    },
    // Begins with an outline that is to be corrected; holes and parts are kept.
    startFrom(geometry) {
      on();
      history.begin({ parts: partsOf(geometry), isAdding: false });
      show();
    },
    // Puts another outline in the place of this one, as a step that can be taken back.
    put(geometry) { change(partsOf(geometry), false); },
    // Goes on adding corners at the end of an outline of one ring.
    resume() { if (history.now.parts.flat().length < 2) change(history.now.parts, true); },
    clear() { change([], true); },
    add,
    addMiddle() { add(map.getCenter()); },
    removeSelected,
    select,
    geometry: () => geometryOf(history.now.parts),
    undo() { history.undo(); show(); },
    redo() { history.redo(); show(); },
    get canUndo() { return history.canUndo; },
    get canRedo() { return history.canRedo; },
    get isAdding() { return history.now.isAdding; },
    get selected() { return selected; },
    get layer() { return shape; },
    finish() {
      finish();
      return geometryOf(history.now.parts);
    },
    stop() {
      off();
      history.begin(begun());
    },
  };
}

function cornerAt(parts, path) {
  return (path && parts[path[0]]?.[path[1]]?.[path[2]]) || null;
}

// The place of a corner among all handles, which stand in the order of the rings.
function placeOf(parts, [part, ring, at]) {
  const before = parts.slice(0, part).flat(2).length + parts[part].slice(0, ring).flat().length;
  return before + at;
}

function pathOf(parts, place) {
  let left = place;
  for (let part = 0; part < parts.length; part += 1) {
    for (let ring = 0; ring < parts[part].length; ring += 1) {
      if (left < parts[part][ring].length) return [part, ring, left];
      left -= parts[part][ring].length;
    }
  }
  return null;
}

// A line drawn across an outline, to split it. Clicks add places that snap; on the keyboard the
// arrows move the map, Enter adds its middle and Backspace takes the last place away.

import { createHistory } from "../field/shapes.js";
import { snapTo } from "../field/snapping.js";

const LOOK = { color: "#b3261e", weight: 3, dashArray: "8 5", interactive: false, pmIgnore: true };
// About ten centimetres in degrees: an end that snapped to the edge has to lie beyond it.
const BEYOND = 1e-6;

export function createBlade(map, { snap, onChange }) {
  const history = createHistory([]);
  const shape = L.polyline([], LOOK);
  const dots = L.featureGroup([]);

  function show() {
    const places = history.now.map(([x, y]) => L.latLng(y, x));
    shape.setLatLngs(places);
    dots.clearLayers();
    places.forEach((place) => dots.addLayer(L.circleMarker(place, { radius: 5, color: "#b3261e", fillColor: "#fff", fillOpacity: 1, interactive: false, pmIgnore: true })));
    onChange();
  }

  function add(latlng) {
    const place = snapTo(map, latlng, snap()).latlng;
    history.push([...history.now, [place.lng, place.lat]]);
    show();
  }

  const clicked = (event) => add(event.latlng);
  function keyed(event) {
    if (event.target !== map.getContainer()) return;
    if (event.key === "Enter") add(map.getCenter());
    else if (event.key === "Backspace" && history.now.length) { history.push(history.now.slice(0, -1)); show(); }
    else return;
    event.preventDefault();
  }

  return {
    start() {
      history.begin([]);
      shape.addTo(map);
      dots.addTo(map);
      map.on("click", clicked);
      map.getContainer().addEventListener("keydown", keyed);
      map.getContainer().classList.add("is-drawing");
      map.doubleClickZoom.disable();
      show();
    },
    stop() {
      shape.remove();
      dots.remove();
      map.off("click", clicked);
      map.getContainer().removeEventListener("keydown", keyed);
      map.getContainer().classList.remove("is-drawing");
      map.doubleClickZoom.enable();
      history.begin([]);
    },
    addMiddle() { add(map.getCenter()); },
    undo() { history.undo(); show(); },
    redo() { history.redo(); show(); },
    get canUndo() { return history.canUndo; },
    get canRedo() { return history.canRedo; },
    line: () => (history.now.length > 1 ? beyond(history.now) : null),
  };
}

function beyond(places) {
  const first = past(places[1], places[0]);
  const last = past(places.at(-2), places.at(-1));
  return [first, ...places.slice(1, -1), last];
}

function past([x0, y0], [x, y]) {
  const length = Math.hypot(x - x0, y - y0) || 1;
  return [x + ((x - x0) / length) * BEYOND, y + ((y - y0) / length) * BEYOND];
}

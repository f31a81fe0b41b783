// Outlines as lists: parts of rings of [lng, lat], whose first corner is not repeated.

export function partsOf(geometry) {
  if (!geometry) return [];
  const polygons = geometry.type === "MultiPolygon" ? geometry.coordinates : [geometry.coordinates];
  return polygons.map((rings) => rings.map((ring) => ring.slice(0, -1).map(([x, y]) => [x, y])));
}

// GeoJSON, or null while no ring has three corners.
export function geometryOf(parts) {
  const whole = parts
    .map((rings) => rings.filter((ring) => ring.length > 2))
    .filter((rings, at) => rings.length && parts[at][0].length > 2)
    .map((rings) => rings.map((ring) => [...ring, ring[0]].map(([x, y]) => [x, y])));
  if (!whole.length) return null;
  if (whole.length === 1) return { type: "Polygon", coordinates: whole[0] };
  return { type: "MultiPolygon", coordinates: whole };
}

export function latLngsOf(parts) {
  return parts.map((rings) => rings.map((ring) => ring.map(([x, y]) => L.latLng(y, x))));
}

export function partsOfLatLngs(latlngs) {
  return latlngs
    .map((rings) => rings.filter((ring) => ring.length).map((ring) => ring.map((one) => [one.lng, one.lat])))
    .filter((rings) => rings.length);
}

export function cornersOf(parts) {
  return parts.flat(2).length;
}

// Every change can be taken back, and taken back again.
export function createHistory(first) {
  let past = [];
  let future = [];
  let now = first;
  return {
    get now() { return now; },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },
    push(state) {
      past.push(now);
      future = [];
      now = state;
    },
    undo() {
      if (!past.length) return;
      future.push(now);
      now = past.pop();
    },
    redo() {
      if (!future.length) return;
      past.push(now);
      now = future.pop();
    },
    begin(state) {
      past = [];
      future = [];
      now = state;
    },
  };
}

// Where a tap comes to lie: on a corner that is near, else on an edge, else where it fell.

export const CORNER_PX = 24;
export const EDGE_PX = 18;

// Every path in layers and groups of layers, deep.
export function pathsOf(layers) {
  return layers.flatMap((layer) => {
    if (layer.getLatLngs) return [layer];
    return layer.getLayers ? pathsOf(layer.getLayers()) : [];
  });
}

function ringsOf(latlngs) {
  if (!latlngs.length) return [];
  return Array.isArray(latlngs[0]) ? latlngs.flatMap(ringsOf) : [latlngs];
}

// Returns {latlng, on: "corner" | "edge" | null}. Corners keep their numbers, so that
// neighbours share them exactly.
export function snapTo(map, latlng, layers, reach = {}) {
  // Not the points of the container: those are whole pixels, which are centimetres.
  const at = map.project(latlng);
  const best = { corner: reach.corner ?? CORNER_PX, edge: reach.edge ?? EDGE_PX };
  const found = { corner: null, edge: null };
  for (const path of pathsOf(layers)) {
    if (!path.getBounds().isValid()) continue;
    for (const ring of ringsOf(path.getLatLngs())) nearest(map, at, ring, path instanceof L.Polygon, best, found);
  }
  if (found.corner) return { latlng: found.corner, on: "corner" };
  if (found.edge) return { latlng: map.unproject(found.edge), on: "edge" };
  return { latlng, on: null };
}

function nearest(map, at, ring, isClosed, best, found) {
  const points = ring.map((corner) => map.project(corner));
  points.forEach((point, index) => {
    const away = at.distanceTo(point);
    if (away < best.corner) {
      best.corner = away;
      found.corner = L.latLng(ring[index].lat, ring[index].lng);
    }
    if (!isClosed && index === points.length - 1) return;
    const next = points[(index + 1) % points.length];
    const foot = L.LineUtil.closestPointOnSegment(at, point, next);
    const beside = at.distanceTo(foot);
    if (beside < best.edge) {
      best.edge = beside;
      found.edge = foot;
    }
  });
}

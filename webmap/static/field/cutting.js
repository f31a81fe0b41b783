// Splits, merges and takes apart outlines. It is done in degrees moved to a near origin, so
// that no projection is needed; corners that stay come back as the numbers that they were.

import { collect, cut, fromPlane, polygonsOf, toPlane, unite } from "./planar.js";
/* global jsts */

// About a metre's worth of degrees becomes about one, so that no corner is lost to rounding.
const SCALE = 1e5;

function frameOf(geometry) {
  const first = geometry.type === "MultiPolygon" ? geometry.coordinates[0][0][0] : geometry.coordinates[0][0];
  const origin = [Math.floor(first[0] * 100) / 100, Math.floor(first[1] * 100) / 100];
  const corners = new Map();
  return {
    into(place) {
      const moved = [(place[0] - origin[0]) * SCALE, (place[1] - origin[1]) * SCALE];
      corners.set(String(moved), [place[0], place[1]]);
      return moved;
    },
    out(moved) {
      const [x, y] = moved;
      return corners.get(`${x},${y}`) || [x / SCALE + origin[0], y / SCALE + origin[1]];
    },
  };
}

// The pieces into which a line [[lng, lat], ...] cuts a geometry, the largest first, as
// Polygons. Parts of a MultiPolygon that the line does not cut stay with the largest piece.
export function split(geometry, line) {
  const frame = frameOf(geometry);
  const factory = new jsts.geom.GeometryFactory();
  const corners = line.map(frame.into).map(([x, y]) => new jsts.geom.Coordinate(x, y));
  const blade = factory.createLineString(corners);
  const pieces = [];
  const whole = [];
  for (const part of polygonsOf(toPlane(geometry, frame.into))) {
    const cuts = piecesOf(part, blade);
    (cuts.length > 1 ? pieces : whole).push(...(cuts.length > 1 ? cuts : [part]));
  }
  if (!pieces.length) return [geometry];
  pieces.sort((one, other) => other.getArea() - one.getArea());
  const [largest, ...rest] = pieces;
  return [collect([largest, ...whole]), ...rest].map((piece) => fromPlane(piece, frame.out));
}

function piecesOf(part, blade) {
  const { OverlayOp } = jsts.operation.overlay;
  const edges = jsts.operation.BoundaryOp.getBoundary(part);
  const polygonizer = new jsts.operation.polygonize.Polygonizer();
  polygonizer.add(OverlayOp.overlayOp(edges, blade, OverlayOp.UNION));
  const pieces = [];
  for (const piece of polygonizer.getPolygons().toArray()) {
    const { inside } = cut(piece, part);
    if (inside && inside.getArea() > piece.getArea() / 2) pieces.push(piece);
  }
  return pieces;
}

// One geometry that covers all of them.
export function merge(geometries) {
  const frame = frameOf(geometries[0]);
  return fromPlane(unite(geometries.map((one) => toPlane(one, frame.into))), frame.out);
}

// What of `one` is not in `other`; null where nothing is left.
export function difference(one, other) {
  const frame = frameOf(one);
  const { outside } = cut(toPlane(one, frame.into), toPlane(other, frame.into));
  return outside && fromPlane(outside, frame.out);
}

// Polygons in the plane of the survey: areas and their uncertainty, and overlays that keep
// areas and let lines and points go. The rules are those of gis/area.py and gis/overlay.py.
/* global jsts */

const factory = new jsts.geom.GeometryFactory();
const reader = new jsts.io.GeoJSONReader(factory);
const writer = new jsts.io.GeoJSONWriter();
const { OverlayOp } = jsts.operation.overlay;
const { RelateOp } = jsts.operation.relate;

// Two ways to reckon the same ground may differ by so much before one is wrong, in m2.
const TRUST_M2 = 1e-5;
// Corners of what could not be overlaid as it was come to lie on a grid of a micrometre.
const GRID = 1e6;

// Reads GeoJSON whose coordinates `place` takes to the plane.
export function toPlane(geometry, place) {
  const ring = (points) => points.map(place);
  const polygon = (rings) => rings.map(ring);
  const coordinates = geometry.type === "MultiPolygon"
    ? geometry.coordinates.map(polygon) : polygon(geometry.coordinates);
  return reader.read({ type: geometry.type, coordinates });
}

// Writes GeoJSON, each of whose coordinates `place` takes from the plane.
export function fromPlane(shape, place) {
  const written = writer.write(shape);
  const polygon = (rings) => rings.map((points) => points.map(place));
  const coordinates = written.type === "MultiPolygon"
    ? written.coordinates.map(polygon) : polygon(written.coordinates);
  return { type: written.type, coordinates };
}

export function polygonsOf(shape) {
  const found = [];
  for (let at = 0; shape && at < shape.getNumGeometries(); at += 1) {
    const part = shape.getGeometryN(at);
    if (part.getGeometryType() === "Polygon") {
      if (!part.isEmpty()) found.push(part);
    } else if (part !== shape) {
      found.push(...polygonsOf(part));
    }
  }
  return found;
}

// One part stays a Polygon, several become a MultiPolygon, none is null.
export function collect(parts) {
  if (parts.length < 2) return parts[0] || null;
  return factory.createMultiPolygon(parts);
}

export function areaOf(shape) {
  return shape ? shape.getArea() : 0;
}

function ringsOf(shape) {
  return polygonsOf(shape).flatMap((part) => {
    const rings = [part.getExteriorRing()];
    for (let at = 0; at < part.getNumInteriorRing(); at += 1) rings.push(part.getInteriorRingN(at));
    return rings.map((ring) => ring.getCoordinates());
  });
}

// sigma_A = m / (2 sqrt 2) * sqrt(sum of d_i^2), d_i between the two neighbours of a vertex.
export function sigmaOf(shape, rms) {
  let squares = 0;
  for (const ring of ringsOf(shape)) {
    const count = ring.length - 1;
    for (let at = 0; at < count; at += 1) {
      const before = ring[(at + count - 1) % count];
      const after = ring[(at + 1) % count];
      squares += (after.x - before.x) ** 2 + (after.y - before.y) ** 2;
    }
  }
  return rms / (2 * Math.SQRT2) * Math.sqrt(squares);
}

// What the sliver rule says of one connected part (DOMAIN 13).
export function judge(part, rms, tolerances) {
  const area = part.getArea();
  const perimeter = part.getLength();
  const width = perimeter > 0 ? 2 * area / perimeter : 0;
  const sigma = sigmaOf(part, rms);
  const isNoise = width < tolerances.noise_m || area < tolerances.noise_m2;
  const isNarrow = width < tolerances.width_factor * rms;
  const isSmall = area < tolerances.sigma_factor * sigma;
  return { part, area, width, sigma, isNoise, isSliver: isNoise || isNarrow || isSmall };
}

export function boxesMeet(one, other) {
  return one.getEnvelopeInternal().intersects(other.getEnvelopeInternal());
}

export function intersects(one, other) {
  return boxesMeet(one, other) && RelateOp.intersects(one, other);
}

// Whether the interiors have a point in common; boxes that reach less than `least` into each
// other are taken to touch.
export function interiorsMeet(one, other, least) {
  const a = one.getEnvelopeInternal();
  const b = other.getEnvelopeInternal();
  const wide = Math.min(a.getMaxX(), b.getMaxX()) - Math.max(a.getMinX(), b.getMinX());
  const high = Math.min(a.getMaxY(), b.getMaxY()) - Math.max(a.getMinY(), b.getMinY());
  return wide > least && high > least && RelateOp.relate(one, other).matches("T********");
}

// What of `one` lies in `other`, and what outside, each a polygonal shape or null.
export function cut(one, other) {
  if (!boxesMeet(one, other)) return { inside: null, outside: one };
  if (RelateOp.covers(other, one)) return { inside: one, outside: null };
  return cutPlainly(one, other) || cutOnGrid(one, other);
}

export function unite(shapes) {
  return shapes.reduce((all, shape) => (all ? uniteTwo(all, shape) : shape), null);
}

function uniteTwo(one, other) {
  const expected = areaOf(one) + areaOf(cut(other, one).outside);
  const plain = attempt(() => OverlayOp.overlayOp(one, other, OverlayOp.UNION));
  if (plain && Math.abs(plain.getArea() - expected) < TRUST_M2) return collect(polygonsOf(plain));
  return collect(polygonsOf(OverlayOp.overlayOp(onGrid(one), onGrid(other), OverlayOp.UNION)));
}

function attempt(work) {
  try {
    return work();
  } catch {
    // The overlay throws where edges all but coincide; on a grid they do coincide.
    return null;
  }
}

function cutPlainly(one, other) {
  const inside = attempt(() => OverlayOp.overlayOp(one, other, OverlayOp.INTERSECTION));
  const outside = attempt(() => OverlayOp.overlayOp(one, other, OverlayOp.DIFFERENCE));
  if (!inside || !outside) return null;
  if (Math.abs(one.getArea() - inside.getArea() - outside.getArea()) > TRUST_M2) return null;
  return { inside: collect(polygonsOf(inside)), outside: collect(polygonsOf(outside)) };
}

function cutOnGrid(one, other) {
  const [a, b] = [onGrid(one), onGrid(other)];
  const laid = (operation) => collect(polygonsOf(OverlayOp.overlayOp(a, b, operation)));
  return { inside: laid(OverlayOp.INTERSECTION), outside: laid(OverlayOp.DIFFERENCE) };
}

function onGrid(shape) {
  return jsts.precision.GeometryPrecisionReducer.reduce(shape, new jsts.geom.PrecisionModel(GRID));
}

// What is wrong with a shape, or null: {crosses, at: [x, y]}.
export function faultOf(shape) {
  const error = new jsts.operation.valid.IsValidOp(shape).getValidationError();
  if (!error) return null;
  const at = error.getCoordinate();
  return { crosses: /self-intersection/i.test(error.getMessage()), at: at ? [at.x, at.y] : null };
}

// How far a corner lies beyond a shape at most, in m.
export function reachBeyond(shape, ground) {
  const locator = new jsts.algorithm.locate.IndexedPointInAreaLocator(ground);
  const { EXTERIOR } = jsts.geom.Location;
  return shape.getCoordinates().reduce((most, corner) => {
    if (locator.locate(corner) !== EXTERIOR) return most;
    const point = factory.createPoint(corner);
    return Math.max(most, jsts.operation.distance.DistanceOp.distance(point, ground));
  }, 0);
}

// How far a place is from a shape, in m; nothing within it.
export function distanceTo(shape, [x, y]) {
  return jsts.operation.distance.DistanceOp.distance(factory.createPoint(new jsts.geom.Coordinate(x, y)), shape);
}

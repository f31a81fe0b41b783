// Geometry on the phone and at the desk, with the server's numbers. No page is touched here.

import { groundOf, planeOf } from "./ground.js";
import { areaOf, cut, distanceTo, sigmaOf } from "./planar.js";

export { difference, merge, split } from "./cutting.js";
export { fromGcj02, inChina, judgeShift, toGcj02 } from "./datum.js";
export { LIMITS, faults } from "./faults.js";
export { overlaps } from "./overlapping.js";
export { openSurvey } from "./projection.js";

// Area in m2 of the survey CRS and its uncertainty, two standard deviations (DOMAIN 13).
// Where the projection is not the server's there is none: both are null.
export function measure(geometry, rms, survey) {
  if (!survey.isExact) return { area_m2: null, uncertainty_m2: null };
  const shape = planeOf(survey).read(geometry);
  return { area_m2: areaOf(shape), uncertainty_m2: 2 * sigmaOf(shape, rms) };
}

// Whether a place [lng, lat] lies in the community or at most so many metres outside; null where
// its boundary is not known.
export function liesNear(place, metres, bundle, survey) {
  const { boundary, plane } = groundOf(bundle, survey);
  return boundary && distanceTo(boundary, plane.into(place)) <= metres;
}

// The households of a bundle by how far the nearest of their parcels is from a place [lng, lat],
// those that are as near by their number.
export function householdsNear(place, bundle, survey) {
  const { parcels, plane } = groundOf(bundle, survey);
  const at = plane.into(place);
  const away = new Map();
  for (const { parcel, shape } of parcels.filter((one) => one.parcel.households?.length)) {
    const far = distanceTo(shape, at);
    for (const ref of parcel.households) away.set(ref, Math.min(far, away.get(ref) ?? Infinity));
  }
  return [...away.keys()].sort((one, other) => away.get(one) - away.get(other) || byNumber(one, other));
}

export const byNumber = (one, other) => one.localeCompare(other, undefined, { numeric: true });

// What two outlines have in common, in m2 of the survey CRS.
export function sharedArea(one, other, survey) {
  const plane = planeOf(survey);
  return areaOf(cut(plane.read(one), plane.read(other)).inside);
}

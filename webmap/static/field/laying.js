// Lays one outline over parcels as gis/encroachment.py's flag does for one target: slivers are
// dropped before ground is shared out, ground under several claims belongs to the first of
// them, and what stands already is taken away before anything is judged.

import { areaOf, collect, cut, interiorsMeet, intersects, judge, polygonsOf } from "./planar.js";

export const NEVER = 0;
export const UNKNOWN = 1;
export const COMMON = 2;

// What an overlap with a parcel may lead to (DOMAIN, product rule 1).
export function accusationOf(parcel) {
  if (parcel.kind !== "public_green" || parcel.title_basis === "individual") return NEVER;
  return parcel.title_basis === "unknown" || parcel.title_disputed ? UNKNOWN : COMMON;
}

// `target` and each of `earlier` are {shape, rms}, the earlier in the order in which they
// were seen; `parcels` are {shape, rms, accusation} in the order of their identifiers; `taken`
// are shapes. Returns {claims, slivers}, each {parcel, shape, area, sigma, accusation}, where
// `parcel` is the place in `parcels`.
export function layOver(target, earlier, parcels, taken, tolerances) {
  const mine = claimsOf(target, parcels, taken, tolerances);
  const before = earlier
    .filter((one) => intersects(one.shape, target.shape))
    .flatMap((one) => claimsOf(one, parcels, taken, tolerances).claims);
  const claims = [];
  mine.claims.forEach((claim, at) => {
    const left = shareOut(claim, [...before, ...mine.claims.slice(0, at)], tolerances);
    if (left.area > 0) claims.push(left);
  });
  return { claims, slivers: mine.slivers };
}

function claimsOf(seen, parcels, taken, tolerances) {
  const met = parcels
    .map((parcel, at) => ({ ...parcel, at }))
    .filter((parcel) => intersects(parcel.shape, seen.shape));
  // An outline on ground that never accuses takes nothing from another's.
  if (met.every((parcel) => parcel.accusation === NEVER)) return { claims: [], slivers: [] };
  met.sort((one, other) => one.accusation - other.accusation || one.at - other.at);
  const claims = [];
  const slivers = [];
  for (const parcel of met) {
    const rms = Math.hypot(seen.rms, parcel.rms);
    const raw = without(cut(seen.shape, parcel.shape).inside, taken, tolerances);
    const judged = polygonsOf(raw).map((part) => judge(part, rms, tolerances));
    const about = { parcel: parcel.at, accusation: parcel.accusation, rms };
    const kept = judged.filter((one) => !one.isSliver);
    if (kept.length) claims.push({ ...about, ...summed(kept) });
    if (parcel.accusation === NEVER) continue;
    for (const one of judged.filter((part) => part.isSliver && !part.isNoise)) {
      slivers.push({ ...about, ...summed([one]) });
    }
  }
  return { claims, slivers };
}

function summed(judged) {
  return {
    shape: collect(judged.map((one) => one.part)),
    area: judged.reduce((sum, one) => sum + one.area, 0),
    sigma: Math.hypot(...judged.map((one) => one.sigma)),
  };
}

function without(shape, taken, tolerances) {
  return taken.reduce((left, other) => {
    if (!left || !interiorsMeet(left, other, tolerances.noise_m)) return left;
    const { inside, outside } = cut(left, other);
    return areaOf(inside) > tolerances.noise_m2 ? outside : left;
  }, shape);
}

// A claim loses the whole of each earlier claim that overlaps it, whatever that one has lost
// itself: what the earlier lost, a still earlier one has. What is left is judged no more,
// except that the rounding of coordinates goes.
function shareOut(claim, earlier, tolerances) {
  let left = claim.shape;
  let isCut = false;
  for (const other of earlier) {
    if (!left || !interiorsMeet(claim.shape, other.shape, tolerances.noise_m)) continue;
    if (areaOf(cut(claim.shape, other.shape).inside) <= tolerances.noise_m2) continue;
    isCut = true;
    left = cut(left, other.shape).outside;
  }
  if (!isCut) return claim;
  const judged = polygonsOf(left).map((part) => judge(part, claim.rms, tolerances));
  const real = judged.filter((one) => !one.isNoise);
  return real.length ? { ...claim, ...summed(real) } : { ...claim, shape: null, area: 0, sigma: 0 };
}

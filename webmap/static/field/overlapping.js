// What an outline takes of the common green, as the server would flag it.

import { groundOf } from "./ground.js";
import { UNKNOWN, layOver } from "./laying.js";

// Returns [{parcel, ref, kind, occupied_m2, uncertainty_m2, geometry, isSliver}]: kind is
// "green", "unknown_title" (its title is unknown or disputed, so that it accuses nobody),
// "again" (cleared once and taken again) or "sliver" (survey noise, which takes nothing).
// `seen` may say {observed_on, corrects: the id of the observation that this one replaces}.
export function overlaps(geometry, rms, bundle, survey, seen = {}) {
  if (!survey.isExact) return [];
  const ground = groundOf(bundle, survey);
  const target = { shape: ground.plane.read(geometry), rms };
  return found(ground, target, seen).map(({ parcel, kind, claim }) => ({
    parcel: parcel.id,
    ref: parcel.ref,
    kind,
    occupied_m2: claim.area,
    uncertainty_m2: 2 * claim.sigma,
    geometry: ground.plane.write(claim.shape),
    isSliver: kind === "sliver",
  }));
}

export function found(ground, target, seen) {
  const earlier = ground.observations.filter(({ seen: other }) => isEarlier(other, seen));
  const standing = ground.standing.filter(({ of }) => !isReplaced(of, seen)).map((one) => one.shape);
  const freed = ground.cleared.map((one) => one.shape);
  const taken = [...standing, ...freed];
  const laid = layOver(target, earlier, ground.parcels, taken, ground.tolerances);
  const named = (claim, kind) => ({ parcel: ground.parcels[claim.parcel].parcel, kind, claim });
  return [
    ...laid.claims.filter((claim) => claim.accusation > 0)
      .map((claim) => named(claim, claim.accusation === UNKNOWN ? "unknown_title" : "green")),
    ...takenAgain(ground, target, earlier, standing, seen),
    ...laid.slivers.map((claim) => named(claim, "sliver")),
  ];
}

// Ground is whoever's that was seen first, within a day whoever's that was entered first. What is
// new is entered after all others.
export function isEarlier(other, { observed_on: day, entered = Infinity, corrects }) {
  if (other.id === corrects) return false;
  return !day || other.observed_on < day || (other.observed_on === day && !(other.entered >= entered));
}

// What the corrected observation had verified and still holds ends with it.
function isReplaced(encroachment, { corrects }) {
  return Boolean(corrects) && encroachment.observation === corrects && !encroachment.cleared_on;
}

// Each clearance stands for a parcel; what was seen on its day or earlier is no rebound.
function takenAgain(ground, target, earlier, standing, { observed_on: day }) {
  const days = [...new Set(ground.cleared.map((one) => one.of.cleared_on))].sort();
  return days.filter((one) => !day || day > one).flatMap((one) => {
    const freed = ground.cleared.filter((other) => other.of.cleared_on === one);
    const after = earlier.filter((other) => other.seen.observed_on > one);
    const { claims } = layOver(target, after, freed, standing, ground.tolerances);
    return claims.map((claim) => ({ parcel: parcelOf(ground, freed[claim.parcel]), kind: "again", claim }));
  });
}

function parcelOf(ground, freed) {
  const known = ground.parcels.find(({ parcel }) => parcel.id === freed.of.parcel);
  return known ? known.parcel : { id: freed.of.parcel, ref: "" };
}

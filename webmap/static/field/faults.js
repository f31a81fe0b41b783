// What speaks against an outline, before anything is sent. What stops could never become an
// observation; what warns is for the person to judge. gis/outline.py says the same in Python.

import { groundOf, sharedParts } from "./ground.js";
import { NEVER } from "./laying.js";
import { found } from "./overlapping.js";
import { cut, faultOf, judge, polygonsOf, reachBeyond, toPlane } from "./planar.js";

export const LIMITS = { corners: 10000, reach_m: 5, gate_m: 3 };

const stops = (code, more = {}) => ({ code, severity: "stops", ...more });
const warns = (code, more = {}) => ({ code, severity: "warns", ...more });

// `context` is {bundle, survey, rms_m, observed_on, corrects, limits}; places are [lng, lat].
// `pieces()` may give what overlaps() said already, which costs the most. Returns
// [{code, severity, place?, with?: id}], what stops first.
export function faults(geometry, context) {
  const limits = { ...LIMITS, ...context.limits };
  const broken = shapeFaults(geometry, context, limits);
  if (broken.length || !context.survey.isExact) return broken;
  const ground = groundOf(context.bundle, context.survey);
  const target = { shape: ground.plane.read(geometry), rms: context.rms_m };
  return [
    ...placeFaults(target, ground, limits),
    ...accuracyFaults(target, ground, limits),
    ...neighbourFaults(target, ground, context),
    ...greenFaults(target, ground, context),
  ];
}

function ringsOf(geometry) {
  return geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : geometry.coordinates;
}

// A ring needs three different corners before anything else can be said of it.
function shapeFaults(geometry, { survey, bundle }, limits) {
  const rings = ringsOf(geometry);
  const corners = rings.reduce((sum, ring) => sum + ring.length, 0);
  if (corners > limits.corners) return [stops("too_many_corners")];
  if (!rings.length || rings.some((ring) => new Set(ring.map(String)).size < 3)) {
    return [stops("too_few_corners")];
  }
  if (!survey.isExact) return [warns("projection_off")];
  const { plane } = groundOf(bundle, survey);
  // The server stores degrees and measures metres: a corner that all but touches may cross in one
  // of them alone.
  const stored = faultOf(toPlane(geometry, (corner) => corner));
  const fault = stored || faultOf(plane.read(geometry));
  if (!fault) return [];
  const place = fault.at ? { place: stored ? fault.at : plane.out(fault.at) } : {};
  return [stops(fault.crosses ? "self_crossing" : "broken_outline", place)];
}

function placeFaults({ shape }, { boundary }, limits) {
  if (!boundary || reachBeyond(shape, boundary) <= limits.reach_m) return [];
  return [stops("outside_community")];
}

function accuracyFaults({ shape, rms }, { tolerances }, limits) {
  const isLost = polygonsOf(shape).every((part) => judge(part, rms, tolerances).isSliver);
  if (isLost) return [stops("within_accuracy")];
  return rms > limits.gate_m ? [warns("poor_accuracy")] : [];
}

function neighbourFaults({ shape, rms }, { observations, waiting, tolerances }, { corrects }) {
  const overlaps = (other) =>
    sharedParts(shape, other.shape, (part) => judge(part, Math.hypot(rms, other.rms), tolerances)).length;
  return [
    ...observations.filter((one) => one.seen.id !== corrects && overlaps(one))
      .map((one) => warns("overlaps_observation", { with: one.seen.id })),
    ...waiting.filter(overlaps).map((one) => warns("overlaps_waiting", { with: one.id })),
  ];
}

function greenFaults(target, ground, context) {
  const all = context.pieces ? context.pieces() : found(ground, target, context);
  const laid = all.filter((one) => one.kind !== "sliver");
  const unknown = laid.some((one) => one.kind === "unknown_title") ? [warns("unknown_title")] : [];
  if (laid.length) return unknown;
  if (liesOnGreen(target, ground)) return [warns("nothing_new")];
  return [warns(all.length ? "only_slivers" : "no_public_green")];
}

// Whether anything of an outline but slivers lies on green, whoever stands there already.
function liesOnGreen({ shape, rms }, { parcels, tolerances }) {
  return parcels.filter((parcel) => parcel.accusation !== NEVER).some((parcel) =>
    polygonsOf(cut(shape, parcel.shape).inside)
      .some((part) => !judge(part, Math.hypot(rms, parcel.rms), tolerances).isSliver));
}


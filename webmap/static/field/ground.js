// What a bundle says of the ground, in the plane of the survey, made once for each bundle.

import { COMMON, accusationOf } from "./laying.js";
import { cut, fromPlane, polygonsOf, toPlane } from "./planar.js";

export const DEFAULT_TOLERANCES = {
  width_factor: 2, sigma_factor: 2, noise_m: 1e-6, noise_m2: 1e-6, wall_strip_m: 1,
};

const known = new WeakMap();

// Where a survey's plane begins is taken off each coordinate, and put back on the way out.
export function planeOf(survey) {
  const [x0, y0] = survey.origin;
  return {
    into(place) {
      const [x, y] = survey.toSurvey(place);
      return [x - x0, y - y0];
    },
    out([x, y]) {
      const [longitude, latitude] = survey.toStorage([x + x0, y + y0]);
      return [longitude, latitude];
    },
    read(geometry) {
      return toPlane(geometry, this.into);
    },
    write(shape) {
      return shape && fromPlane(shape, this.out);
    },
  };
}

export function groundOf(bundle, survey) {
  const found = known.get(bundle);
  if (found && found.survey === survey) return found;
  const made = { survey, ...prepare(bundle, planeOf(survey)) };
  known.set(bundle, made);
  return made;
}

function prepare(bundle, plane) {
  const tolerances = { ...DEFAULT_TOLERANCES, ...bundle.tolerances };
  const byId = (one, other) => (one.id < other.id ? -1 : Number(one.id > other.id));
  const parcels = [...bundle.parcels].sort(byId).map((parcel) => ({
    parcel, shape: plane.read(parcel.geometry), rms: parcel.rms_m, accusation: accusationOf(parcel),
  }));
  const observations = bundle.observations.filter(accuses).map((seen) => ({
    seen, shape: plane.read(seen.geometry), rms: seen.rms_m,
  }));
  observations.sort((one, other) =>
    compare(one.seen.observed_on, other.seen.observed_on) || byId(one.seen, other.seen));
  return {
    plane,
    tolerances,
    parcels,
    observations,
    boundary: bundle.boundary ? plane.read(bundle.boundary) : null,
    waiting: (bundle.waiting || []).filter((one) => one.geometry).map((one) => ({
      id: one.id, shape: plane.read(one.geometry), rms: one.rms_m ?? bundle.sketch_rms_m ?? 0.3,
    })),
    ...stood(bundle, plane),
  };
}

// A residual measures and "nothing here" covers: neither accuses.
function accuses(seen) {
  return seen.geometry && seen.purpose !== "residual" && seen.structure_type !== "none";
}

function compare(one, other) {
  return one < other ? -1 : Number(one > other);
}

// What was verified and stands is somebody's; what was cleared may be taken again.
function stood(bundle, plane) {
  const rms = new Map(bundle.observations.map((seen) => [seen.id, seen.rms_m]));
  const verified = (bundle.encroachments || []).filter((one) => one.verified_on);
  const standing = verified.filter((one) => one.geometry).map((one) => ({
    of: one, shape: plane.read(one.geometry),
  }));
  const cleared = verified.filter((one) => one.cleared && one.cleared_on).map((one) => ({
    of: one,
    shape: plane.read(one.cleared),
    rms: one.rms_m ?? rms.get(one.observation) ?? bundle.sketch_rms_m ?? 0.3,
    accusation: COMMON,
  }));
  return { standing, cleared };
}

// The parts of two shapes' common ground that are no slivers.
export function sharedParts(one, other, judgePart) {
  return polygonsOf(cut(one, other).inside).map(judgePart).filter((part) => !part.isSliver);
}

// The rows of all layers as they were read, and what the geometry modules need of them.

import { openSurvey } from "../field/geometry.js";
import { readRows } from "./server.js";
import { config } from "./words.js";

export const LAYERS = ["parcels", "observations", "sites"];
export const survey = openSurvey(config.survey);

// How far two points lie apart, in metres of the survey CRS.
export function metresBetween(one, other) {
  const [[x0, y0], [x, y]] = [one, other].map((point) => survey.toSurvey(point.coordinates));
  return Math.hypot(x - x0, y - y0);
}

export function createRows() {
  const known = { parcels: new Map(), observations: new Map(), sites: new Map() };
  let bundle = null;
  let whole = true;
  return {
    known,
    of: (layer) => known[layer],
    get isWhole() { return whole; },
    async read(layers = LAYERS) {
      const answers = await Promise.all(layers.map(readRows));
      answers.forEach((answer) => {
        known[answer.layer] = new Map(answer.features.map((one) => [one.id, one]));
        whole = whole && answer.is_whole;
      });
      bundle = null;
    },
    // What an outline is laid over, as a phone's bundle holds it.
    get bundle() {
      bundle ||= {
        tolerances: config.tolerances,
        boundary: config.boundary,
        sketch_rms_m: config.sketch_rms_m,
        parcels: [...known.parcels.values()].map(flat),
        observations: [...known.observations.values()].map(flat),
        encroachments: config.encroachments,
      };
      return bundle;
    },
  };
}

function flat(one) {
  return { ...one.attributes, id: one.id, ref: one.ref, rms_m: one.rms_m, geometry: one.geometry };
}

// The rows of all layers as they were read, and what the geometry modules need of them.
//
// A layer of one page is read whole. Of a larger one the rows around the view are read, once
// the map is near enough; those that are chosen or changed stay.

import { openSurvey } from "../field/geometry.js";
import { readPage, rowsAddress } from "./server.js";
import { config } from "./words.js";

export const LAYERS = ["parcels", "observations", "sites"];
export const survey = openSurvey(config.survey);
// From here on a page of rows is about what a view holds of a compound.
export const ROWS_FROM_ZOOM = 17;
const MOST_PAGES = 3;
// So much more than the view is read to each side, so that small steps need nothing new.
const AROUND = 0.25;

// How far two points lie apart, in metres of the survey CRS.
export function metresBetween(one, other) {
  const [[x0, y0], [x, y]] = [one, other].map((point) => survey.toSurvey(point.coordinates));
  return Math.hypot(x - x0, y - y0);
}

// `held()` are rows that stay, whatever is in view.
export function createRows({ held }) {
  const known = { parcels: new Map(), observations: new Map(), sites: new Map() };
  const large = new Set();
  const crowded = new Set();
  let bundle = null;
  let box = null;
  let turn = 0;

  function keep(layer, rows) {
    known[layer] = new Map(rows.map((one) => [one.id, one]));
    bundle = null;
  }

  async function readWhole(layer) {
    const answer = await readPage(rowsAddress(layer));
    if (answer.next) large.add(layer);
    else keep(layer, answer.features);
  }

  async function readIn(layer, around) {
    const bbox = around.toBBoxString();
    let answer = await readPage(rowsAddress(layer, { bbox }));
    const rows = [...answer.features];
    for (let page = 1; answer.next && page < MOST_PAGES; page += 1) {
      answer = await readPage(answer.next);
      rows.push(...answer.features);
    }
    return { rows, isCrowded: Boolean(answer.next) };
  }

  // Reads what large layers have in view; resolves to whether anything was read.
  async function view(map, alsoIn = null) {
    if (!large.size) return false;
    const bounds = map.getBounds();
    if (alsoIn) bounds.extend(alsoIn);
    const isNear = map.getZoom() >= ROWS_FROM_ZOOM;
    if (isNear ? box?.contains(bounds) && !crowded.size : !box) return false;
    turn += 1;
    const mine = turn;
    const around = bounds.pad(AROUND);
    const layers = [...large];
    const read = isNear ? await Promise.all(layers.map((layer) => readIn(layer, around))) : layers.map(() => ({ rows: [] }));
    // The map has gone on since.
    if (mine !== turn) return false;
    box = isNear ? around : null;
    crowded.clear();
    layers.forEach((layer, at) => {
      keep(layer, [...held(layer), ...read[at].rows]);
      if (read[at].isCrowded) crowded.add(layer);
    });
    return true;
  }

  return {
    known,
    of: (layer) => known[layer],
    isLarge: (layer) => large.has(layer),
    get large() { return LAYERS.filter((one) => large.has(one)); },
    get crowded() { return LAYERS.filter((one) => crowded.has(one)); },
    view,
    // Reads everything anew: what is small whole, what is large around the view.
    async read(map) {
      await Promise.all(LAYERS.filter((one) => !large.has(one)).map(readWhole));
      box = null;
      for (const layer of large) keep(layer, held(layer));
      await view(map);
    },
    // The rows of a large layer whose number begins so, wherever they lie.
    find: async (layer, ref) => (await readPage(rowsAddress(layer, { ref, limit: 50 }))).features,
    // Whether all that an outline could lie on is known, so that what is not found is not there.
    covers: (bounds) => !["parcels", "observations"].some((one) => large.has(one)) || Boolean(box?.contains(bounds) && !crowded.size),
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
  return { ...one.attributes, id: one.id, ref: one.ref, rms_m: one.rms_m, entered: one.entered, geometry: one.geometry };
}

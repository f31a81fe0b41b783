// What a draft lacks before it may be sent, and what its inspector should think about.
import { metresBetween } from "./places.js";

// Nobody sees from farther away what stands on a green.
const FAR_M = 150;

// What stops; what the geometry lacks is for the geometry to say.
export function lacks(draft) {
  const found = draft.kind === "clear"
    ? [!draft.household && "no_household", !draft.position && "no_position"]
    : [!draft.geometry && "no_outline", !draft.structure_types.length && "no_structure"];
  return found.filter(Boolean).map((code) => ({ code, severity: "stops" }));
}

// What only warns. A photograph is asked for late: nobody takes one before the outline.
export function doubts({ draft, where, words, photographs, isLate }) {
  const warns = (code, values) => ({ code, severity: "warns", values });
  const away = distance(draft, where);
  const isBare = isLate && draft.kind === "enclosure" && draft.geometry && !photographs;
  return [
    where.problem === "shifted" && warns("shifted_position"),
    away > FAR_M && warns("far_away", { n: words.number(away) }),
    isBare && warns("no_photograph"),
  ].filter(Boolean);
}

// In a large community shifted positions lie inside it too; they are far from what is drawn.
function distance({ geometry }, { fix, problem }) {
  if (!fix || problem || !geometry || fix.accuracy_m > FAR_M) return 0;
  const corners = geometry.coordinates.flat(geometry.type === "MultiPolygon" ? 2 : 1);
  return Math.min(...corners.map((corner) => metresBetween(corner, [fix.longitude, fix.latitude])));
}

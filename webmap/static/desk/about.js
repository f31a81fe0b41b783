// What is said of chosen rows: their facts, and what another outline of them undoes.

import { make } from "../field/dom.js";
import { area, sure, word } from "./words.js";

export const isPoint = (one) => one.geometry.type === "Point";

// How large a row is; a pile that is a point has heads instead.
export function sizeOf(one) {
  return isPoint(one) ? word("desk.heads.n", { n: one.attributes.heads }) : area(one.area_m2);
}

export function aboutRow(found) {
  const { attributes } = found;
  const lines = [];
  if (attributes.state) lines.push([word("desk.kind"), `${word(`kind.${attributes.kind}`)}, ${word(`siteState.${attributes.state}`)}`]);
  if (!isPoint(found)) lines.push([word("desk.area"), `${area(found.area_m2)} ± ${sure(found.uncertainty_m2)}`]);
  if (attributes.heads) lines.push([word("desk.heads"), attributes.heads]);
  if (attributes.power_w) lines.push([word("desk.power"), attributes.power_w]);
  if (found.building) lines.push([word("desk.faces"), found.building]);
  if (found.households.length) lines.push([word("desk.households"), word.list(found.households)]);
  if (found.rms_m !== null) lines.push([word("desk.rms"), sure(found.rms_m)]);
  if (attributes.observed_on) lines.push([word("desk.observed_on"), attributes.observed_on]);
  if (attributes.title_basis) lines.push([word("desk.title_basis"), word(`title.${attributes.title_basis}`)]);
  for (const name of ["title_evidence", "source"]) if (attributes[name]) lines.push([word(`desk.${name}`), attributes[name]]);
  return [make("h2", {}, found.ref), make("dl", { class: "desk-about" }, lines.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]))];
}

// What an outline undoes is said before it is drawn, and asked again before it is kept.
export function warning(rows) {
  const verified = rows.reduce((sum, it) => sum + it.verified_m2, 0);
  return verified ? make("p", { class: "desk-warning", role: "note" }, word("desk.verified", { m2: area(verified) })) : null;
}

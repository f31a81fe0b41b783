// What is said of an outline at once: its area, what it takes of public green, what speaks
// against it. What stops sending and what only warns are two lists.
import { fill, make } from "./dom.js";
import { faults, measure, overlaps } from "./geometry.js";
import { icon } from "./icons.js";

const KINDS = ["green", "again", "unknown_title"];

// Returns {area_m2, uncertainty_m2, pieces, faults, greens: [{kind, m2, uncertainty_m2}]}.
export function judgeOutline(geometry, { bundle, survey, rms_m: rms, observed_on, corrects }) {
  if (!geometry) return { area_m2: null, uncertainty_m2: null, pieces: [], faults: [], greens: [] };
  let pieces = [];
  const taken = () => {
    pieces = overlaps(geometry, rms, bundle, survey, { observed_on, corrects });
    return pieces;
  };
  const found = faults(geometry, { bundle, survey, rms_m: rms, observed_on, corrects, pieces: taken });
  const isBroken = found.some(({ code }) => ["too_few_corners", "too_many_corners", "self_crossing", "broken_outline", "projection_off"].includes(code));
  if (isBroken) return { area_m2: null, uncertainty_m2: null, pieces: [], faults: found, greens: [] };
  return { ...measure(geometry, rms, survey), pieces, faults: found, greens: greensOf(pieces) };
}

function greensOf(pieces) {
  return KINDS.map((kind) => {
    const rows = pieces.filter((one) => one.kind === kind);
    return {
      kind,
      m2: rows.reduce((sum, one) => sum + one.occupied_m2, 0),
      uncertainty_m2: Math.hypot(...rows.map((one) => one.uncertainty_m2)),
      refs: rows.map((one) => one.ref).filter(Boolean),
    };
  }).filter(({ refs, m2 }) => m2 > 0 || refs.length);
}

export function withUncertainty(words, m2, uncertainty) {
  return [
    make("strong", {}, words.number(m2, 1)), " m² ",
    make("span", { class: "mark-uncertainty" }, `± ${words.number(uncertainty, 1)}`),
  ];
}

export function createFigures(words) {
  const area = make("p", { class: "mark-area" });
  const greens = make("ul", { class: "mark-greens" });
  const box = make("div", { class: "mark-figures", "aria-live": "polite" }, area, greens);
  let said = "";
  return {
    box,
    show(judged, hint) {
      // What has not changed is not read out again.
      const saying = JSON.stringify([judged.area_m2, judged.greens, hint]);
      if (saying === said) return;
      said = saying;
      fill(area, judged.area_m2 === null ? make("span", { class: "mark-hint" }, hint) : withUncertainty(words, judged.area_m2, judged.uncertainty_m2));
      fill(greens, judged.greens.map((one) => make("li", { class: `mark-green is-${one.kind}` },
        make("span", { class: "mark-swatch" }),
        make("span", {}, words(`mark.take.${one.kind}`), " ", make("b", {}, words.number(one.m2, 1)), ` m² ± ${words.number(one.uncertainty_m2, 1)}`))));
    },
  };
}

// `list` holds {code, severity, with?}; onShow(fault) leads to the place of one that has it.
export function createFaults(words, onShow) {
  const box = make("div", { class: "mark-faults", role: "status", tabindex: "0", "aria-label": words("mark.faults") });
  const row = (fault) => {
    const isStop = fault.severity === "stops";
    const text = [icon(isStop ? "stop" : "warn"), make("span", {}, words(`mark.fault.${fault.code}`, fault.values || {}))];
    if (!fault.place) return make("li", { class: isStop ? "is-stop" : "is-warn", "data-code": fault.code }, text);
    return make("li", { class: isStop ? "is-stop" : "is-warn", "data-code": fault.code },
      make("button", { type: "button", onclick: () => onShow(fault) }, text));
  };
  let said = "";
  const list = (title, rows) => rows.length && [make("h3", {}, title), make("ul", {}, rows.map(row))];
  return {
    box,
    show(all) {
      const saying = JSON.stringify(all);
      if (saying === said) return;
      said = saying;
      const stops = all.filter((one) => one.severity === "stops");
      const warns = all.filter((one) => one.severity !== "stops");
      fill(box, list(words("mark.stops"), stops) || null, list(words("mark.warns"), warns) || null);
      box.hidden = !all.length;
    },
  };
}

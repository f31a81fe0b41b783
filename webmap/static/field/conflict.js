// Two outlines of one enclosure: the inspector's and the one that came to the office meanwhile.
// Both are shown over each other; nothing is chosen for anybody.
import { fill, make } from "./dom.js";
import { openSurvey, sharedArea } from "./geometry.js";
import { icon } from "./icons.js";
import { LOOKS, MAX_ZOOM, keepSize, markPatterns } from "./markmap.js";

const MINE = { color: "#0057b8", weight: 4, fillColor: "#0057b8", fillOpacity: 0.22 };
const THEIRS = { color: "#b8440c", weight: 4, dashArray: "9 6", fillColor: "url(#mark-theirs)", fillOpacity: 1 };
const CHOICES = ["mine", "theirs", "both"];

// `draft.now` is what the server answered; choose("mine" | "theirs" | "both") hears the choice.
export function mountConflict(root, { bundle, draft, words, choose }) {
  const theirs = draft.now;
  const survey = openSurvey(bundle.survey);
  const mapBox = make("div", { class: "mark-map", tabindex: "0", role: "application", "aria-label": words("mark.conflict.map") });
  const said = { mine: words("mark.conflict.chooseMine"), theirs: words("mark.conflict.chooseTheirs"), both: words("mark.conflict.chooseBoth") };
  const why = { mine: words("mark.conflict.chooseMineWhy"), theirs: words("mark.conflict.chooseTheirsWhy"), both: words("mark.conflict.chooseBothWhy") };
  fill(root, make("div", { class: "mark mark-conflict" }, markPatterns(),
    make("div", { class: "mark-stage" }, mapBox,
      make("header", { class: "mark-top" }, make("button", { type: "button", class: "mark-square", "aria-label": words("mark.back"), onclick: () => history.back() }, icon("back")))),
    make("section", { class: "mark-sheet", "aria-label": words("mark.conflict.title", { ref: theirs.ref }) },
      make("div", { class: "mark-panels" },
        make("h1", { class: "mark-title" }, words("mark.conflict.title", { ref: theirs.ref })),
        make("p", { class: "mark-tip" }, words("mark.conflict.explain")),
        make("ul", { class: "mark-sides" },
          side("mine", words("mark.conflict.mine"), draft.phone_area_m2, "", draft.changed_at || draft.created_at, words),
          side("theirs", words("mark.conflict.theirs"), theirs.geometry && theirs.area_m2, theirs.by, theirs.observed_on, words)),
        make("p", { class: "mark-common" }, common(draft.geometry, theirs.geometry, survey, words)),
        make("div", { class: "mark-choices" }, CHOICES.map((name) => make("button", { type: "button", class: "mark-choice", "data-choice": name, onclick: () => choose(name) },
          make("b", {}, said[name]), make("span", {}, why[name]))))))));
  const map = drawBoth(mapBox, bundle, draft.geometry, theirs.geometry);
  return {
    unmount() {
      map.remove();
      fill(root);
    },
  };
}

function side(name, label, m2, who, when, words) {
  const area = m2 === null || m2 === undefined ? words("mark.conflict.noArea") : `${words.number(m2, 1)} m²`;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(when || "");
  const moment = when ? (isDay ? words.day(when) : words.moment(when)) : "";
  const about = who ? words("mark.conflict.by", { who, when: moment }) : moment;
  return make("li", {}, make("span", { class: `mark-swatch is-${name}` }), make("span", {}, make("b", {}, label), make("i", {}, area), make("small", {}, about)));
}

function common(mine, theirs, survey, words) {
  if (!theirs) return words("mark.conflict.gone");
  if (!mine || !survey.isExact) return "";
  return words("mark.conflict.common", { n: words.number(sharedArea(mine, theirs, survey), 1) });
}

function drawBoth(box, bundle, mine, theirs) {
  const map = L.map(box, { maxZoom: MAX_ZOOM, zoomControl: false, zoomSnap: 0.25, attributionControl: false });
  map.setView([37.4, 122.1], 15);
  L.control.scale({ imperial: false, position: "topleft" }).addTo(map);
  const quiet = (geometry, style) => L.geoJSON(geometry, { style, interactive: false }).addTo(map);
  bundle.parcels.forEach((one) => quiet(one.geometry, one.kind === "public_green" ? LOOKS.green : LOOKS.ground));
  bundle.buildings.filter((one) => one.geometry).forEach((one) => quiet(one.geometry, LOOKS.building));
  const both = [[theirs, THEIRS], [mine, MINE]].filter(([geometry]) => geometry)
    .map(([geometry, style]) => quiet(geometry, style));
  const bounds = both.reduce((all, one) => all.extend(one.getBounds()), L.latLngBounds([]));
  const sized = keepSize(map);
  if (bounds.isValid()) sized.soon(() => map.fitBounds(bounds, { padding: [36, 36], maxZoom: 22, animate: false }));
  map.on("unload", sized.stop);
  return map;
}

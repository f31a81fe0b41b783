// The marking screen: a map over the whole phone and a sheet that the thumb reaches.
import { createClearing } from "./clearing.js";
import { createDetails } from "./details.js";
import { fill, make } from "./dom.js";
import { createEvidence } from "./evidence.js";
import { householdsNear, liesNear, openSurvey } from "./geometry.js";
import { icon } from "./icons.js";
import { createFaults, createFigures, judgeOutline } from "./judging.js";
import { createMarkMap, markPatterns } from "./markmap.js";
import { createOutline } from "./outline.js";
import { sharePositions, watchPosition } from "./position.js";
import { doubts, lacks } from "./readiness.js";
import { createStage } from "./stage.js";

const PANELS = ["outline", "details", "evidence"];

// save(draft) keeps the draft and may answer a promise; done({ready}) leaves the screen, ready
// where it may be sent; camera(draft) opens the camera. `declared` is "gcj02" where the person
// said that this phone gives such positions.
export function mountMark(root, options) {
  const { bundle, words, save, done, camera, declared = "wgs84", photographs = [] } = options;
  const survey = openSurvey(bundle.survey);
  let draft = { structure_types: [], kind: "enclosure", ...options.draft };
  let judged = judgeOutline(null, {});
  let where = { fix: null, problem: null };
  let panel = "outline";
  let saving = Promise.resolve();
  let asked = false;
  let hasMoved = false;
  let frame = 0;
  const hasBoundary = Boolean(bundle.boundary) && survey.isExact;
  const isNear = hasBoundary ? (place, metres) => liesNear(place, metres, bundle, survey) : null;

  const stage = createStage(words, bundle.base_maps || [], { back: () => leave(false), map: () => marked });
  const { mapBox, cross, kept, title } = stage;
  const figures = createFigures(words);
  const faultList = createFaults(words, (fault) => marked.map.setView([fault.place[1], fault.place[0]], Math.max(21, marked.map.getZoom())));
  const panelBox = make("div", { class: "mark-panels" });
  const tabs = make("nav", { class: "mark-tabs", "aria-label": words("mark.steps") });
  const sheet = make("section", { class: "mark-sheet", "aria-label": words("mark.sheet") }, figures.box, faultList.box, panelBox, tabs);
  fill(root, make("div", { class: "mark" }, markPatterns(), stage.box, sheet));
  const marked = createMarkMap(mapBox, { bundle, words, onPick });

  const geolocation = sharePositions();
  const outline = createOutline({ words, bundle, marked, draft, isNear, declared, geolocation, changed, setMode });
  const details = createDetails({ words, draft: () => draft, change, households: touchedHouseholds });
  const clearing = createClearing({ words, bundle, draft: () => draft, change: changeClear, goBack: () => setMode("enclosure"), near: survey.isExact ? (place) => householdsNear(place, bundle, survey) : () => null });
  const evidence = createEvidence({ words, photographs, open: () => camera(draft) });
  const watch = watchPosition({ isNear, declared, geolocation, onChange: located });

  // Saves one after another, so that an older draft never comes to lie over a newer one.
  function keep() {
    const copy = structuredClone(draft);
    kept.textContent = words("mark.saving");
    saving = saving.then(() => save(copy)).then(
      () => { kept.textContent = words("mark.saved"); kept.classList.remove("is-bad"); },
      (error) => { kept.textContent = words(error?.name === "Elsewhere" ? "mark.elsewhere" : "mark.notSaved"); kept.classList.add("is-bad"); },
    );
  }

  function change(changes) {
    draft = { ...draft, ...changes };
    keep();
    show();
  }

  // While a corner is dragged the outline is judged once a frame, not once a touch.
  function changed(geometry, about) {
    cancelAnimationFrame(frame);
    if (about.isLive) frame = requestAnimationFrame(() => judge(geometry, about));
    else judge(geometry, about);
  }

  function judge(geometry, { isLive, ...source }) {
    const before = touchedHouseholds().join();
    judged = judgeOutline(geometry, {
      bundle, survey, rms_m: source.rms_m, observed_on: today(bundle.prepared_at), corrects: source.corrects?.id,
    });
    marked.showPieces(judged.pieces);
    mapBox.classList.toggle("has-outline", Boolean(geometry));
    if (!isLive) {
      draft = { ...draft, ...source, structure_types: standing(source), geometry, kind: "enclosure", phone_area_m2: rounded(judged.area_m2), position: spot(source.method) };
      keep();
    }
    if (before !== touchedHouseholds().join()) details.showOccupier();
    show();
  }

  // A correction begins with what was seen there before; nothing that was chosen is changed.
  function standing({ corrects }) {
    const before = corrects && bundle.observations.find((one) => one.id === corrects.id);
    return before && !draft.structure_types.length ? [before.structure_type] : draft.structure_types;
  }

  function changeClear(changes) {
    const picked = bundle.parcels.filter((one) => (one.households || []).includes(changes.household));
    marked.choose(picked.map((one) => one.id));
    change({ ...changes, kind: "clear", geometry: null, phone_area_m2: null, position: spot() });
  }

  // A position in shifted coordinates is named as such and never stored as survey data. Of a walk
  // the office judges it together with all other fixes.
  function spot(method = draft.method) {
    if (!where.fix) return draft.position || null;
    const { longitude, latitude, accuracy_m } = where.fix;
    const isShifted = declared === "gcj02" || (where.problem === "shifted" && method !== "walked");
    return { longitude, latitude, accuracy_m, datum: isShifted ? "gcj02" : "wgs84" };
  }

  function located(news) {
    const isFirst = !where.fix && news.fix && !news.problem;
    const wasFar = warnings().length;
    where = news;
    if (outline.mode !== "walk") marked.self.show(news.problem === "shifted" ? null : news.fix);
    // Whoever opens the page in the yard begins where they stand.
    if (isFirst && !hasMoved && !draft.geometry && isNear?.([news.fix.longitude, news.fix.latitude], 0)) marked.self.goTo(21);
    clearing.locate(news);
    if (warnings().length !== wasFar) show();
    if (draft.kind === "clear" && news.fix) {
      const had = Boolean(draft.position);
      draft = { ...draft, position: spot() };
      if (!had) keep();
      show();
    }
  }

  function onPick({ observation, parcel }) {
    if (observation && outline.isPicking) outline.correct(observation);
    else if (parcel && draft.kind === "clear") clearing.pickParcel(parcel);
  }

  function touchedHouseholds() {
    const touched = new Set(judged.pieces.filter((one) => !one.isSliver).map((one) => one.parcel));
    return bundle.parcels.filter((one) => touched.has(one.id)).flatMap((one) => one.households || []);
  }

  function setMode(mode) {
    if (mode === "clear") change({ kind: "clear", geometry: null, phone_area_m2: null, position: spot() });
    else if (mode === "enclosure") {
      marked.choose([]);
      change({ kind: "enclosure", household: null });
    }
    show();
  }

  function warnings() {
    return doubts({ draft, where, words, photographs: evidence.count, isLate: asked || panel !== "outline" });
  }

  function all() {
    const found = draft.kind === "clear" ? [] : judged.faults;
    return [...found.map(named), ...lacks(draft), ...warnings()];
  }

  function named(fault) {
    const other = fault.with && bundle.observations.find((one) => one.id === fault.with);
    return other ? { ...fault, values: { ref: other.ref } } : { ...fault, values: { ref: "" } };
  }

  function show() {
    const isClear = draft.kind === "clear";
    title.textContent = isClear ? words("mark.clearTitle") : words(draft.corrects ? "mark.titleCorrects" : "mark.title");
    figures.box.hidden = isClear;
    figures.show(judged, words(["idle", "pick"].includes(outline?.mode) ? "mark.hint.idle" : "mark.hint.draw"));
    cross.hidden = isClear || outline?.mode !== "draw" || !isAdding();
    // What is not begun is not missing yet: it is said when somebody wants to send.
    const found = all();
    const missed = new Set(lacks(draft).map(({ code }) => code));
    faultList.show(found.filter(({ code }) => asked || !missed.has(code)));
    showPanel(isClear);
    showTabs(isClear, found.filter((one) => one.severity === "stops").length);
  }

  function isAdding() {
    return mapBox.classList.contains("is-drawing");
  }

  function showPanel(isClear) {
    const wanted = isClear && panel !== "evidence" ? clearing.box : { outline: outline?.box, details: details?.box, evidence: evidence?.box }[panel];
    if (wanted && panelBox.firstChild !== wanted) {
      fill(panelBox, wanted);
      panelBox.scrollTop = 0;
    }
  }

  function showTabs(isClear, stops) {
    const names = isClear ? ["outline", "evidence"] : PANELS;
    const badge = (name) => (name === "evidence" && evidence?.count ? make("b", { class: "mark-badge" }, String(evidence.count)) : null);
    const glyphs = { outline: "shape", details: "list", evidence: "camera" };
    const focused = tabs.contains(document.activeElement) ? document.activeElement.dataset.panel : null;
    fill(tabs, names.map((name) => make("button", {
      type: "button", "data-panel": name, "aria-pressed": String(panel === name), onclick: () => open(name),
    }, icon(glyphs[name]), make("span", {}, words(isClear && name === "outline" ? "mark.tab.household" : `mark.tab.${name}`)), badge(name))),
    make("button", { type: "button", class: stops ? "mark-send is-held" : "mark-send", "data-panel": "send", onclick: send }, icon("send"), make("span", {}, words("mark.ready"))));
    if (focused) tabs.querySelector(`[data-panel=${focused}]`)?.focus();
  }

  // Below an open sheet the outline is brought into what is left of the map.
  function open(name) {
    panel = name;
    show();
    if (name !== "outline" && draft.geometry) marked.frame(draft.geometry, marked.map.getZoom());
  }

  function send() {
    asked = true;
    if (all().some((one) => one.severity === "stops")) {
      show();
      faultList.box.scrollIntoView({ block: "nearest" });
      return;
    }
    leave(true);
  }

  async function leave(ready) {
    if (ready) {
      draft = { ...draft, position: draft.position || spot() };
      keep();
    }
    await saving;
    done({ ready, draft });
  }

  clearing.show();
  marked.map.once("dragstart", () => { hasMoved = true; });
  if (draft.kind === "clear") outline.refresh();
  else outline.open();
  show();
  // In what the sheet leaves, now that all is said in it.
  marked.frame(draft.geometry, draft.corrects ? 22 : 21);
  return {
    // Resolves once all that was marked is kept, also after the screen was left.
    settled: () => saving,
    setPhotographs(list) {
      evidence.set(list);
      show();
    },
    unmount() {
      cancelAnimationFrame(frame);
      watch.stop();
      outline.leave();
      evidence.leave();
      marked.remove();
      fill(root);
    },
  };
}

// A phone's clock may be wrong by a year; it is never earlier than what the server prepared.
function today(prepared) {
  const now = new Date(Math.max(Date.now(), Date.parse(prepared) || 0));
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
}

function rounded(m2) {
  return m2 === null ? null : Math.round(m2 * 1000) / 1000;
}

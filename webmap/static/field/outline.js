// The panel of the outline: tapping corners, walking, correcting an earlier polygon; steps back
// and forth. It says what it is doing and offers only what can be done now.
import { createDrawing } from "./drawing.js";
import { fill, make } from "./dom.js";
import { icon } from "./icons.js";
import { createWalk } from "./walking.js";

// changed(geometry, {isLive, method, rms_m, fixes, corrects}) hears of every outline.
export function createOutline({ words, bundle, marked, draft, isNear, declared, geolocation, changed, setMode }) {
  const box = make("div", { class: "mark-panel mark-outline" });
  let mode = "idle";
  let about = { corners: 0, selected: null, isAdding: false };
  let walked = null;
  let source = { method: draft.method || "drawn", rms_m: draft.rms_m ?? null, fixes: draft.fixes || [], corrects: draft.corrects || null };

  const drawing = createDrawing(marked.map, {
    snap: marked.snap,
    words,
    pane: "drawn",
    onChange(geometry, news) {
      about = news;
      if (!news.isLive && news.touched) marked.reveal(news.touched);
      if (mode !== "walk") changed(geometry, { ...source, isLive: news.isLive });
      if (!news.isLive) show();
    },
  });
  const walk = createWalk({
    isNear, declared, geolocation,
    onChange(news) {
      const isLive = Boolean(walked) && walked.corners.length === news.corners.length;
      walked = news;
      marked.self.show(news.problem === "shifted" ? null : news.fix);
      marked.self.trail(news.corners);
      // Each new corner is kept: a phone may die on the way.
      changed(news.geometry, { ...walkSource(news), isLive });
      show();
    },
  });

  function sketched(more = {}) {
    return { method: "drawn", rms_m: bundle.sketch_rms_m, fixes: [], corrects: source.corrects, ...more };
  }

  function walkSource(news) {
    return { method: "walked", rms_m: news.rms_m ?? bundle.sketch_rms_m, fixes: news.fixes || [], corrects: source.corrects };
  }

  function enter(next) {
    mode = next;
    setMode(next);
    show();
  }

  function tap() {
    leaveWalk();
    source = sketched();
    mode = "draw";
    drawing.start();
    enter("draw");
  }

  function beginWalk() {
    source = { ...source, method: "walked" };
    drawing.stop();
    walked = null;
    enter("walk");
    walk.start();
  }

  function endWalk() {
    const found = walk.finish();
    marked.self.trail([]);
    if (!found.geometry) {
      enter("idle");
      changed(null, { ...sketched(), isLive: false });
      return;
    }
    source = walkSource(found);
    mode = "draw";
    drawing.startFrom(found.geometry);
    enter("draw");
    marked.frame(found.geometry, 22);
  }

  // An earlier polygon's corners are at best as good as the hand that moves them.
  function correct(observation) {
    source = sketched({
      method: "corrected",
      rms_m: Math.max(observation.rms_m ?? 0, bundle.sketch_rms_m),
      corrects: { id: observation.id, version: observation.version },
    });
    mode = "draw";
    drawing.startFrom(observation.geometry);
    enter("draw");
    marked.frame(observation.geometry, 22);
  }

  function leaveWalk() {
    walk.stop();
    marked.self.trail([]);
  }

  function restart() {
    leaveWalk();
    drawing.stop();
    source = { ...sketched(), corrects: null };
    about = { corners: 0, selected: null, isAdding: false };
    changed(null, { ...source, isLive: false });
    enter("idle");
  }

  const big = (name, label, onclick, more = {}) => make("button", { type: "button", class: "mark-tool", "data-tool": name, onclick, ...more }, icon(name), make("span", {}, label));
  const primary = (name, label, onclick, more = {}) => make("button", { type: "button", class: "mark-primary", onclick, ...more }, icon(name), make("span", {}, label));
  const second = (name, label, onclick, more = {}) => make("button", { type: "button", class: "mark-second", onclick, ...more }, icon(name), make("span", {}, label));

  function show() {
    const parts = { idle, draw: drawn, walk: walking, pick: picking }[mode];
    const at = document.activeElement && box.contains(document.activeElement) ? document.activeElement.textContent : null;
    fill(box, parts());
    if (at) [...box.querySelectorAll("button")].find((one) => one.textContent === at)?.focus();
  }

  function idle() {
    return [make("div", { class: "mark-tools" },
      big("tap", words("mark.tool.tap"), tap),
      big("walk", words("mark.tool.walk"), beginWalk),
      big("correct", words("mark.tool.correct"), () => enter("pick"), { disabled: !correctable().length })),
    make("button", { type: "button", class: "mark-second mark-wide", onclick: () => setMode("clear") }, icon("clear"), make("span", {}, words("mark.clear")))];
  }

  function steps() {
    return make("div", { class: "mark-steps-row" },
      second("undo", words("mark.undo"), () => drawing.undo(), { disabled: !drawing.canUndo }),
      second("redo", words("mark.redo"), () => drawing.redo(), { disabled: !drawing.canRedo }));
  }

  function drawn() {
    if (about.isAdding) {
      return [make("p", { class: "mark-tip" }, words("mark.tip.add")),
        make("div", { class: "mark-row" },
          primary("plus", words("mark.cornerHere"), () => drawing.addMiddle()),
          second("shape", words("mark.close"), () => drawing.finish(), { disabled: about.corners < 3 })),
        steps(), leave()];
    }
    if (about.selected) {
      return [make("p", { class: "mark-tip" }, words("mark.tip.chosen")),
        make("div", { class: "mark-row" },
          second("remove", words("mark.removeCorner"), () => drawing.removeSelected()),
          second("close", words("mark.leaveCorner"), () => drawing.select(null))),
        steps()];
    }
    return [make("p", { class: "mark-tip" }, words("mark.tip.edit")), steps(), checked(), leave()];
  }

  // A walk is as good as its fixes, until a person has set its corners by what the map shows.
  function checked() {
    const take = () => {
      source = { ...source, method: "drawn", rms_m: bundle.sketch_rms_m };
      changed(drawing.geometry(), { ...source, isLive: false });
      show();
    };
    return source.method === "walked" ? second("shape", words("mark.checked"), take) : null;
  }

  function leave() {
    return make("div", { class: "mark-steps-row" },
      about.isAdding ? null : second("plus", words("mark.moreCorners"), () => drawing.resume()),
      // What was drawn comes back by a step; whoever has drawn nothing may take another way.
      about.corners
        ? second("remove", words("mark.restart"), () => drawing.clear())
        : second("back", words("mark.otherWay"), restart));
  }

  function walking() {
    const news = walked || { corners: [], fix: null, problem: null, standing: null };
    if (news.problem === "declared") {
      return [alert(words("mark.walk.declared")),
        make("div", { class: "mark-row" }, primary("tap", words("mark.tool.tap"), tap), second("back", words("mark.otherWay"), restart))];
    }
    if (news.problem === "shifted") {
      return [alert(words("mark.walk.shifted")),
        make("div", { class: "mark-row" }, primary("play", words("mark.walk.go"), () => walk.resume()), second("tap", words("mark.walk.instead"), tap))];
    }
    return [make("p", { class: news.problem ? "mark-tip is-warn" : "mark-tip", role: "status" }, walkTip(news)),
      make("div", { class: "mark-row" },
        news.standing
          ? primary("stand", words("mark.walk.averaging", { have: news.standing.have, need: news.standing.need }), () => walk.settle(), { disabled: !news.standing.have })
          : primary("stand", words("mark.walk.stand"), () => walk.stand()),
        news.isPaused ? second("play", words("mark.walk.go"), () => walk.resume()) : second("pause", words("mark.walk.pause"), () => walk.pause())),
      make("div", { class: "mark-steps-row" },
        second("undo", words("mark.walk.removeLast"), () => walk.removeLast(), { disabled: !news.corners.length }),
        second("shape", words("mark.walk.close"), endWalk, { disabled: news.corners.length < 3 }),
        second("remove", words("mark.restart"), restart))];
  }

  function alert(text) {
    return make("p", { class: "mark-refused", role: "alert" }, icon("stop"), make("span", {}, text));
  }

  function walkTip(news) {
    if (news.problem === "denied") return words("mark.walk.denied");
    if (news.problem === "unavailable") return words("mark.walk.unavailable");
    if (!news.fix) return words("mark.walk.waiting");
    const n = words.number(news.fix.accuracy_m, 1);
    if (news.problem === "inaccurate") return words("mark.walk.inaccurate", { n });
    if (news.isPaused) return words("mark.walk.paused", { corners: news.corners.length });
    return words("mark.walk.good", { n, corners: news.corners.length });
  }

  function correctable() {
    return bundle.observations.filter((one) => one.geometry && one.structure_type !== "none");
  }

  // Those in sight first, since a list of a whole lane is long.
  function picking() {
    const middle = marked.map.getCenter();
    const away = (one) => middle.distanceTo(L.geoJSON(one.geometry).getBounds().getCenter());
    const near = correctable().map((one) => [away(one), one]).sort((a, b) => a[0] - b[0]).slice(0, 12);
    return [make("p", { class: "mark-tip" }, words("mark.tip.pick")),
      make("ul", { class: "mark-list" }, near.map(([, one]) => make("li", {},
        make("button", { type: "button", onclick: () => correct(one) },
          make("b", {}, one.ref), make("span", {}, `${words.number(one.area_m2, 1)} m²`), make("span", {}, words.day(one.observed_on)))))),
      second("back", words("mark.otherWay"), restart)];
  }

  function open() {
    if (draft.geometry) {
      mode = "draw";
      drawing.startFrom(draft.geometry);
      enter("draw");
      return;
    }
    const earlier = draft.corrects && bundle.observations.find((one) => one.id === draft.corrects.id);
    if (earlier && earlier.geometry) correct(earlier);
    else enter("idle");
  }

  return {
    box, open, show, correct, tap,
    get mode() { return mode; },
    get isPicking() { return mode === "pick"; },
    refresh: () => enter(mode),
    leave() { walk.stop(); drawing.stop(); },
  };
}

// Marks an outline by walking it, and by standing still at its corners.
//
// What a phone calls accuracy is the radius that holds 95 % of the places (Geolocation API).
// The RMS of a position is 0.578 of it: of a circular normal error of s on each axis, 95 % lie
// within 2.448 s and the RMS of the place is 1.414 s.

import { judgeShift } from "./datum.js";
import { fixOf, metresBetween, placeOf } from "./places.js";
import { geometryOf } from "./shapes.js";

export const RMS_OF_ACCURACY = Math.SQRT2 / Math.sqrt(-2 * Math.log(0.05));
// Errors of fixes that are seconds apart are alike: an average is never better than this share
// of its best fix.
const BEST_SHARE = 0.5;
const LEAST_M = 0.5;

// The mean of fixes {longitude, latitude, accuracy_m}, each weighted by its precision.
export function averaged(fixes) {
  const weights = fixes.map((fix) => 1 / fix.accuracy_m ** 2);
  const total = weights.reduce((sum, one) => sum + one, 0);
  const mean = (key) => fixes.reduce((sum, fix, at) => sum + fix[key] * weights[at], 0) / total;
  const best = Math.min(...fixes.map((fix) => fix.accuracy_m));
  return {
    place: [mean("longitude"), mean("latitude")],
    accuracy_m: Math.max(Math.sqrt(1 / total), best * BEST_SHARE),
  };
}

// onChange hears {corners, geometry, rms_m, fixes, fix, isPaused, standing, problem, used, ignored};
// problem is null or "inaccurate" (the last fix is worse than `gate_m` and not used), "denied",
// "unavailable", "declared" (the person said that this phone gives GCJ-02: nothing is walked) or
// "shifted" (what was walked looks like GCJ-02: it is kept, and the walk waits until somebody who
// knows better goes on). A corner is set every `every_m` metres, or after `every_s` seconds on the move; where a person
// stands, one is made of `average` fixes. `isNear` is that of judgeShift().
export function createWalk(options) {
  const {
    onChange = () => {}, gate_m: gate = 8, every_m: everyM = 2, every_s: everyS = 5, average = 8,
    isNear = null, declared = "wgs84", geolocation = navigator.geolocation,
  } = options;
  const state = fresh();
  let watch = null;
  let datum = judgeShift(isNear);
  // Somebody has gone on all the same, and is not asked at each step.
  let isAnswered = false;

  function fresh() {
    return { corners: [], fixes: [], fix: null, isPaused: false, standing: null, problem: null, used: 0, ignored: 0 };
  }

  function tell() {
    const places = state.corners.map((corner) => corner.place);
    onChange({
      corners: places,
      geometry: geometryOf([[places]]),
      rms_m: rms(),
      fixes: [...state.fixes],
      fix: state.fix,
      isPaused: state.isPaused,
      isWalking: watch !== null,
      standing: state.standing && { have: state.standing.length, need: average },
      problem: state.problem,
      used: state.used,
      ignored: state.ignored,
    });
  }

  // Of the polygon: the quadratic mean of its corners'.
  function rms() {
    if (!state.corners.length) return null;
    const squares = state.corners.reduce((sum, corner) => sum + corner.accuracy_m ** 2, 0);
    return RMS_OF_ACCURACY * Math.sqrt(squares / state.corners.length);
  }

  function heard(position) {
    const fix = fixOf(position);
    state.fix = fix;
    // The question stands until it is answered.
    if (state.problem === "shifted" && state.isPaused) {
      tell();
      return;
    }
    if (fix.accuracy_m > gate) {
      state.problem = "inaccurate";
      state.ignored += 1;
    } else {
      state.problem = null;
      if (!state.isPaused) {
        use(fix);
        doubt(fix);
      }
    }
    tell();
  }

  // All fixes of the walk are judged together, as the server will judge them. Nothing is deleted:
  // the person may know better, and what is wrong is theirs to put away.
  function doubt(fix) {
    datum.hear(fix);
    if (!datum.isShifted) isAnswered = false;
    else if (!isAnswered) Object.assign(state, { isPaused: true, standing: null, problem: "shifted" });
  }

  function use(fix) {
    state.used += 1;
    state.fixes.push(fix);
    if (state.standing) {
      state.standing.push(fix);
      if (state.standing.length >= average) settle();
      return;
    }
    const last = state.corners.at(-1);
    const place = placeOf(fix);
    const away = last ? metresBetween(last.place, place) : Infinity;
    const waited = last ? (Date.parse(fix.at) - last.at) / 1000 : Infinity;
    if (away >= everyM || (waited >= everyS && away >= LEAST_M)) {
      state.corners.push({ place, accuracy_m: fix.accuracy_m, at: Date.parse(fix.at) });
    }
  }

  function settle() {
    const { place, accuracy_m } = averaged(state.standing);
    state.corners.push({ place, accuracy_m, at: Date.parse(state.standing.at(-1).at) });
    state.standing = null;
  }

  function failed(error) {
    state.problem = error.code === 1 ? "denied" : "unavailable";
    tell();
  }

  function end() {
    if (watch !== null) geolocation.clearWatch(watch);
    watch = null;
  }

  return {
    start() {
      end();
      Object.assign(state, fresh());
      datum = judgeShift(isNear);
      isAnswered = false;
      if (declared === "gcj02") {
        state.problem = "declared";
        tell();
        return;
      }
      if (!geolocation) {
        failed({ code: 2 });
        return;
      }
      watch = geolocation.watchPosition(heard, failed, { enableHighAccuracy: true, maximumAge: 0, timeout: 30_000 });
      tell();
    },
    pause() { state.isPaused = true; state.standing = null; tell(); },
    resume() {
      if (state.problem === "shifted") Object.assign(state, { problem: null });
      isAnswered = datum.isShifted;
      state.isPaused = false;
      tell();
    },
    // Makes the next corner of several fixes; whoever stands waits until it is there.
    stand() { state.isPaused = false; state.standing = []; tell(); },
    // Takes the fixes there are, where waiting for the rest takes too long.
    settle() { if (state.standing?.length) { settle(); tell(); } },
    removeLast() { state.corners.pop(); tell(); },
    // Ends the walk: {geometry, rms_m, fixes}, geometry null with fewer than three corners.
    finish() {
      end();
      state.standing = null;
      return {
        geometry: geometryOf([[state.corners.map((corner) => corner.place)]]),
        rms_m: rms(),
        fixes: [...state.fixes],
      };
    },
    stop: end,
  };
}

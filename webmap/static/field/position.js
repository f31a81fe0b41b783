// Where the phone is, as long as a screen wants to know: the last fix, and whether it is of use.
import { judgeShift } from "./datum.js";
import { fixOf } from "./places.js";

// onChange hears {fix, problem: null | "denied" | "unavailable" | "shifted"}. All fixes since the
// screen was opened are judged together: `isNear` is that of judgeShift().
export function watchPosition({ onChange, isNear = null, declared = "wgs84", geolocation = navigator.geolocation }) {
  if (!geolocation) {
    onChange({ fix: null, problem: "unavailable" });
    return { stop() {} };
  }
  const datum = judgeShift(isNear);
  const heard = (position) => {
    const fix = fixOf(position);
    datum.hear(fix);
    const isShifted = declared === "gcj02" || datum.isShifted;
    onChange({ fix, problem: isShifted ? "shifted" : null });
  };
  const failed = (error) => onChange({ fix: null, problem: error.code === 1 ? "denied" : "unavailable" });
  const watch = geolocation.watchPosition(heard, failed, { enableHighAccuracy: true, maximumAge: 0, timeout: 30_000 });
  return { stop: () => geolocation.clearWatch(watch) };
}

const FRESH_MS = 5_000;

// One watch of the phone's position for all who want to know it: a second one costs a battery.
// Whoever comes later hears the last position at once, as long as it is fresh.
export function sharePositions(geolocation = navigator.geolocation) {
  const listeners = new Map();
  let last = null;
  let watch = null;
  let number = 0;
  const all = (at) => (news) => [...listeners.values()].forEach((pair) => pair[at](news));
  const heard = (position) => {
    last = position;
    all(0)(position);
  };
  return geolocation && {
    watchPosition(good, bad, options) {
      number += 1;
      listeners.set(number, [good, bad]);
      if (watch === null) watch = geolocation.watchPosition(heard, all(1), options);
      const mine = number;
      if (last && Date.now() - last.timestamp < FRESH_MS) {
        queueMicrotask(() => { if (listeners.has(mine)) good(last); });
      }
      return number;
    },
    clearWatch(mine) {
      listeners.delete(mine);
      if (listeners.size || watch === null) return;
      geolocation.clearWatch(watch);
      watch = null;
    },
  };
}

// Where the phone is, as long as a screen wants to know: the last fix, and whether it is of use.
import { looksShifted } from "./datum.js";
import { fixOf } from "./walking.js";

// onChange hears {fix, problem: null | "denied" | "unavailable" | "shifted"}.
export function watchPosition({ onChange, isInside = null, declared = "wgs84", geolocation = navigator.geolocation }) {
  if (!geolocation) {
    onChange({ fix: null, problem: "unavailable" });
    return { stop() {} };
  }
  const heard = (position) => {
    const fix = fixOf(position);
    const isShifted = declared === "gcj02" || looksShifted([[fix.longitude, fix.latitude]], isInside);
    onChange({ fix, problem: isShifted ? "shifted" : null });
  };
  const failed = (error) => onChange({ fix: null, problem: error.code === 1 ? "denied" : "unavailable" });
  const watch = geolocation.watchPosition(heard, failed, { enableHighAccuracy: true, maximumAge: 1000, timeout: 30_000 });
  return { stop: () => geolocation.clearWatch(watch) };
}

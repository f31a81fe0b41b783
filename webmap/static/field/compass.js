// Which way the camera looks, as the phone's compass says it: from magnetic north, or not at all.
import { backBearing } from "./viewpoint.js";

const FRESH_MS = 3_000;

// onChange hears a bearing in degrees, or null. now() is what is known this moment. `ask` is
// null unless the phone wants a tap before it tells (iOS); then it is to be called by that tap.
export function watchBearing({ onChange, target = window }) {
  let last = null;
  let heardAt = 0;

  function heard(event) {
    const bearing = bearingOf(event);
    if (bearing === undefined) return;
    last = bearing;
    heardAt = Date.now();
    onChange(last);
  }

  target.addEventListener("deviceorientationabsolute", heard);
  target.addEventListener("deviceorientation", heard);
  const permission = target.DeviceOrientationEvent?.requestPermission;
  return {
    ask: permission ? () => permission.call(target.DeviceOrientationEvent) : null,
    now: () => (Date.now() - heardAt <= FRESH_MS ? last : null),
    stop() {
      target.removeEventListener("deviceorientationabsolute", heard);
      target.removeEventListener("deviceorientation", heard);
    },
  };
}

// undefined where an event says nothing about north, as those that count from anywhere do.
function bearingOf(event) {
  if (typeof event.webkitCompassHeading === "number") {
    if (event.webkitCompassAccuracy < 0) return null;
    const turned = globalThis.screen?.orientation?.angle || 0;
    return (event.webkitCompassHeading + turned + 360) % 360;
  }
  if (!event.absolute || event.alpha === null) return undefined;
  return backBearing(event);
}

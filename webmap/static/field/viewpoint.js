// Where photographs were taken from and which way they look: what is nearest to here comes first.
import { metresBetween, placeOf } from "./places.js";

const RADIANS = Math.PI / 180;
// Looking another way is as bad as standing elsewhere: half a turn counts like 18 m.
const METRES_A_DEGREE = 0.1;
const UNKNOWN_TURN = 90;
// Held so steeply that it shows the ground or the sky, a camera looks nowhere.
const LEAST_LEVEL = 0.35;

// How far to turn from one bearing to another: above 0 to the right, at most 180.
export function turnBetween(from, to) {
  const turned = ((to - from) % 360 + 360) % 360;
  return turned > 180 ? turned - 360 : turned;
}

// The bearing of the camera on a phone's back, from the angles of a DeviceOrientationEvent
// (W3C, Device Orientation: rotations about z, x', y'' from east, north, up); null where it
// looks up or down. It is where the axis -z of the phone points on the horizon.
export function backBearing({ alpha, beta, gamma }) {
  if ([alpha, beta, gamma].some((angle) => angle === null || angle === undefined)) return null;
  const [a, b, c] = [alpha, beta, gamma].map((angle) => angle * RADIANS);
  const east = -Math.cos(a) * Math.sin(c) - Math.sin(a) * Math.sin(b) * Math.cos(c);
  const north = -Math.sin(a) * Math.sin(c) + Math.cos(a) * Math.sin(b) * Math.cos(c);
  if (Math.hypot(east, north) < LEAST_LEVEL) return null;
  return (Math.atan2(east, north) / RADIANS + 360) % 360;
}

// Earlier photographs as {photograph, metres, turn}, each null where one side is not known.
// `here` is {position, bearing}, either null. Those without a place come last, newest first.
export function nearestFirst(earlier, { position, bearing }) {
  const judged = earlier.map((photograph) => {
    const hasPlace = position && photograph.longitude !== null && photograph.longitude !== undefined;
    const looks = bearing !== null && bearing !== undefined && photograph.bearing !== null && photograph.bearing !== undefined;
    return {
      photograph,
      metres: hasPlace ? metresBetween(placeOf(position), placeOf(photograph)) : null,
      turn: looks ? turnBetween(bearing, photograph.bearing) : null,
    };
  });
  return judged.sort((one, other) => cost(one) - cost(other) || newer(one.photograph, other.photograph));
}

function cost({ metres, turn }) {
  const turned = Math.abs(turn ?? UNKNOWN_TURN) * METRES_A_DEGREE;
  return metres === null ? 1e9 + turned : metres + turned;
}

function newer(one, other) {
  return String(other.taken_at || "").localeCompare(String(one.taken_at || ""));
}

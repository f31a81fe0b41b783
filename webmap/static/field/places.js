// Places on the ground, [lng, lat], and the fixes in which a phone tells them.

// The mean radius of the earth (IUGG).
const EARTH_M = 6_371_008.8;
const RADIANS = Math.PI / 180;

export const placeOf = ({ longitude, latitude }) => [longitude, latitude];

// Metres between two places, good within a community.
export function metresBetween([x1, y1], [x2, y2]) {
  const stretch = Math.cos((y1 + y2) / 2 * RADIANS);
  return Math.hypot((x2 - x1) * stretch, y2 - y1) * RADIANS * EARTH_M;
}

// A GeolocationPosition as we keep it.
export function fixOf(position) {
  const { longitude, latitude, accuracy } = position.coords;
  return {
    longitude, latitude,
    // A phone that claims to be perfect is not believed.
    accuracy_m: Math.max(accuracy, 0.01),
    at: new Date(position.timestamp).toISOString(),
  };
}

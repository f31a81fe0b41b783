// GCJ-02, the shifted coordinates of Chinese maps and of many phones: gis/datum.py once more,
// where the source of the formulas is named. A test holds the two against each other.

const A = 6378245.0;
const E2 = 0.00669342162296594323;
const TOLERANCE = 1e-9;
const { sin, cos, sqrt, abs, PI } = Math;

export function inChina([x, y]) {
  return x > 72.004 && x < 137.8347 && y > 0.8293 && y < 55.8271;
}

export function toGcj02([longitude, latitude]) {
  if (!inChina([longitude, latitude])) return [longitude, latitude];
  const x = longitude - 105;
  const y = latitude - 35;
  const root = sqrt(abs(x));
  const shared = 20 * (sin(6 * PI * x) + sin(2 * PI * x)) * 2 / 3;
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + shared +
    waves(y, [20, 1], [40, 3], [160, 12], [320, 30]);
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + shared +
    waves(x, [20, 1], [40, 3], [150, 12], [300, 30]);
  const phi = latitude / 180 * PI;
  const magic = 1 - E2 * sin(phi) ** 2;
  const meridian = A * (1 - E2) / magic ** 1.5;
  const parallel = A / sqrt(magic) * cos(phi);
  return [longitude + east / parallel * 180 / PI, latitude + north / meridian * 180 / PI];
}

// The place that GCJ-02 shows as `shown`; a step shrinks the error about a hundredfold.
export function fromGcj02(shown) {
  let guess = [shown[0], shown[1]];
  for (let step = 0; step < 12; step += 1) {
    const there = toGcj02(guess);
    const error = [there[0] - shown[0], there[1] - shown[1]];
    if (abs(error[0]) <= TOLERANCE && abs(error[1]) <= TOLERANCE) break;
    guess = [guess[0] - error[0], guess[1] - error[1]];
  }
  return guess;
}

// The rule of gis/datum.py: which share of the places must agree with the community once the
// shift is taken back, how many more than before, and how far outside, beyond the accuracy of a
// position, somebody with a phone still works there.
const RULE = { fitting: 0.8, gain: 0.3, reach_m: 30 };

// Judges fixes {longitude, latitude, accuracy_m} one after another, always all of them together:
// they are GCJ-02 in truth where they lie outside the community as they are, and inside once the
// shift is taken back. `isNear([lng, lat], metres)` tells whether a place lies in the community or
// at most so far outside; where it is null, nothing can be told.
export function judgeShift(isNear, rule = RULE) {
  let [judged, before, after] = [0, 0, 0];
  return {
    hear({ longitude, latitude, accuracy_m }) {
      const place = [longitude, latitude];
      if (!isNear || !inChina(place)) return;
      const slack = (accuracy_m ?? 0) + rule.reach_m;
      judged += 1;
      before += Number(isNear(place, slack));
      after += Number(isNear(fromGcj02(place), slack));
    },
    get isShifted() {
      return judged > 0 && after / judged >= rule.fitting && (after - before) / judged >= rule.gain;
    },
  };
}

function waves(angle, ...terms) {
  return terms.reduce((sum, [height, period]) => sum + height * sin(angle / period * PI), 0) * 2 / 3;
}

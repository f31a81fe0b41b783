// The survey's projection on the phone, by proj4, and the proof that it is the server's.
/* global proj4 */

const EXACT_M = 0.001;
const PER_M = 100;
const PLACE_M = 0.01;
// Shifts of a datum are inverted to what leads back, as gis/crs.py does.
const ROUNDS = 3;

// Opens the bundle's survey. `origin` is a whole number of metres near the community: planes
// begin there, since doubles near an easting of millions carry a thousandth of the digits.
export function openSurvey(survey) {
  const operation = projectionOf(survey);
  const toStorage = (xy) => operation.inverse([xy[0], xy[1]]);
  const toSurvey = (place) => {
    let aim = [place[0], place[1]];
    for (let round = 0; round < ROUNDS; round += 1) {
      const back = operation.inverse(operation.forward(aim));
      aim = [aim[0] + place[0] - back[0], aim[1] + place[1] - back[1]];
    }
    return operation.forward(aim);
  };
  const first = survey.controls[0] || [0, 0, 0, 0];
  return {
    srid: survey.srid,
    name: survey.name,
    toSurvey,
    toStorage,
    origin: [Math.floor(first[2]), Math.floor(first[3])],
    isExact: agrees(toSurvey, survey.controls),
  };
}

function projectionOf(survey) {
  try {
    return proj4("WGS84", survey.proj4);
  } catch {
    // A projection that the library does not know gives no areas, and says so by isExact.
    const nowhere = () => [NaN, NaN];
    return { forward: nowhere, inverse: nowhere };
  }
}

// A constant miss moves no area, so the misses are held against one another: a millimetre for
// 100 m, and a centimetre in all.
function agrees(toSurvey, controls) {
  const misses = controls.map(([longitude, latitude, x, y]) => {
    const found = toSurvey([longitude, latitude]);
    return [found[0] - x, found[1] - y];
  });
  return controls.length > 1 && misses.every((miss, at) => {
    const away = Math.hypot(controls[at][2] - controls[0][2], controls[at][3] - controls[0][3]);
    const allowed = EXACT_M * Math.max(1, away / PER_M);
    return Math.hypot(miss[0], miss[1]) <= PLACE_M &&
      Math.hypot(miss[0] - misses[0][0], miss[1] - misses[0][1]) <= allowed;
  });
}

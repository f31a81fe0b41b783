// An outline as a small picture: its shape, north up, and how long a stretch of it is. It needs
// neither a map nor a signal.
const SVG = "http://www.w3.org/2000/svg";
const METRES_PER_DEGREE = 111320;
const WIDTH = 320;
const HEIGHT = 180;
const MARGIN = 16;
const STRETCHES = [1, 2, 5, 10, 20, 50, 100, 200, 500];

function ringsOf(geometry) {
  const polygons = { Polygon: [geometry?.coordinates], MultiPolygon: geometry?.coordinates }[geometry?.type] || [];
  return polygons.flat();
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// Returns null where there is no outline; geometry is GeoJSON in EPSG:4326.
export function drawnOutline(geometry, label) {
  const rings = ringsOf(geometry).filter((ring) => ring.length > 3);
  if (!rings.length) return null;
  const [west, south] = [0, 1].map((axis) => Math.min(...rings.flat().map((point) => point[axis])));
  const narrow = Math.cos((south * Math.PI) / 180);
  const metres = rings.map((ring) => ring.map(([lng, lat]) => [(lng - west) * narrow * METRES_PER_DEGREE, (lat - south) * METRES_PER_DEGREE]));
  const [wide, high] = [0, 1].map((axis) => Math.max(...metres.flat().map((point) => point[axis]), 0.1));
  const scale = Math.min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 3 * MARGIN) / high);
  const left = (WIDTH - wide * scale) / 2;
  const bottom = (HEIGHT - MARGIN + high * scale) / 2;
  const path = metres.map((ring) => `M${ring.map(([x, y]) => `${(left + x * scale).toFixed(1)},${(bottom - y * scale).toFixed(1)}`).join("L")}Z`).join("");
  const drawn = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "field-outline", role: "img", "aria-label": label });
  drawn.append(shape("path", { d: path, "fill-rule": "evenodd" }), ...stretch(scale));
  return drawn;
}

// A bar of a round length, a third of the picture at most.
function stretch(scale) {
  const length = STRETCHES.filter((one) => one * scale <= WIDTH / 3).pop() || STRETCHES[0];
  const y = HEIGHT - MARGIN + 2;
  const text = shape("text", { x: MARGIN + length * scale + 8, y: y + 4 });
  text.textContent = `${length} m`;
  return [shape("path", { d: `M${MARGIN},${y - 4}v8m0,-4h${(length * scale).toFixed(1)}m0,-4v8`, class: "is-stretch" }), text];
}

// A photograph as the phone keeps it: a smaller copy that holds nothing but pixels, its hash,
// and what is known of time and place. Nothing is filled in that nobody measured.
import { sha256 } from "./sending.js";
import { newId } from "./store.js";

export const LONGEST_SIDE = 2048;
const QUALITY = 0.85;
// What the office takes as an original, told by the first bytes of a file.
const LARGEST_ORIGINAL = 25 * 1024 * 1024;
const KINDS = [["image/jpeg", [0xff, 0xd8, 0xff]], ["image/png", [0x89, 0x50, 0x4e, 0x47]], ["image/webp", [0x52, 0x49, 0x46, 0x46]]];

export class NoPicture extends Error {}

// Returns a canvas of the source at its own size: the moment is held while the rest is made.
export function hold(source, width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").drawImage(source, 0, 0, width, height);
  return canvas;
}

// Returns a canvas of a picture in a file, upright; throws NoPicture.
export async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (error) {
    throw new NoPicture(String(error));
  }
  const canvas = hold(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  return canvas;
}

// Returns the photograph made of a held canvas. `original` is the file that it came from, or
// null; it is kept only where `sendsOriginal`, and named by its hash in any case.
export async function makePhotograph(canvas, { draft, taken_at, where, bearing, original = null, sendsOriginal = false }) {
  const copy = await smaller(canvas);
  const kind = original && await kindOf(original);
  const sends = Boolean(sendsOriginal && kind && original.size <= LARGEST_ORIGINAL);
  return {
    id: newId(), draft, state: "kept", problem: null, note: "", offset: 0,
    blob: copy.blob, type: "image/jpeg", width: copy.width, height: copy.height,
    sha256: await sha256(copy.blob),
    original: sends ? original : null,
    original_sha256: original ? await sha256(original) : null,
    sends_original: sends,
    taken_at, bearing: bearing === null ? null : Math.round(bearing * 10) % 3600 / 10,
    ...placed(where),
  };
}

function placed(where) {
  if (!where) return { position: null, accuracy_m: null, datum: "wgs84" };
  const { longitude, latitude, accuracy_m, datum } = where;
  return { position: { longitude, latitude, accuracy_m, datum }, accuracy_m, datum };
}

async function smaller(canvas) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(canvas.width, canvas.height));
  const [width, height] = [canvas.width, canvas.height].map((side) => Math.max(1, Math.round(side * scale)));
  const target = scale === 1 ? canvas : shrunk(canvas, width, height);
  const blob = await new Promise((resolve) => target.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new NoPicture("no pixels");
  return { blob, width, height };
}

function shrunk(canvas, width, height) {
  const target = document.createElement("canvas");
  target.width = width;
  target.height = height;
  const drawing = target.getContext("2d");
  drawing.imageSmoothingQuality = "high";
  drawing.drawImage(canvas, 0, 0, width, height);
  return target;
}

async function kindOf(blob) {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  return KINDS.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] || null;
}

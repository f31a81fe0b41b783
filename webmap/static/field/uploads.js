// Sends a photograph piece by piece with tus, from where the last line was cut. It is received
// only once the server has told the hash of the whole file and it is the phone's own.
import { Outcome, api, ask, isPassing } from "./sending.js";
import { asReader } from "./words.js";

const VERSION = "1.0.0";
// It goes in a header, and in Chinese takes four bytes a character there.
export const LONGEST_NOTE = 1_000;
// Small enough that on a bad line the offset moves, large enough for a good one.
const PIECE = 128 * 1024;
const SILENCE_MS = 60_000;

// The statuses of tus-js-client's errors say what to do; it retries nothing by itself, because
// the queue does, and knows whether somebody is logged in.
function outcomeOf(error) {
  const answer = error.originalResponse;
  if (!answer || !answer.getStatus()) return new Outcome("offline", { reason: String(error) });
  const status = answer.getStatus();
  let told = {};
  try {
    told = JSON.parse(answer.getBody() || "{}");
  } catch {
    told = {}; // No problem of ours in it: its status is enough.
  }
  if (status === 401) return new Outcome("session");
  if (status === 404) return isGone();
  if ([409, 423].includes(status)) return new Outcome("later", { status, seconds: 1 });
  if (isPassing(told)) return new Outcome("later", { status, seconds: 30, detail: told.detail });
  if ([403, 413, 415, 422].includes(status)) return new Outcome("refused", { status, detail: told.detail, problems: told.problems || [] });
  return new Outcome("later", { status, seconds: Number(answer.getHeader("Retry-After")) || 30 });
}

// The server forgot it, as after its term: it begins anew.
const isGone = () => new Outcome("later", { status: 404, seconds: 1, restart: true });

function metadata(photograph, role, blob) {
  const { position } = photograph;
  const told = {
    id: photograph.id,
    submission: photograph.draft,
    role,
    sha256: role === "original" ? photograph.original_sha256 : photograph.sha256,
    original_sha256: photograph.original_sha256,
    taken_at: photograph.taken_at,
    longitude: position?.longitude,
    latitude: position?.latitude,
    accuracy_m: position?.accuracy_m,
    datum: position ? photograph.datum || position.datum || "wgs84" : undefined,
    bearing: photograph.bearing,
    // An earlier version of the page took longer ones; the whole of it stays on the phone.
    note: [...photograph.note || ""].slice(0, LONGEST_NOTE).join(""),
  };
  const known = Object.entries(told).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return { blob, told: Object.fromEntries(known.map(([name, value]) => [name, String(value)])) };
}

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

// Announces the file, once or again, and is told where it is taken. tus-js-client would begin at
// the first byte after announcing; given the address, it asks first how far the file has come.
async function announce({ blob, told }, { place, csrf }) {
  const metadata = Object.entries(told).map(([name, value]) => `${name} ${base64(value)}`).join(",");
  const headers = { "Tus-Resumable": VERSION, "Upload-Length": String(blob.size), "Upload-Metadata": metadata, "X-CSRFToken": csrf };
  const answer = await ask(api(place, "field/uploads"), { method: "POST", headers });
  const location = answer.headers.get("Location");
  if (!location) throw new Outcome("later", { seconds: 5, detail: "no address" });
  return location;
}

// All of it is there and not yet kept, as where the server was stopped in between: tus-js-client
// takes that for an end, so that the piece which has it kept, an empty one, is sent here.
async function keepWhole(uploadUrl, { blob }, { csrf }) {
  const headers = {
    "Tus-Resumable": VERSION, "Upload-Offset": String(blob.size), "Content-Type": "application/offset+octet-stream", "X-CSRFToken": csrf,
  };
  try {
    const answer = await ask(uploadUrl, { method: "PATCH", headers, body: new Blob([]) });
    return answer.headers.get("Upload-Receipt");
  } catch (outcome) {
    throw outcome.status === 404 ? isGone() : outcome;
  }
}

// Sends what the server does not have yet, and returns the receipt of the whole.
async function sendRest(uploadUrl, file, options) {
  const receipt = await sendPieces(uploadUrl, file, options) || await keepWhole(uploadUrl, file, options);
  if (receipt !== file.told.sha256) throw new Outcome("later", { seconds: 5, detail: "no receipt" });
  return receipt;
}

// The server is asked for its offset first, always. Resolves with the receipt, where one is told.
function sendPieces(uploadUrl, { blob }, { csrf, onOffset = () => {} }) {
  return new Promise((resolve, reject) => {
    let receipt = null;
    let watch = null;
    let isOver = false;
    const upload = new tus.Upload(blob, {
      uploadUrl,
      chunkSize: PIECE,
      retryDelays: null,
      storeFingerprintForResuming: false,
      headers: { ...asReader(), "X-CSRFToken": csrf },
      onProgress: alive,
      onAfterResponse: (_request, answer) => {
        alive();
        receipt = answer.getHeader("Upload-Receipt") || receipt;
        const offset = Number(answer.getHeader("Upload-Offset"));
        if (answer.getStatus() < 300 && Number.isFinite(offset)) onOffset(offset);
      },
      onError: (error) => over(() => reject(outcomeOf(error))),
      onSuccess: () => over(() => resolve(receipt)),
    });

    // A line that says nothing any more is cut: what came is kept on the other side.
    function alive() {
      clearTimeout(watch);
      if (isOver) return;
      watch = setTimeout(() => {
        upload.abort();
        reject(new Outcome("offline", { reason: "silence" }));
      }, SILENCE_MS);
    }

    function over(tell) {
      isOver = true;
      clearTimeout(watch);
      tell();
    }

    alive();
    upload.start();
  });
}

// Where uploads of this page's life are; after a reload the server is asked again.
const begun = new Map();

async function sendFile(file, options) {
  const key = `${file.told.id}/${file.told.role}`;
  if (!begun.has(key)) begun.set(key, await announce(file, options));
  try {
    return await sendRest(begun.get(key), file, options);
  } catch (outcome) {
    // What is not there any more, or was refused, begins anew; all else goes on where it was.
    if (outcome.restart || outcome.kind === "refused") begun.delete(key);
    throw outcome;
  }
}

// Sends one file of a photograph, its "copy" or its "original", and returns the receipt. Throws an
// Outcome where anything else came of it.
export function sendPart(photograph, part, options) {
  return sendFile(metadata(photograph, part, part === "original" ? photograph.original : photograph.blob), options);
}

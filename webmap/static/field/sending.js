// One request to the server, and what came of it in words that the queue acts upon.
// An outcome that is not known is never taken for a success.
import { asReader } from "./words.js";

const SLOW = 60_000;

export class Outcome extends Error {
  // kind: "offline" | "session" | "later" | "refused" | "conflict"
  constructor(kind, more = {}) {
    super(kind);
    Object.assign(this, { kind }, more);
  }
}

export async function ask(address, options = {}) {
  let answer;
  try {
    const headers = { ...asReader(), ...options.headers };
    answer = await fetch(address, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(SLOW), ...options, headers });
    if (answer.ok) return { status: answer.status, told: await bodyOf(answer), headers: answer.headers };
  } catch (error) {
    // Cut before, within or after: only asking again tells what the server has.
    throw new Outcome("offline", { reason: String(error) });
  }
  throw await outcomeOf(answer);
}

// Read to its end within the try above: an answer that was cut is no answer.
async function bodyOf(answer) {
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}

export async function outcomeOf(answer) {
  const told = await problemOf(answer);
  if (answer.status === 401) return new Outcome("session");
  if (answer.status === 412 && told.now) return new Outcome("conflict", { now: told.now });
  if (isPassing(told)) return new Outcome("later", { status: answer.status, detail: told.detail, seconds: 30 });
  // 400 is what a token of a session that has just ended gets: asking again tells who is logged in.
  if ([403, 404, 409, 412, 413, 415, 422].includes(answer.status)) {
    return new Outcome("refused", { status: answer.status, detail: told.detail, problems: told.problems || [] });
  }
  return new Outcome("later", { status: answer.status, detail: told.detail, seconds: Number(answer.headers.get("Retry-After")) || 30 });
}

// What the server refuses now and takes another time: a piece that was garbled on the way, one
// that another request is sending or has sent, or too many under way at once.
const PASSING = ["sha256_differs", "uploads_many", "upload_busy", "upload_offset"];

export function isPassing(told) {
  const codes = (told.problems || []).map((one) => one.code);
  return codes.length > 0 && codes.every((code) => PASSING.includes(code));
}

async function problemOf(answer) {
  const isJson = (answer.headers.get("Content-Type") || "").includes("json");
  if (!isJson) return {};
  try {
    return await answer.json();
  } catch {
    return {}; // Cut within the answer: its status is known and is enough.
  }
}

// Of a text, of bytes or of a blob, in hexadecimal.
export async function sha256(data) {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data instanceof Blob ? await data.arrayBuffer() : data;
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Whether the server, and not one item alone, asks to be left for a while: 400 is what a token of
// a session that has just ended gets, 429 and 503 are of everything that is sent.
export const isOfAll = ({ kind, status }) => kind !== "later" || [400, 429, 503].includes(status);

export const api = (place, path) => `/api/v1/communities/${encodeURIComponent(place)}/${path}`;

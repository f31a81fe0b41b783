// Who is logged in, as far as the phone knows. The last answer is kept, so that the page opens
// without a signal for the account that prepared it; what is sent always asks anew.
import { keepSetting, setting } from "./store.js";

const SLOW = 15_000;

export class Offline extends Error {}

export async function knownSession() {
  return setting("session", { account: null, name: null, places: [], clock_offset_s: 0, seen_at: null });
}

let told = null;

// The time in ms by the server's clock, counted on from its last answer by a clock that nobody
// sets; null where this page has heard of none. The phone's own clock may have jumped since.
export function trueNow() {
  return told && told.at + performance.now() - told.heard;
}

// Asks the server; throws Offline where it cannot be reached.
export async function askSession(address) {
  const asked_at = Date.now();
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(SLOW) });
  } catch (error) {
    throw new Offline(String(error));
  }
  if (!answer.ok) throw new Offline(`${answer.status}`);
  const answered = await answer.json();
  const here = (asked_at + Date.now()) / 2;
  told = { at: Date.parse(answered.now), heard: performance.now() };
  const session = { ...answered, clock_offset_s: (told.at - here) / 1000, seen_at: answered.now };
  if (session.account !== null) {
    await keepSetting("session", { account: session.account, name: session.name, places: session.places, clock_offset_s: session.clock_offset_s, seen_at: session.seen_at });
  }
  return session;
}

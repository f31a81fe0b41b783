// Who is logged in, as far as the phone knows. The last answer is kept, so that the page opens
// without a signal for the account that prepared it; what is sent always asks anew.
import { keepSetting, setting } from "./store.js";

const SLOW = 15_000;

export class Offline extends Error {}

export async function knownSession() {
  return setting("session", { account: null, name: null, places: [], clock_offset_s: 0, seen_at: null });
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
  const told = await answer.json();
  const here = (asked_at + Date.now()) / 2;
  const session = { ...told, clock_offset_s: (Date.parse(told.now) - here) / 1000, seen_at: told.now };
  if (session.account !== null) {
    await keepSetting("session", { account: session.account, name: session.name, places: session.places, clock_offset_s: session.clock_offset_s, seen_at: session.seen_at });
  }
  return session;
}

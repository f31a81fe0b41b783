// Sends what waits, one after another: each submission, then its photographs. Every state is
// written to the phone before the next step, so that a killed page goes on where it was.
import { Offline, askSession } from "./session.js";
import { hasArrived, isRefused, nextPart, originalState } from "./parts.js";
import { Outcome, api, ask, isOfAll, sha256 } from "./sending.js";
import { Elsewhere, changeDraft, database, drafts, newId, now, photographsOf, write } from "./store.js";
import { sendPart } from "./uploads.js";

const PAUSES = [15, 30, 60, 120, 300];

// What is sent is made once and kept as it is: sent again, it is the same to the byte.
export async function queueDraft(draft, version, expected = null) {
  const photographs = await photographsOf(draft.id);
  const body = JSON.stringify({
    kind: draft.kind,
    geometry: draft.geometry || null,
    method: draft.method || "drawn",
    rms_m: draft.rms_m ?? 0.3,
    phone_area_m2: draft.phone_area_m2 ?? null,
    structure_types: draft.kind === "clear" ? [] : draft.structure_types || [],
    height_m: draft.height_m ?? null,
    plants: draft.plants || "",
    note: draft.note || "",
    household: draft.household || "",
    corrects: draft.corrects ? { id: draft.corrects.id, version: draft.corrects.version } : null,
    keep_both: Boolean(draft.keep_both),
    follows: draft.follows || null,
    position: draft.position || null,
    fixes: draft.fixes || [],
    observed_at: draft.observed_at || draft.created_at,
    photographs: photographs.map(({ id, sha256: own, original_sha256, sends_original }) => ({ id, sha256: own, original_sha256: original_sha256 || null, sends_original: Boolean(sends_original) })),
    bundle: { prepared_at: draft.prepared_at || null },
    app_version: version,
  });
  return changeDraft(draft.id, { ...draft, state: "queued", body, body_sha256: await sha256(body), problem: null, now: null }, expected);
}

// A copy under an identifier of its own: what was refused or returned stays as it was sent. Its
// photographs move along as they are, so that each is on the phone once and at the office once:
// what has arrived is asked for anew and not sent again. Where the copy follows nothing any more
// the server takes none of them for its own, and they are new ones.
export async function takeUpAgain(draft, changes = {}) {
  const id = newId();
  const copy = { ...draft, id, state: "draft", body: null, body_sha256: null, receipt: null, problem: null, now: null, reason: null, decision: null, taken_up: null, ...changes };
  await write(() => database.transaction("rw", database.drafts, database.photographs, async () => {
    if ((await database.drafts.get(draft.id))?.state !== draft.state) throw new Elsewhere("another page has it");
    await database.drafts.put({ ...copy, changed_at: now() });
    for (const one of await database.photographs.where("draft").equals(draft.id).toArray()) {
      await database.photographs.delete(one.id);
      await database.photographs.put(movedTo(one, id, draft, draft.follows && !copy.follows));
    }
    await database.drafts.update(draft.id, { state: "aside", taken_up: id, changed_at: now() });
  }));
  return database.drafts.get(id);
}

// What was sent of it is at the office as it was then, its note as well.
function movedTo(one, draft, was, isNew) {
  return {
    ...one, id: isNew ? newId() : one.id, draft, note_is_sent: !isNew && Boolean(was.receipt), state: "kept", offset: 0, receipt: null, problem: null,
    sends_original: one.sends_original && originalState(one) !== "given_up", original_state: null, original_problem: null,
  };
}

export function createQueue({ sessionAddress, onChange }) {
  let timer = null;
  let failures = 0;
  let isRunning = false;
  let isWanted = false;
  // Nothing is known before the server has been asked.
  let state = { kind: navigator.onLine === false ? "offline" : "start" };

  function tell(kind, more = {}) {
    state = { kind, ...more };
    onChange(state);
  }

  // Only one page of this phone sends at a time. What is queued while this page sends is sent
  // right after; while another page does, this one looks again soon.
  async function run() {
    isWanted = true;
    if (isRunning || !navigator.locks) return;
    isRunning = true;
    clearTimeout(timer);
    try {
      while (isWanted) {
        isWanted = false;
        await navigator.locks.request("field-queue", { ifAvailable: true }, (lock) => (lock ? sendAll() : elsewhere()));
      }
    } finally {
      isRunning = false;
    }
  }

  function elsewhere() {
    tell("elsewhere");
    schedule(5);
  }

  async function sendAll() {
    tell("asking");
    try {
      const session = await askSession(sessionAddress);
      if (!session.account) throw new Outcome("session", { clock_offset_s: session.clock_offset_s });
      const mine = await drafts(session.account);
      const failed = [];
      await each(mine.filter((one) => ["queued", "sending"].includes(one.state)), (one) => sendOne(one, session), failed);
      const sent = (await drafts(session.account)).filter((one) => one.state === "sent");
      await each(sent, (one) => sendPhotographs(one, session, failed), failed);
      await learnDecisions(await drafts(session.account), failed);
      if (failed.length) throw failed[0];
      failures = 0;
      tell("idle", { session, at: now() });
      schedule(300);
    } catch (error) {
      stop(error);
    }
  }

  // One that does not go through keeps none of the others back.
  async function each(list, work, failed) {
    for (const one of list) {
      try {
        await work(one);
      } catch (error) {
        if (isOfAll(error)) throw error;
        failed.push(error);
      }
    }
  }

  function stop(error) {
    if (error instanceof Offline || error.kind === "offline") {
      tell("offline");
      schedule(PAUSES[Math.min(failures, PAUSES.length - 1)]);
      failures += 1;
    } else if (error.kind === "session") {
      tell("session", { clock_offset_s: error.clock_offset_s });
    } else if (error.kind === "later" && error.status !== 400 && !(error.status >= 500 && error.status !== 503)) {
      tell("later", { seconds: error.seconds, detail: error.detail });
      schedule(error.seconds);
    } else {
      tell("failed", { reason: String(error) });
      schedule(60);
      if (!error.kind) throw error;
    }
  }

  function schedule(seconds) {
    clearTimeout(timer);
    timer = setTimeout(run, seconds * 1000);
  }

  async function sendOne(draft, session) {
    tell("sending", { draft: draft.id });
    await changeDraft(draft.id, { state: "sending" });
    try {
      const { told } = await ask(api(draft.place, `field/submissions/${draft.id}`), {
        method: "PUT",
        body: draft.body,
        headers: { "Content-Type": "application/json", "X-CSRFToken": session.csrf, "Phone-Time": now() },
      });
      const isOurs = told.id === draft.id && told.sha256 === draft.body_sha256 && told.version >= 1;
      if (!isOurs) throw new Outcome("later", { seconds: 60, detail: "the receipt is not of these bytes" });
      await changeDraft(draft.id, { state: "sent", receipt: told, problem: null });
      onChange(state);
    } catch (error) {
      await settle(draft, error);
    }
  }

  // What the server refuses or another changed stops this draft and no other.
  async function settle(draft, error) {
    if (error.kind === "conflict") await changeDraft(draft.id, { state: "conflict", now: error.now });
    else if (error.kind === "refused") await changeDraft(draft.id, { state: "refused", problem: { detail: error.detail, problems: error.problems } });
    else {
      await changeDraft(draft.id, { state: "queued" });
      throw error;
    }
    onChange(state);
  }

  async function sendPhotographs(draft, session, failed) {
    await each(await photographsOf(draft.id), async ({ id }) => {
      for (let one = await database.photographs.get(id); one && nextPart(one); one = await database.photographs.get(id)) {
        tell("photographs", { draft: draft.id });
        await (nextPart(one) === "copy" ? sendCopy : sendOriginal)(draft, one, session);
        onChange(state);
      }
    }, failed);
    const after = await photographsOf(draft.id);
    // As many as were announced: one that is missing on the phone is no photograph received.
    const announced = JSON.parse(draft.body).photographs.length;
    if (after.length === announced && after.every(hasArrived)) await changeDraft(draft.id, { state: "done" });
    else if (after.some(isRefused) && !after.some(nextPart)) await changeDraft(draft.id, { state: "lacking" });
    onChange(state);
  }

  const keepOf = (photograph) => (changes) => write(() => database.photographs.update(photograph.id, changes));
  const problemOf = ({ detail, problems }) => ({ detail, problems });
  const linesTo = (draft, photograph, session) => ({
    place: draft.place, csrf: session.csrf, onOffset: (offset) => onChange({ kind: "photographs", draft: draft.id, photograph: photograph.id, offset }),
  });

  async function sendCopy(draft, photograph, session) {
    const keep = keepOf(photograph);
    await keep({ state: "sending" });
    try {
      const receipt = await sendPart(photograph, "copy", linesTo(draft, photograph, session));
      // The original has its own way to go from here.
      await keep({ state: "received", offset: photograph.blob.size, receipt, problem: null, original_state: "kept" });
    } catch (error) {
      if (error.kind === "refused") await keep({ state: "refused", problem: problemOf(error) });
      else {
        await keep({ state: "kept" });
        throw error;
      }
    }
  }

  // What becomes of an original takes nothing away from its copy, which is received.
  async function sendOriginal(draft, photograph, session) {
    const keep = keepOf(photograph);
    try {
      await sendPart(photograph, "original", linesTo(draft, photograph, session));
      await keep({ original_state: "received", original_problem: null });
    } catch (error) {
      if (error.kind !== "refused") throw error;
      await keep({ original_state: "refused", original_problem: problemOf(error) });
    }
  }

  // What the office has said since about what was sent: a return comes back with its reason.
  async function learnDecisions(mine, failed) {
    const open = mine.filter((one) => ["sent", "lacking", "done"].includes(one.state) && !one.decision);
    const places = [...new Set(open.map((one) => one.place))];
    await each(places, async (place) => {
      for (const told of await decisionsOf(place)) {
        const draft = open.find((one) => one.id === told.id);
        if (!draft || told.state === "waiting") continue;
        const isReturned = told.state === "returned";
        await changeDraft(draft.id, { decision: told.state, reason: told.reason || "", state: isReturned ? "returned" : draft.state });
      }
    }, failed);
  }

  async function decisionsOf(place) {
    const found = [];
    let address = api(place, "field/submissions?mine=true&limit=100");
    while (address && found.length < 1000) {
      let told;
      try {
        ({ told } = await ask(address));
      } catch (error) {
        // Whoever captures there no more hears nothing from there; elsewhere goes on.
        if (error.kind === "refused") return found;
        throw error;
      }
      found.push(...told.submissions);
      address = told.next;
    }
    return found;
  }

  window.addEventListener("online", run);
  window.addEventListener("offline", () => tell("offline"));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) run(); });
  return { run, get state() { return state; } };
}

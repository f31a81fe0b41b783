// What the phone keeps, in IndexedDB: drafts and photographs until somebody removes them,
// prepared areas until two weeks after they end. Nothing here is ever deleted because something was sent.
import Dexie from "../vendor/dexie/dist/modern/dexie.min.mjs";
import { originalState } from "./parts.js";

// Strict: a write is told as done when it is on the disk, for phones lose power, too.
export const database = new Dexie("common-green", { chromeTransactionDurability: "strict" });

// A later version of the page adds a version here with its upgrade; what is stored stays.
database.version(1).stores({
  drafts: "id, account, place, state, [account+state]",
  photographs: "id, draft, state, [draft+state]",
  bundles: "place",
  settings: "key",
});

export const WAITING = ["queued", "sending"];
// A person has something to do about these.
export const STOPPED = ["conflict", "refused", "returned", "lacking"];

export class StorageFull extends Error {}

// Browsers no longer say how much room there really is. So the page holds some back: when a write
// fails, it gives that up, writes again, and knows that the phone is nearly full.
const RESERVE_BYTES = 8_000_000;
// A page that had to give it up says so until it is opened anew.
let isTight = false;

const isFull = (error) => error.name === "QuotaExceededError" || error.inner?.name === "QuotaExceededError";

async function giveUpReserve() {
  isTight = true;
  const held = await database.settings.where("key").equals("reserve").count();
  await database.settings.delete("reserve");
  return held > 0;
}

// Tells whether room is held back: where there is none any more, the phone is nearly full.
export async function holdReserve() {
  if (isTight) return false;
  if (await database.settings.where("key").equals("reserve").count()) return true;
  try {
    await database.settings.put({ key: "reserve", value: new Blob([new Uint8Array(RESERVE_BYTES)]) });
    return true;
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
}

// Every write goes through here, so that a full phone is said and never swallowed.
export async function write(work) {
  try {
    return await work();
  } catch (error) {
    if (!isFull(error)) throw error;
    if (!(await giveUpReserve())) throw new StorageFull("storage is full");
  }
  try {
    return await work();
  } catch (error) {
    throw isFull(error) ? new StorageFull("storage is full") : error;
  }
}

export function newId() {
  return crypto.randomUUID();
}

export const now = () => new Date().toISOString();

export async function saveDraft(draft) {
  const saved = { ...draft, changed_at: now() };
  await write(() => database.drafts.put(saved));
  return saved;
}

// Somebody else wrote meanwhile: another tab or window of this phone. Nothing was overwritten.
export class Elsewhere extends Error {
  name = "Elsewhere";
}

function expect(stored, expected) {
  if (!stored || Object.entries(expected).some(([name, value]) => stored[name] !== value)) throw new Elsewhere("another page has it");
}

// Makes a page the one that may mark a draft, and returns what it is by then.
export async function claimDraft(id, page) {
  const stored = await database.drafts.get(id);
  if (stored?.page === page) return stored;
  return write(() => database.transaction("rw", database.drafts, async () => {
    await database.drafts.where("id").equals(id).and(({ state }) => state === "draft").modify({ page });
    return database.drafts.get(id);
  }));
}

// What the marking screen changes: only as long as the draft is being marked, and by this page.
export function saveMarking(id, changed, page) {
  return write(() => database.transaction("rw", database.drafts, async () => {
    const stored = await database.drafts.get(id);
    expect(stored, { state: "draft", page });
    await database.drafts.put({ ...marked(stored, changed), state: "draft", page, changed_at: now() });
  }));
}

// A draft with what the marking screen says of it. Seen is what was marked last, not when the draft
// was begun or sent before; a screen knows only of the time at which it was opened.
export function marked(stored, changed) {
  const isNew = ["geometry", "household", "kind"].some((name) => JSON.stringify(changed[name] ?? null) !== JSON.stringify(stored[name] ?? null));
  return { ...stored, ...changed, observed_at: isNew ? now() : stored.observed_at };
}

// Whoever looks and goes back has marked nothing, and leaves nothing behind.
export async function leaveMarking(id, changed, page) {
  await saveMarking(id, changed, page);
  const [draft, photographs] = [await database.drafts.get(id), await photographsOf(id)];
  const says = draft && (draft.geometry || draft.household || draft.note || draft.plants || draft.structure_types?.length || draft.follows);
  if (draft?.state === "draft" && !says && !photographs.length) await removeDraft(id);
}

// `expected` is what a person saw who decided on it; where it is so no more, nothing is changed.
export async function changeDraft(id, changes, expected = null) {
  await write(() => database.transaction("rw", database.drafts, async () => {
    if (expected) expect(await database.drafts.get(id), expected);
    await database.drafts.update(id, { ...changes, changed_at: now() });
  }));
  return database.drafts.get(id);
}

export function drafts(account) {
  return database.drafts.where("account").equals(account).toArray();
}

export function otherDrafts(account) {
  return database.drafts.filter((draft) => draft.account !== account && draft.state !== "done").toArray();
}

// Only while its draft is one: what was announced to the server is all that it takes. A new one is
// kept whichever page took it; what is noted of one that is there is for the page that marks.
export function keepPhotograph(photograph, page) {
  return write(() => database.transaction("rw", database.drafts, database.photographs, async () => {
    const isThere = await database.photographs.where("id").equals(photograph.id).count();
    expect(await database.drafts.get(photograph.draft), isThere ? { state: "draft", page } : { state: "draft" });
    await database.photographs.put(photograph);
  }));
}

export function removePhotograph(draft, id, page) {
  return database.transaction("rw", database.drafts, database.photographs, async () => {
    expect(await database.drafts.get(draft), { state: "draft", page });
    await database.photographs.delete(id);
  });
}

export function photographsOf(draft) {
  return database.photographs.where("draft").equals(draft).toArray();
}

// What the server refused once is sent again as it is: somebody may have put right why.
export function tryPhotographs(draft, photographs) {
  return changePhotographs(draft, photographs, (one) => ({
    ...(one.state === "refused" ? { state: "kept", problem: null } : {}),
    ...(originalState(one) === "refused" ? { original_state: "kept", original_problem: null } : {}),
  }));
}

// The copy is enough for whoever says so; the original stays on the phone with its item.
export function giveUpOriginal(draft, photograph) {
  return changePhotographs(draft, [photograph], (one) => (originalState(one) === "refused" ? { original_state: "given_up", original_problem: null } : {}));
}

// The queue looks at the draft again after either.
function changePhotographs(draft, photographs, changesOf) {
  return write(() => database.transaction("rw", database.drafts, database.photographs, async () => {
    for (const { id } of photographs) {
      const one = await database.photographs.get(id);
      if (one) await database.photographs.update(id, changesOf(one));
    }
    await database.drafts.where("id").equals(draft.id).and(({ state }) => state === "lacking").modify({ state: "sent", changed_at: now() });
  }));
}

// The only way in which a draft leaves the phone: a person asked for it.
export function removeDraft(id) {
  return database.transaction("rw", database.drafts, database.photographs, async () => {
    await database.photographs.where("draft").equals(id).delete();
    await database.drafts.delete(id);
  });
}

export async function setting(key, otherwise) {
  const found = await database.settings.get(key);
  return found === undefined ? otherwise : found.value;
}

export function keepSetting(key, value) {
  return write(() => database.settings.put({ key, value }));
}

// How much is kept and how much may be; null where the browser does not say.
export async function room() {
  if (!navigator.storage || !navigator.storage.estimate) return { usage: null, quota: null, persisted: null };
  const { usage, quota } = await navigator.storage.estimate();
  const persisted = navigator.storage.persisted ? await navigator.storage.persisted() : null;
  return { usage, quota, persisted };
}

export async function askToPersist() {
  if (!navigator.storage || !navigator.storage.persist) return null;
  return navigator.storage.persist();
}

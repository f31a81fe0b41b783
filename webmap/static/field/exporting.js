// The last resort: everything of a place that has not arrived, in files that its office can take
// in. What was exported stays on the phone.
import { strToU8, zip } from "../vendor/fflate/esm/browser.js";
import { originalState } from "./parts.js";
import { database, now, photographsOf } from "./store.js";

// What was taken up again is in the file as what came of it.
const isOpen = (draft) => draft.state !== "done" && !draft.taken_up;

export async function placesToExport(account) {
  const mine = await database.drafts.where("account").equals(account).toArray();
  return [...new Set(mine.filter(isOpen).map((one) => one.place))].sort();
}

// Every entry has a name and a few numbers in two lists.
const ENTRY_BYTES = 512;
// However large a file the office takes, a phone has the memory to make one of this size.
const MOST_AT_ONCE = 96 * 1024 * 1024;

const bytesOf = (text) => new Blob([text]).size;

// Once it is to be sent, what is sent says all of it. Of one that is being marked again it would
// say what was.
function noted(draft) {
  const { id, state, created_at, changed_at, receipt, problem, reason } = draft;
  const body = ["draft", "aside"].includes(state) ? null : draft.body || null;
  return JSON.stringify({ body, draft: body ? { id, state, created_at, changed_at, receipt, problem, reason } : { ...draft, body: undefined } });
}

const wantsOriginal = (one) => !["none", "given_up"].includes(originalState(one));

// An original that is not to be sent, or that the office would refuse the whole file for, stays here.
function originalOf(one, limits) {
  return wantsOriginal(one) && one.original.size <= limits.photograph ? one.original : null;
}

// What goes into which file, so that each is below the limits of the office and can be taken in by
// itself: with the photographs of a draft goes the draft, with an original its copy. Returns
// {parts: [{drafts, photographs, bytes}], tooLarge}; nothing is read but how large it is.
export async function planExport(account, place, limits) {
  const most = Math.min(limits.file, MOST_AT_ONCE);
  const all = await database.drafts.where("account").equals(account).toArray();
  const mine = all.filter((one) => isOpen(one) && one.place === place).sort((one, other) => (one.created_at < other.created_at ? -1 : 1));
  const parts = [];
  let tooLarge = 0;
  const begin = () => parts.push({ drafts: [], photographs: [], bytes: 2 * ENTRY_BYTES, entries: 1 });
  const fits = (bytes, entries) => parts.at(-1).bytes + bytes <= most && parts.at(-1).entries + entries <= limits.entries;
  const add = (list, id, bytes, entries) => {
    const part = parts.at(-1);
    part[list].push(id);
    part.bytes += bytes;
    part.entries += entries;
  };
  begin();
  for (const draft of mine) {
    // Its identifier stands in the manifest as well.
    const own = bytesOf(noted(draft)) + ENTRY_BYTES;
    if (!fits(own, 1)) begin();
    add("drafts", draft.id, own, 1);
    for (const one of await photographsOf(draft.id)) {
      const { blob, original: _kept, ...told } = one;
      const sent = originalOf(one, limits);
      if (wantsOriginal(one) && !sent) tooLarge += 1;
      const bytes = blob.size + (sent?.size ?? 0) + bytesOf(JSON.stringify(told)) + 3 * ENTRY_BYTES;
      if (!fits(bytes, 3)) {
        begin();
        add("drafts", draft.id, own, 1);
      }
      add("photographs", one.id, bytes, 3);
    }
  }
  return { parts, tooLarge };
}

// Makes the file of one part. What has left the phone since is left out.
export async function makeExport(account, place, plan, at, limits) {
  const files = {};
  const drafts = (await database.drafts.bulkGet(plan.parts[at].drafts)).filter(Boolean);
  for (const draft of drafts) files[`drafts/${draft.id}.json`] = [strToU8(noted(draft)), { level: 6 }];
  for (const one of (await database.photographs.bulkGet(plan.parts[at].photographs)).filter(Boolean)) {
    if (!drafts.some(({ id }) => id === one.draft)) continue;
    const { blob, original: _kept, ...told } = one;
    const original = originalOf(one, limits);
    files[`photographs/${one.id}.jpg`] = [new Uint8Array(await blob.arrayBuffer()), { level: 0 }];
    if (original) files[`photographs/${one.id}.original.jpg`] = [new Uint8Array(await original.arrayBuffer()), { level: 0 }];
    files[`photographs/${one.id}.json`] = [strToU8(JSON.stringify(told)), { level: 6 }];
  }
  const manifest = { format: "common-green-field/1", exported_at: now(), account, place, drafts: drafts.map(({ id }) => id), part: at + 1, parts: plan.parts.length };
  files["manifest.json"] = [strToU8(JSON.stringify(manifest)), { level: 6 }];
  const data = await new Promise((resolve, reject) => zip(files, (error, made) => (error ? reject(error) : resolve(made))));
  return new Blob([data], { type: "application/zip" });
}

export function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

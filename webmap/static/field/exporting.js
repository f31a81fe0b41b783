// The last resort: everything of a place that has not arrived, in one file that its office can
// take in. What was exported stays on the phone.
import { strToU8, zip } from "../vendor/fflate/esm/browser.js";
import { database, now, photographsOf } from "./store.js";

// What was taken up again is in the file as what came of it.
const isOpen = (draft) => draft.state !== "done" && !draft.taken_up;

export async function placesToExport(account) {
  const mine = await database.drafts.where("account").equals(account).toArray();
  return [...new Set(mine.filter(isOpen).map((one) => one.place))].sort();
}

export async function exportDrafts(account, place) {
  const all = await database.drafts.where("account").equals(account).toArray();
  const mine = all.filter((one) => isOpen(one) && one.place === place);
  const files = {};
  for (const draft of mine) {
    files[`drafts/${draft.id}.json`] = [strToU8(JSON.stringify({ body: draft.body || null, draft })), { level: 6 }];
    for (const one of await photographsOf(draft.id)) {
      const { blob, original, ...told } = one;
      files[`photographs/${one.id}.jpg`] = [new Uint8Array(await blob.arrayBuffer()), { level: 0 }];
      if (original) files[`photographs/${one.id}.original.jpg`] = [new Uint8Array(await original.arrayBuffer()), { level: 0 }];
      files[`photographs/${one.id}.json`] = [strToU8(JSON.stringify(told)), { level: 6 }];
    }
  }
  const manifest = { format: "common-green-field/1", exported_at: now(), account, place, drafts: mine.map((one) => one.id) };
  files["manifest.json"] = [strToU8(JSON.stringify(manifest)), { level: 6 }];
  const data = await new Promise((resolve, reject) => zip(files, (error, made) => (error ? reject(error) : resolve(made))));
  return { blob: new Blob([data], { type: "application/zip" }), count: mine.length };
}

export function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

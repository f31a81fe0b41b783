// Stands until the camera of its own is there: the phone's own camera app.
import { fill, make } from "./dom.js";
import { sha256 } from "./sending.js";
import { newId, now } from "./store.js";

export function mountCamera(root, { words, keep, done }) {
  const input = make("input", { type: "file", accept: "image/*", capture: "environment" });
  input.addEventListener("change", async () => {
    for (const file of input.files) {
      await keep({ id: newId(), blob: file, original: null, sha256: await sha256(await file.arrayBuffer()), original_sha256: null, sends_original: false, type: file.type, taken_at: now(), position: null, bearing: null, datum: "wgs84", note: "" });
    }
    done();
  });
  fill(root, input, make("button", { type: "button", onclick: done }, words("app.back")));
  return { unmount() { fill(root); } };
}

// The photographs of an item: how far each of them has come, its copy and its original told apart,
// and what can be done where one of the two was refused.
import { make } from "./dom.js";
import { saveFile } from "./exporting.js";
import { isOnlyHere, originalState } from "./parts.js";
import { saidOf } from "./words.js";

const WITH_ORIGINAL = ["kept", "received", "refused", "given_up"];

export function countsOf(all, word) {
  const of = (which) => all.filter(which).length;
  const refused = of((one) => one.state === "refused");
  const originals = of((one) => originalState(one) === "refused");
  return [
    all.length ? word("item.photographs", { n: of((one) => one.state === "received"), m: all.length }) : "",
    refused ? word("item.photographsRefused", { n: refused }) : "",
    originals ? word("item.originalsRefused", { n: originals }) : "",
  ].filter(Boolean);
}

export function strip(all, word) {
  return make("ul", { class: "field-strip" }, all.map((one, at) => make("li", {},
    picture(one, word("mark.photographOf", { n: at + 1 })),
    make("small", {}, word(`item.photograph.${one.state}`)),
    WITH_ORIGINAL.includes(originalState(one)) ? make("small", {}, word(`item.original.${originalState(one)}`)) : null)));
}

function picture(photograph, label) {
  const image = make("img", { alt: label, width: "96", height: "96", loading: "lazy" });
  const address = URL.createObjectURL(photograph.blob);
  image.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
  image.src = address;
  return image;
}

export function problems(problem, word) {
  if (!problem) return null;
  return make("ul", { class: "field-alert", role: "alert" }, saidOf(problem, word).map((text) => make("li", {}, text)));
}

// again(photograph) sends what was refused of one anew, giveUp(photograph) does without its original.
export function refusals(all, { word, again, giveUp }) {
  return all.flatMap((one, at) => [
    one.state === "refused" ? make("div", { class: "field-alert", role: "alert" }, make("b", {}, word("item.copyRefused", { n: at + 1 })), reasons(one.problem, word)) : null,
    originalState(one) === "refused" ? original(one, at + 1, { word, again, giveUp }) : null,
  ]);
}

function reasons(problem, word) {
  return make("ul", {}, saidOf(problem, word).map((text) => make("li", {}, text)));
}

function original(one, n, { word, again, giveUp }) {
  const button = (key, act, look = "") => make("button", { type: "button", class: `field-button ${look}`, onclick: act }, word(key));
  const mb = word.number(Math.ceil(one.original.size / 1e5) / 10, 1);
  return make("section", { class: "field-refused", "data-original": one.id, "aria-label": word("item.originalOf", { n }) },
    make("p", {}, make("b", {}, word("item.originalRefused", { n, mb }))),
    reasons(one.original_problem, word),
    make("p", { class: "field-quiet" }, word("item.originalHint")),
    make("div", { class: "field-triple" },
      button("item.originalAgain", () => again(one)),
      button("item.originalSave", () => saveFile(one.original, `photograph-${one.id.slice(0, 8)}${endingOf(one.original)}`), "is-plain"),
      button("item.originalGiveUp", () => giveUp(one), "is-plain")));
}

const ENDINGS = { "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/heic": ".heic", "image/heif": ".heif" };
const endingOf = (blob) => ENDINGS[blob.type] || "";

// What is asked before an item that has arrived leaves the phone: what it alone has goes with it.
export function removalOf(all, word) {
  const kept = all.filter(isOnlyHere).length;
  return kept ? word("item.removeOriginals", { n: kept }) : word("item.removeSure");
}

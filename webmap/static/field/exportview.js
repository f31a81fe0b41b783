// What a place lacks, as one file or as several that are numbered, each saved by a tap of its own.
import { make } from "./dom.js";
import { makeExport, placesToExport, planExport, saveFile } from "./exporting.js";
import { now } from "./store.js";

// A plan stays as it is while its files are saved, also where some of it arrives meanwhile: else
// what was in the second file might come to be in the first, which is saved already.
const plans = new Map();

async function planOf(account, place, limits) {
  const fresh = await planExport(account, place, limits);
  const known = plans.get(`${account} ${place}`);
  if (known && contentOf(fresh).every((one) => known.content.has(one))) return known;
  const made = { ...fresh, content: new Set(contentOf(fresh)), saved: new Set() };
  plans.set(`${account} ${place}`, made);
  return made;
}

const contentOf = ({ parts }) => parts.flatMap(({ drafts, photographs }) => [...drafts, ...photographs]);

// `limits` are those of the office's import; size(bytes) says how much that is.
export async function exportView({ word, account, limits, size }) {
  const places = await placesToExport(account);
  if (!places.length) return [make("p", { class: "field-quiet" }, word("more.nothing"))];
  const found = await Promise.all(places.map(async (place) => placeView(place, await planOf(account, place, limits), { word, account, limits, size })));
  return found.flat();
}

function placeView(place, plan, { word, account, limits, size }) {
  const all = plan.parts.length;
  const label = (at) => (all === 1 ? word("more.export", { place }) : word("more.exportPart", { place, part: at + 1, all, size: size(plan.parts[at].bytes) }));
  const button = (at) => {
    const made = make("button", { type: "button", class: `field-button is-wide ${plan.saved.has(at) ? "is-plain" : ""}`, onclick: async () => {
      made.disabled = true;
      try {
        const blob = await makeExport(account, place, plan, at, limits);
        saveFile(blob, `common-green-field-${place}-${now().slice(0, 10)}${all === 1 ? "" : `-${at + 1}-of-${all}`}.zip`);
        plan.saved.add(at);
        made.classList.add("is-plain");
        if (all > 1) made.textContent = `✓ ${label(at)}`;
      } finally {
        made.disabled = false;
      }
    } }, plan.saved.has(at) && all > 1 ? `✓ ${label(at)}` : label(at));
    return made;
  };
  return [
    all > 1 ? make("p", { class: "field-quiet" }, word("more.exportParts", { all })) : null,
    ...plan.parts.map((_part, at) => button(at)),
    plan.tooLarge ? make("p", { class: "field-quiet" }, word("more.leftOut", { n: plan.tooLarge, mb: word.number(limits.photograph / 1024 / 1024) })) : null,
  ].filter(Boolean);
}

// The queue as a list, and one item of it with all that can be done about it.
import { fill, make } from "./dom.js";
import { isRefused } from "./parts.js";
import { countsOf, problems, refusals, removalOf, strip } from "./partsview.js";
import { drawnOutline } from "./sketch.js";
import { queueDraft, takeUpAgain } from "./queue.js";
import { Elsewhere, STOPPED, changeDraft, drafts, giveUpOriginal, now, photographsOf, removeDraft, tryPhotographs } from "./store.js";

// What comes first is what somebody must do something about.
const GROUPS = [
  ["attention", STOPPED],
  ["unfinished", ["draft"]],
  ["waiting", ["queued", "sending"]],
  ["sent", ["sent"]],
  ["done", ["done"]],
  ["aside", ["aside"]],
];

export function titleOf(draft, word) {
  if (draft.kind === "clear") return word("item.clear", { household: draft.household || "–" });
  const kinds = word.list((draft.structure_types || []).map((kind) => word(`mark.structure.${kind}`)));
  return kinds || word("item.enclosure");
}

export async function stateOf(draft, word) {
  const all = await photographsOf(draft.id);
  const key = draft.decision && draft.state !== "returned" && draft.state !== "aside" ? `item.decision.${draft.decision}` : `item.state.${draft.state === "aside" && draft.taken_up ? "taken_up" : draft.state}`;
  return { text: [word(key), ...countsOf(all, word)].join(" · "), all };
}

export async function queueScreen(box, { word, account, go, run, state }) {
  const mine = (await drafts(account)).sort((one, other) => (one.created_at < other.created_at ? 1 : -1));
  const parts = [];
  for (const [name, states] of GROUPS) {
    const own = mine.filter((one) => states.includes(one.state));
    if (!own.length) continue;
    const rows = await Promise.all(own.map((one) => row(one, word, go)));
    parts.push(make("section", { class: `field-group is-${name}` }, make("h2", {}, word(`queue.${name}`), " ", make("small", {}, String(own.length))), make("ul", { class: "field-list" }, rows)));
  }
  if (!parts.length) parts.push(make("p", { class: "field-empty" }, word("queue.empty")));
  fill(box, state, make("button", { type: "button", class: "field-button is-wide", onclick: run }, word("queue.now")), parts);
}

async function row(draft, word, go) {
  const { text } = await stateOf(draft, word);
  const area = draft.kind === "enclosure" && draft.phone_area_m2 ? `${word.number(draft.phone_area_m2, 1)} m²` : "";
  return make("li", {}, make("a", { class: `field-row is-${draft.state}`, href: `#/item/${draft.id}` },
    make("b", {}, titleOf(draft, word)),
    make("span", { class: "field-aside" }, area),
    make("small", {}, word.moment(draft.created_at), " · ", draft.place),
    make("span", { class: "field-state" }, text)));
}

export async function itemScreen(box, { word, draft, go, run, refresh }) {
  const { text, all } = await stateOf(draft, word);
  const again = async (changes) => {
    const copy = await takeUpAgain(draft, changes);
    go(`mark/${copy.id}`);
  };
  const remove = async (sure) => {
    if (!window.confirm(sure)) return;
    await removeDraft(draft.id);
    go("queue");
  };
  const tryAgain = async (photographs) => {
    await tryPhotographs(draft, photographs.filter(isRefused));
    run();
  };
  const giveUp = async (photograph) => {
    if (!window.confirm(word("item.originalGiveUpSure"))) return;
    await giveUpOriginal(draft, photograph);
    run();
  };
  const decide = async (act) => {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Elsewhere)) throw error;
      window.alert(word("item.changedElsewhere"));
      refresh();
    }
  };
  const button = (key, act, look = "") => make("button", { type: "button", class: `field-button is-wide ${look}`, onclick: () => decide(act) }, word(key));
  const actions = {
    draft: () => [button("item.continue", () => go(`mark/${draft.id}`)), button("item.remove", () => remove(word("item.removeUnsent")), "is-plain")],
    queued: () => [button("queue.now", run)],
    sending: () => [button("queue.now", run)],
    sent: () => [button("queue.now", run)],
    lacking: () => [button("item.tryPhotographs", () => tryAgain(all))],
    conflict: () => [button("item.compare", () => go(`conflict/${draft.id}`))],
    refused: () => [
      button("item.correct", () => again(isAbout(draft.problem, "follows") ? { follows: null } : {})),
      button("item.sameAgain", async () => { await changeDraft(draft.id, { state: "queued", problem: null }, { state: draft.state }); run(); }, "is-plain"),
    ],
    returned: () => [button("item.again", () => again({ follows: draft.id, observed_at: now(), position: null }))],
    done: () => [button("item.removeDone", () => remove(removalOf(all, word)), "is-plain")],
    aside: () => [
      draft.taken_up ? button("item.takenUp", () => go(`item/${draft.taken_up}`)) : button("item.resume", async () => { await changeDraft(draft.id, { state: "draft" }, { state: draft.state }); go(`mark/${draft.id}`); }),
      button("item.remove", () => remove(word(draft.taken_up ? "item.removeTakenUp" : "item.removeUnsent")), "is-plain"),
    ],
  };
  const isSentBefore = Boolean(draft.receipt);
  fill(box,
    make("h2", {}, titleOf(draft, word)),
    make("p", { class: `field-badge is-${draft.state}` }, text),
    draft.reason ? make("p", { class: "field-quote" }, make("b", {}, word("item.reason")), " ", draft.reason) : null,
    problems(draft.problem, word),
    refusals(all, { word, again: (one) => tryAgain([one]), giveUp }),
    facts(draft, word),
    isSentBefore ? make("p", { class: "field-quiet" }, word("item.receipt", { hash: draft.receipt.sha256.slice(0, 12), when: word.moment(draft.receipt.received_at) })) : null,
    strip(all, word),
    make("div", { class: "field-actions" }, (actions[draft.state] || (() => []))()));
}

const isAbout = (problem, field) => (problem?.problems || []).some((one) => one.field === field);

function facts(draft, word) {
  const rows = [
    [word("item.fact.area"), draft.phone_area_m2 ? `${word.number(draft.phone_area_m2, 2)} m²` : ""],
    [word("item.fact.method"), draft.kind === "enclosure" && draft.method ? word(`item.method.${draft.method}`) : ""],
    [word("item.fact.height"), draft.height_m ? `${word.number(draft.height_m, 1)} m` : ""],
    [word("item.fact.plants"), draft.plants || ""],
    [word("item.fact.household"), draft.household || ""],
    [word("item.fact.note"), draft.note || ""],
    [word("item.fact.created"), word.moment(draft.created_at)],
  ];
  const told = make("dl", { class: "field-facts" }, rows.filter(([, value]) => value).map(([label, value]) => make("div", {}, make("dt", {}, label), make("dd", {}, value))));
  return [drawnOutline(draft.geometry, word("item.outline")), told];
}

// What somebody decided about two versions: the own one anew, put aside, or both for the office.
export async function chooseVersion(draft, choice, version) {
  const seen = { state: "conflict" };
  if (choice === "theirs") return changeDraft(draft.id, { state: "aside", now: null }, seen);
  const changed = choice === "both"
    ? { ...draft, keep_both: true }
    : { ...draft, corrects: { id: draft.now.id, version: draft.now.version }, keep_both: false };
  await changeDraft(draft.id, { corrects: changed.corrects, keep_both: changed.keep_both }, seen);
  return queueDraft(changed, version, seen);
}

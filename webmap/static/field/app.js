// The page of the phone: opens without a signal, asks who is logged in, shows one screen at a time.
import { isExpired, prepared, removeArea } from "./areas.js";
import { mountCamera } from "./camera.js";
import { mountConflict } from "./conflict.js";
import { fill, make } from "./dom.js";
import { elsewhereScreen } from "./elsewhere.js";
import { exportView } from "./exportview.js";
import { PAGE, createHolding } from "./holding.js";
import { chooseVersion, itemScreen, queueScreen } from "./items.js";
import { mountMark } from "./mark.js";
import { preparingScreen } from "./preparing.js";
import { createQueue, queueDraft } from "./queue.js";
import { knownSession, trueNow } from "./session.js";
import { Elsewhere, STOPPED, StorageFull, WAITING, claimDraft, database, drafts, holdReserve, keepPhotograph, keepSetting, leaveMarking, marked, newId, now, otherDrafts, photographsOf, removePhotograph, room, saveDraft, saveMarking, setting } from "./store.js";
import { chosenLanguage, keepLanguage, loadWords, otherLanguage } from "./words.js";

const root = document.getElementById("field");
// Under this much room a photograph more may not fit.
const LITTLE_ROOM = 50_000_000;

let word;
let queue;
let session;
let version = "";
let leaveScreen = () => {};
let shown = 0;
// Photographs that were taken and are not kept yet: nothing is sent before they are.
let shooting = Promise.resolve();
// What was marked and is not kept yet: no other page goes on before it is.
let marking = Promise.resolve();
let holding;

const bar = make("header", { class: "field-bar" });
const notices = make("div", { class: "field-notices" });
const screen = make("main", { class: "field-screen", tabindex: "-1", id: "screen" });
const nav = make("nav", { class: "field-nav" });

export const go = (path) => { location.hash = `#/${path}`; };

function size(bytes) {
  const [value, unit] = bytes > 1e9 ? [bytes / 1e9, "GB"] : bytes > 1e6 ? [bytes / 1e6, "MB"] : [bytes / 1e3, "kB"];
  return `${word.number(value, value < 10 ? 1 : 0)}\u00a0${unit}`;
}

// Keeps this version of the page on the phone; a newer one waits until somebody takes it. Where
// that fails, the page works as long as it is open: sending never waits for it.
async function keepPage() {
  if (!("serviceWorker" in navigator)) return;
  const registration = await navigator.serviceWorker.register(root.dataset.worker);
  let isAsked = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => { if (isAsked) location.reload(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) registration.update().catch(() => {}); });
  const offer = () => {
    if (!registration.waiting || !navigator.serviceWorker.controller) return;
    notice("update", make("p", {}, word("app.update")), make("button", { type: "button", class: "field-button", onclick: () => { isAsked = true; registration.waiting.postMessage("update"); } }, word("app.updateNow")));
  };
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
  offer();
  const ready = await navigator.serviceWorker.ready;
  const channel = new MessageChannel();
  channel.port1.onmessage = ({ data }) => { version = data; };
  ready.active.postMessage("version", [channel.port2]);
}

function notice(name, ...content) {
  const found = notices.querySelector(`[data-notice=${name}]`);
  found?.remove();
  if (content.length) notices.append(make("div", { class: "field-notice", "data-notice": name, role: "status" }, content));
}

async function noticeRoom() {
  const { usage, quota } = await room();
  const isTight = !(await holdReserve()) || (quota !== null && quota - usage < LITTLE_ROOM);
  if (isTight) notice("room", make("p", {}, word("app.littleRoom")));
  else notice("room");
}

async function statusLine() {
  const mine = session.account ? await drafts(session.account) : [];
  const count = (states) => mine.filter((one) => states.includes(one.state)).length;
  const waiting = count([...WAITING, "sent"]);
  const stopped = count(STOPPED);
  const { kind, seconds } = queue.state;
  const line = {
    session: () => [waiting ? word("status.loggedOut", { n: waiting }) : word("status.stranger"), " ", make("a", { class: "field-link", href: `${root.dataset.login}&lang=${word.language}` }, word("status.logIn"))],
    offline: () => [word(waiting ? "status.offlineWaiting" : "status.offline", { n: waiting })],
    later: () => [word("status.later", { n: waiting, seconds })],
    failed: () => [word("status.failed", { n: waiting })],
    idle: () => [word(waiting ? "status.someWaiting" : stopped ? "status.stopped" : "status.allSent", { n: waiting || stopped })],
    start: () => [word("status.start", { n: waiting })],
    elsewhere: () => [word("status.elsewhere", { n: waiting })],
  }[kind] || (() => [word("status.sending", { n: waiting })]);
  const offset = queue.state.clock_offset_s ?? session.clock_offset_s ?? 0;
  const clock = Math.abs(offset) > 120 ? make("p", {}, word("status.clock", { off: span(Math.abs(offset)) })) : null;
  return make("div", { class: `field-status is-${kind}`, role: "status" }, make("p", {}, session.name && kind !== "session" ? make("b", {}, session.name, " · ") : null, line()), clock);
}

// How far a clock is off, in the largest unit that tells it.
function span(seconds) {
  const [unit, length] = [["day", 86_400], ["hour", 3_600], ["minute", 60]].find(([, one]) => seconds >= 2 * one) || ["minute", 60];
  return new Intl.NumberFormat(word.language.replace("_", "-"), { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 }).format(seconds / length);
}

function chrome() {
  const language = chosenLanguage();
  fill(bar, make("h1", {}, make("img", { src: "/static/mark.svg", alt: "", width: "28", height: "28" }), word("app.name")),
    make("button", { type: "button", class: "field-plain", lang: otherLanguage(language).replace("_", "-"), onclick: () => { keepLanguage(otherLanguage(language)); location.reload(); } }, word("app.language")));
  nav.setAttribute("aria-label", word("nav.label"));
}

async function showNav(at) {
  const mine = session.account ? await drafts(session.account) : [];
  const count = mine.filter((one) => ["draft", ...WAITING, ...STOPPED].includes(one.state)).length;
  fill(nav, [["", "nav.areas"], ["queue", "nav.queue"], ["more", "nav.more"]].map(([path, key]) =>
    make("a", { href: `#/${path}`, "aria-current": at === path ? "page" : null }, word(key), path === "queue" && count ? make("b", { class: "field-count" }, String(count)) : null)));
}

const SCREENS = { "": home, prepare, mark, camera, queue: list, item, conflict, more };

async function show() {
  const [name = "", argument = ""] = location.hash.replace(/^#\//, "").split("/");
  shown += 1;
  const mine = shown;
  leave();
  releaseUnused();
  const isWhole = ["mark", "camera", "conflict"].includes(name);
  document.documentElement.dataset.screen = name || "home";
  for (const part of [bar, nav, notices]) part.hidden = isWhole;
  if (!isWhole) await showNav(["queue", "item"].includes(name) ? "queue" : name === "more" ? "more" : "");
  const box = make("div", { class: isWhole ? "field-whole" : "field-page" });
  // A map needs to know its size when it is made.
  if (isWhole) fill(screen, box);
  await (SCREENS[name] || home)(box, argument);
  releaseUnused();
  // Whoever went on meanwhile sees what they went to.
  if (mine !== shown) return;
  const focused = focusedOn();
  if (!isWhole) fill(screen, box);
  if (focused !== null) [...box.querySelectorAll(FOCUSABLE)][focused]?.focus({ preventScroll: true });
  document.documentElement.dataset.state = "open";
  noticeRoom();
}

function leave() {
  leaveScreen();
  leaveScreen = () => {};
}

const settled = () => Promise.all([shooting, marking]);

// The draft that this page is marking or photographing.
function markedNow() {
  const [name, id] = location.hash.replace(/^#\//, "").split("/");
  return ["mark", "camera"].includes(name) ? id : null;
}

// Another page may go on with a draft as soon as this one shows something else and has kept all.
async function releaseUnused() {
  await settled();
  if (holding.id && holding.id !== markedNow()) await holding.letGo();
}

// Another page of this phone goes on with what is on the screen.
function lose(id) {
  if (markedNow() !== id) return;
  leave();
  shown += 1;
  const box = make("div", { class: "field-whole" });
  fill(screen, box);
  elsewhere(box, id, "lost");
}

function elsewhere(box, id, how) {
  elsewhereScreen(box, { word, how, back: () => go("queue"), takeOver: async () => {
    await holding.takeOver(id);
    await show();
  } });
}

const FOCUSABLE = "a[href], button, input, summary";

// What had the focus keeps it where the same screen is shown anew.
function focusedOn() {
  if (!screen.contains(document.activeElement)) return null;
  const at = [...screen.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  return at < 0 ? null : at;
}

// Another screen begins at its top, also for whoever hears it.
async function turn() {
  screen.focus({ preventScroll: true });
  await show();
  window.scrollTo(0, 0);
}

async function refresh() {
  const name = location.hash.replace(/^#\//, "").split("/")[0];
  if (["", "queue", "item", "more"].includes(name)) await show();
}

function back(key, path = "") {
  return make("a", { class: "field-back", href: `#/${path}` }, `‹ ${word(key)}`);
}

async function home(box) {
  if (!isAble()) {
    fill(box, make("p", { class: "field-alert", role: "alert" }, word("app.insecure")));
    return;
  }
  const kept = session.account ? await prepared(session.account, trueNow()) : [];
  // A phone that slept counted no time, and its own clock may be wrong: the later of both warns.
  const at = Math.max(trueNow() ?? 0, Date.now() + (session.clock_offset_s || 0) * 1000);
  const places = session.places || [];
  const areas = kept.map((one) => make("li", { class: "field-area" },
    make("h3", {}, one.name),
    make("p", { class: isExpired(one, at) ? "field-late" : "field-quiet" }, word(isExpired(one, at) ? "home.expired" : "home.kept", { n: one.buildings.length, size: size(one.bytes), prepared: word.moment(one.prepared_at), until: word.day(one.expires_at) })),
    make("button", { type: "button", class: "field-button is-wide", onclick: () => begin(one) }, word("home.mark")),
    make("div", { class: "field-pair" },
      make("a", { class: "field-button is-plain", href: `#/prepare/${encodeURIComponent(one.place)}` }, word("home.update")),
      make("button", { type: "button", class: "field-button is-plain", onclick: async () => { if (window.confirm(word("home.removeSure"))) { await removeArea(one.place); show(); } } }, word("home.remove")))));
  const others = places.filter((one) => !kept.some(({ place }) => place === one.code));
  fill(box, await statusLine(),
    installHint(),
    areas.length ? make("section", {}, make("h2", {}, word("home.areas")), make("ul", { class: "field-areas" }, areas)) : null,
    others.length ? make("section", {}, make("h2", {}, word(areas.length ? "home.more" : "home.first")), make("ul", { class: "field-list" }, others.map((one) => make("li", {}, make("a", { class: "field-row", href: `#/prepare/${encodeURIComponent(one.code)}` }, make("b", {}, one.name), make("small", {}, one.code)))))) : null,
    !areas.length && !others.length ? make("p", { class: "field-empty" }, word(session.account ? "home.nowhere" : "home.stranger")) : null);
}

// Without a secure context a browser gives neither hashes nor a service worker.
function isAble() {
  return window.isSecureContext && Boolean(navigator.locks && crypto.subtle && window.indexedDB);
}

let installing = null;

function installHint() {
  if (!installing) return null;
  return make("div", { class: "field-install" }, make("p", {}, word("app.install")),
    make("button", { type: "button", class: "field-button is-plain", onclick: async () => { const asked = installing; installing = null; await asked.prompt(); refresh(); } }, word("app.installNow")));
}

async function begin(kept) {
  if (!session.account) return;
  const at = now();
  const draft = { id: newId(), place: kept.place, account: session.account, kind: "enclosure", state: "draft", created_at: at, observed_at: at, prepared_at: kept.prepared_at, structure_types: [], app_version: version, page: PAGE };
  try {
    await saveDraft(draft);
    go(`mark/${draft.id}`);
  } catch (error) {
    if (!(error instanceof StorageFull)) throw error;
    notice("full", make("p", {}, word("app.full")));
  }
}

async function prepare(box, place) {
  const code = decodeURIComponent(place);
  const inner = make("div");
  fill(box, back("nav.areas"), inner);
  const name = (session.places || []).find((one) => one.code === code)?.name || code;
  await preparingScreen(inner, { word, account: session.account, place: code, name, go, size });
}

async function opened(box, id) {
  const draft = await database.drafts.get(id);
  if (!draft) {
    go("queue");
    return {};
  }
  const kept = await database.bundles.get(draft.place);
  if (!kept || kept.account !== session.account) {
    fill(box, back("nav.queue", "queue"), make("p", { class: "field-alert", role: "alert" }, word("mark.noBundle")), make("a", { class: "field-button is-wide", href: `#/prepare/${encodeURIComponent(draft.place)}` }, word("home.update")));
    return {};
  }
  return { draft, bundle: await withOwn(kept.bundle, draft) };
}

// What this phone has marked and not sent yet is ground that somebody has marked, too.
async function withOwn(bundle, draft) {
  const others = (await drafts(draft.account)).filter((one) => one.id !== draft.id && one.place === draft.place && one.geometry && ["draft", ...WAITING, "sent", "lacking", "done"].includes(one.state));
  const known = new Set(bundle.waiting.map(({ id }) => id));
  const own = others.filter(({ id, decision }) => !known.has(id) && !decision).map(({ id, geometry, rms_m }) => ({ id, geometry, rms_m }));
  return { ...bundle, waiting: [...bundle.waiting, ...own] };
}

// A draft that may be marked, and by this page alone: what was announced to the server is all that
// it takes.
async function held(box, id) {
  const { draft, bundle } = await opened(box, id);
  if (!bundle) return {};
  if (holding.id !== id) await settled();
  if (draft.state === "draft" && !(await holding.hold(id))) {
    elsewhere(box, id, "open");
    return {};
  }
  // Read when nobody else writes any more.
  const claimed = draft.state === "draft" ? await claimOf(id) : null;
  if (claimed?.state !== "draft") {
    go(`item/${id}`);
    return {};
  }
  return { draft: claimed, bundle };
}

// A full phone takes no change of a draft: whoever opens it is told at once.
async function claimOf(id) {
  try {
    return await claimDraft(id, PAGE);
  } catch (error) {
    if (!(error instanceof StorageFull)) throw error;
    window.alert(word("app.full"));
    return null;
  }
}

async function mark(box, id) {
  const { draft, bundle } = await held(box, id);
  if (!bundle) return;
  let isOver = false;
  const photographs = await photographsOf(id);
  const mounted = mountMark(box, {
    bundle, draft, photographs, words: word, declared: await setting("declared", "wgs84"),
    save: (changed) => saveMarking(id, changed, PAGE).catch((error) => {
      if (error instanceof Elsewhere && !isOver) lose(id);
      throw error;
    }),
    camera: () => go(`camera/${id}`),
    done: async (news) => {
      await shooting;
      isOver = true;
      try {
        if (news.ready) await queueDraft(marked(await database.drafts.get(id) ?? news.draft, news.draft), version, { state: "draft", page: PAGE });
        else await leaveMarking(id, news.draft, PAGE);
      } catch (error) {
        isOver = false;
        if (error instanceof Elsewhere) {
          lose(id);
          return;
        }
        // What is on the screen is not on the phone: whoever leaves now would lose it.
        if (!(error instanceof StorageFull)) throw error;
        window.alert(word("app.full"));
        return;
      }
      go("queue");
      if (news.ready) queue.run();
    },
  });
  let isHere = true;
  shooting.then(async () => { if (isHere) mounted.setPhotographs(await photographsOf(id)); });
  leaveScreen = () => {
    isHere = false;
    marking = mounted.settled();
    mounted.unmount();
  };
}

async function camera(box, id) {
  const { draft, bundle } = await held(box, id);
  if (!bundle) return;
  const declared = await setting("declared", "wgs84");
  const mounted = mountCamera(box, {
    draft, bundle, words: word, declared, sendsOriginals: await setting("originals", false),
    chooseOriginals: (wanted) => keepSetting("originals", wanted),
    earlier: bundle.photographs || [],
    photographs: await photographsOf(id),
    keep: (photograph) => keepPhotograph({ state: "kept", offset: 0, problem: null, ...photograph, draft: id }, PAGE),
    remove: (photograph_id) => removePhotograph(id, photograph_id, PAGE),
    done: () => history.back(),
  });
  leaveScreen = () => {
    shooting = mounted.settled().catch(unkept);
    mounted.unmount();
  };
}

async function list(box) {
  if (!session.account) {
    fill(box, await statusLine(), make("p", { class: "field-empty" }, word("home.stranger")));
    return;
  }
  await queueScreen(box, { word, account: session.account, go, run: () => queue.run(), state: await statusLine() });
}

async function item(box, id) {
  const draft = await database.drafts.get(id);
  if (!draft) {
    go("queue");
    return;
  }
  const inner = make("div");
  fill(box, back("nav.queue", "queue"), inner);
  await itemScreen(inner, { word, draft, go, run: () => queue.run(), refresh: show });
}

async function conflict(box, id) {
  const { draft, bundle } = await opened(box, id);
  if (!bundle) return;
  if (draft.state !== "conflict") {
    go(`item/${id}`);
    return;
  }
  const mounted = mountConflict(box, { bundle, draft, words: word, choose: async (choice) => {
    try {
      await chooseVersion(draft, choice, version);
    } catch (error) {
      if (!(error instanceof Elsewhere)) throw error;
      window.alert(word("item.changedElsewhere"));
    }
    queue.run();
    go("queue");
  } });
  leaveScreen = () => mounted.unmount();
}

async function more(box) {
  const { usage, quota, persisted } = await room();
  const strangers = session.account ? await otherDrafts(session.account) : [];
  const toggle = async (key, label, hint, value, stored) => {
    const input = make("input", { type: "checkbox", role: "switch", onchange: () => keepSetting(stored, value(input.checked)) });
    input.checked = (await setting(stored, value(false))) === value(true);
    return make("label", { class: "field-switch", "data-setting": key }, make("span", {}, make("b", {}, label), make("small", {}, hint)), input);
  };
  const account = session.account;
  fill(box, await statusLine(),
    make("section", { class: "field-card" }, make("h2", {}, word("more.phone")),
      make("p", {}, quota === null ? word("more.roomUnknown") : word("more.room", { used: size(usage), quota: size(quota) })),
      make("p", {}, word(persisted === true ? "more.persisted" : persisted === false ? "more.notPersisted" : "more.persistUnknown"))),
    make("section", { class: "field-card" }, make("h2", {}, word("more.settings")),
      await toggle("originals", word("more.originals"), word("more.originalsHint"), (on) => on, "originals"),
      await toggle("declared", word("more.gcj02"), word("more.gcj02Hint"), (on) => (on ? "gcj02" : "wgs84"), "declared")),
    account ? make("section", { class: "field-card" }, make("h2", {}, word("more.rescue")), make("p", { class: "field-quiet" }, word("more.rescueHint")),
      make("div", { class: "field-actions" }, await exportView({ word, account, size, limits: JSON.parse(root.dataset.limits) }))) : null,
    strangers.length ? make("p", { class: "field-alert" }, word("more.others", { n: strangers.length })) : null,
    make("p", { class: "field-quiet" }, word("more.version", { version: version || "–" })));
}

// A photograph that was taken and is not kept, found out when its screen was left already.
function unkept(error) {
  const text = word(error instanceof StorageFull ? "app.photographFull" : "app.photographLost");
  notice("full", make("p", {}, text));
  // Beside a map there are no notices, and whoever marks on would send without it.
  if (notices.hidden) window.alert(text);
}

// A write that fails is said wherever it failed, and whatever else goes wrong as well.
function rejected(event) {
  const isFull = event.reason instanceof StorageFull || event.reason?.name === "QuotaExceededError";
  if (isFull) event.preventDefault();
  notice("full", make("p", {}, word(isFull ? "app.full" : "app.wrong")));
}

async function open() {
  word = await loadWords(root.dataset.words, chosenLanguage());
  document.title = word("app.name");
  fill(root, make("a", { class: "field-skip", href: "#screen" }, word("app.skip")), bar, notices, screen, nav);
  session = await knownSession();
  holding = createHolding({ settle: () => { leave(); return settled(); }, onLost: lose });
  queue = createQueue({ sessionAddress: root.dataset.session, onChange: heard });
  chrome();
  window.addEventListener("hashchange", turn);
  window.addEventListener("unhandledrejection", rejected);
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    installing = event;
    refresh();
  });
  await show();
  if (!isAble()) return;
  keepPage().catch(() => notice("keep", make("p", {}, word("app.notKept"))));
  await queue.run();
}

let isRefreshing = false;
let isOld = false;

// News of the queue come in bursts: the last of them is shown, and none is shown twice at once.
async function heard(state) {
  if (state.session) session = { ...session, ...state.session };
  isOld = true;
  if (isRefreshing) return;
  isRefreshing = true;
  try {
    while (isOld) {
      isOld = false;
      await refresh();
    }
  } finally {
    isRefreshing = false;
  }
}

open().catch((error) => {
  document.documentElement.dataset.state = "broken";
  // Without words there is no language either: both are said.
  fill(root, make("p", { class: "field-alert", role: "alert" }, "This page could not be opened; nothing that was marked is lost. Open it again with a signal. 页面无法打开，已标记的内容没有丢失，请在有信号时重新打开。"));
  throw error;
});

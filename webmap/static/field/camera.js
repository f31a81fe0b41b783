// The camera screen: the live view with an earlier photograph over it, a large shutter under the
// thumb, and the photographs taken. Where the page gets no camera, the phone's own takes over.
import { watchBearing } from "./compass.js";
import { fill, make } from "./dom.js";
import { liesNear, openSurvey } from "./geometry.js";
import { createGuide } from "./guide.js";
import { icon } from "./icons.js";
import { liveCamera } from "./livecamera.js";
import { fixOf } from "./places.js";
import { watchPosition } from "./position.js";
import { decode, makePhotograph, NoPicture } from "./shot.js";
import { createTaken } from "./taken.js";

// A position older than this is not where the photograph was taken.
const FRESH_MS = 30_000;
const WAIT_MS = 6_000;
// A picked file older than this was taken some time ago, and who knows where.
const JUST_TAKEN_MS = 120_000;

// keep(photograph) keeps one, or what was changed of it; remove(id) forgets one that was not
// sent; done() leaves. `photographs` are those of the draft so far, `earlier` those of the bundle
// ({id, taken_at, bearing, longitude, latitude, url}). `declared` is "gcj02" where the person
// said that this phone gives such positions. `sendsOriginals` is what was chosen last, and
// chooseOriginals(bool) hears of another choice.
export function mountCamera(root, options) {
  const { draft, bundle, words, keep, remove, done, earlier = [], photographs = [], declared = "wgs84" } = options;
  let wantsOriginal = Boolean(options.sendsOriginals);
  let where = { fix: null, problem: null };
  let shots = Promise.resolve();
  let left = false;
  // What could not be kept once nobody could see it here any more.
  let unsaid = null;

  const video = make("video", { class: "camera-video", playsinline: true, "aria-label": words("camera.view") });
  video.muted = true;
  const place = make("span", { class: "camera-chip" });
  const compass = make("span", { class: "camera-chip" });
  const said = make("p", { class: "camera-said", role: "status" });
  const trouble = make("div", { class: "camera-trouble", hidden: true });
  const guide = createGuide({ words, earlier, here });
  const taken = createTaken({ words, photographs, change: keep, remove });
  const frame = make("div", { class: "camera-frame" }, video, guide.over);
  const file = make("input", { type: "file", accept: "image/*", capture: "environment", hidden: true, onchange: pick });
  const shutter = make("button", { type: "button", class: "camera-shutter", disabled: true, "aria-label": words("camera.shoot"), onclick: shoot });
  const guideButton = tool("layers", "camera.guide", () => { guide.toggle(); show(); }, earlier.length === 0);
  const originalButton = tool("picture", "camera.original", () => { wantsOriginal = !wantsOriginal; options.chooseOriginals?.(wantsOriginal); show(); });
  const fileButton = tool("phone", "camera.phone", () => file.click());
  const allow = make("button", { type: "button", class: "camera-chip", hidden: true, onclick: allowCompass }, words("camera.allowCompass"));

  fill(root, make("div", { class: "camera" },
    make("div", { class: "camera-stage" }, frame, trouble,
      make("header", { class: "camera-top" },
        make("button", { type: "button", class: "camera-square", "aria-label": words("camera.back"), onclick: leave }, icon("back")),
        make("h1", { class: "camera-title" }, words("camera.title")),
        make("div", { class: "camera-chips" }, place, compass, allow))),
    make("section", { class: "camera-panel", "aria-label": words("camera.controls") },
      said, guide.box, taken.strip,
      make("div", { class: "camera-tools" }, guideButton, originalButton, shutter, fileButton,
        make("button", { type: "button", class: "camera-tool is-done", onclick: leave }, icon("clear"), make("span", {}, words("camera.done"))))),
    file, taken.sheet));

  const survey = openSurvey(bundle.survey);
  const isNear = bundle.boundary && survey.isExact ? (at, metres) => liesNear(at, metres, bundle, survey) : null;
  const bearing = watchBearing({ onChange: () => moved() });
  allow.hidden = !bearing.ask;
  const watch = watchPosition({ isNear, declared, onChange: (news) => { where = news; moved(); } });
  const ticking = setInterval(showWhere, 1_000);
  const camera = liveCamera(video, { onChange: seen });

  function tool(glyph, name, onclick, disabled = false) {
    return make("button", { type: "button", class: "camera-tool", disabled, onclick }, icon(glyph), make("span", {}, words(name)));
  }

  function seen({ isLive, problem, width, height }) {
    shutter.disabled = !isLive;
    frame.hidden = !isLive;
    trouble.hidden = isLive;
    if (isLive) frame.style.setProperty("--ratio", String(width / height));
    else {
      fill(trouble, make("p", {}, words(`camera.trouble.${problem}`)),
        make("button", { type: "button", class: "camera-primary", onclick: () => file.click() }, words("camera.usePhone")),
        problem === "insecure" ? null : make("button", { type: "button", class: "camera-second", onclick: () => camera.open() }, words("camera.again")));
    }
  }

  // Where the phone is, as far as that is true of this moment.
  function fresh() {
    return where.fix && Date.now() - Date.parse(where.fix.at) <= FRESH_MS ? where.fix : null;
  }

  function here() {
    const fix = where.problem === "shifted" ? null : fresh();
    return { position: fix, bearing: bearing.now() };
  }

  function moved() {
    allow.hidden = !bearing.ask || bearing.now() !== null;
    showWhere();
    guide.moved();
  }

  // A position in shifted coordinates is named as such and never becomes survey data.
  async function spot() {
    const fix = fresh() || await newFix();
    return fix && { ...fix, datum: where.problem === "shifted" ? "gcj02" : "wgs84" };
  }

  // Asks once more where nothing fresh is known; the phone has hardly moved when it answers.
  function newFix() {
    if (!navigator.geolocation || where.problem === "denied") return null;
    return new Promise((resolve) => {
      navigator.geolocation.getCurrentPosition(
        (position) => resolve(fixOf(position)),
        () => resolve(null),
        { enableHighAccuracy: true, maximumAge: 5_000, timeout: WAIT_MS },
      );
    });
  }

  // The picture is held at once; all else is made while the thumb may press again.
  function shoot() {
    if (!camera.isLive) return;
    const held = camera.frame();
    const facts = { taken_at: new Date().toISOString(), bearing: bearing.now(), where: spot() };
    const full = wantsOriginal ? camera.photograph() : Promise.resolve(null);
    navigator.vibrate?.(25);
    frame.classList.remove("is-shot");
    requestAnimationFrame(() => frame.classList.add("is-shot"));
    work(async () => {
      const original = await full;
      const canvas = original ? await decode(original) : held;
      return assemble(canvas, facts, original);
    });
  }

  function pick() {
    const [chosen] = file.files;
    if (!chosen) return;
    const isNew = Date.now() - chosen.lastModified <= JUST_TAKEN_MS;
    const facts = isNew
      ? { taken_at: new Date(chosen.lastModified).toISOString(), bearing: bearing.now(), where: spot() }
      : { taken_at: new Date(chosen.lastModified).toISOString(), bearing: null, where: null };
    file.value = "";
    work(async () => assemble(await decode(chosen), facts, chosen));
  }

  async function assemble(canvas, facts, original) {
    const photograph = await makePhotograph(canvas, { ...facts, where: await facts.where, draft: draft.id, original, sendsOriginal: wantsOriginal });
    canvas.width = 0; // Gives the memory back at once: a phone has little.
    return photograph;
  }

  // One after another; what is said to be kept is kept.
  function work(making) {
    say(words("camera.keeping"));
    shots = shots.then(async () => {
      try {
        const photograph = await making();
        await keep(photograph);
        if (!left) taken.add(photograph);
        say(words("camera.kept", { n: taken.count }));
      } catch (error) {
        if (left) unsaid ??= error;
        say(words(error instanceof NoPicture ? "camera.noPicture" : error?.name === "Elsewhere" ? "mark.elsewhere" : "camera.notKept"), true);
      }
    });
  }

  function say(text, isBad = false) {
    said.textContent = text;
    said.classList.toggle("is-bad", isBad);
  }

  async function allowCompass() {
    if (await bearing.ask().catch(() => "denied") === "granted") allow.remove();
  }

  function showWhere() {
    const fix = fresh();
    const placed = where.problem === "shifted" ? "camera.chip.shifted" : where.problem === "denied" ? "camera.chip.denied" : fix ? null : "camera.chip.noPlace";
    write(place, placed ? words(placed) : `± ${words.number(Math.ceil(fix.accuracy_m))} m`);
    place.classList.toggle("is-warn", Boolean(placed));
    const looks = bearing.now();
    write(compass, looks === null ? words("camera.chip.noCompass") : words("camera.degrees", { n: words.number(looks) }));
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function show() {
    guideButton.setAttribute("aria-pressed", String(guide.isOpen));
    originalButton.setAttribute("aria-pressed", String(wantsOriginal));
  }

  async function leave() {
    await shots;
    done();
  }

  show();
  showWhere();
  return {
    // Resolves once everything that was taken is kept, also after the screen was left; throws what
    // went wrong since.
    settled: async () => {
      await shots;
      if (unsaid) throw unsaid;
    },
    unmount() {
      left = true;
      clearInterval(ticking);
      camera.stop();
      watch.stop();
      bearing.stop();
      taken.leave();
      fill(root);
    },
  };
}

// The photographs taken of a draft: a strip of them, and each one large with what is known of it,
// a note, and the way to remove it as long as it has not been sent.
import { fill, make } from "./dom.js";
import { icon } from "./icons.js";
import { LONGEST_NOTE } from "./uploads.js";

// change(photograph) keeps what was noted, remove(id) forgets one. Both may answer promises.
export function createTaken({ words, photographs, change, remove }) {
  const strip = make("ul", { class: "camera-strip", "aria-label": words("camera.taken") });
  const sheet = make("dialog", { class: "camera-sheet", onclose: leaveSheet });
  const addresses = new Map();
  let list = [...photographs];
  let opened = null;

  function address(photograph) {
    if (!addresses.has(photograph.id)) addresses.set(photograph.id, URL.createObjectURL(photograph.blob));
    return addresses.get(photograph.id);
  }

  function show() {
    fill(strip, list.map((one, at) => make("li", {}, make("button", {
      type: "button", class: "camera-thumb", "aria-label": words("camera.open", { n: at + 1 }), onclick: () => open(one.id),
    }, make("img", { src: address(one), alt: "", width: "64", height: "64" }), one.note ? make("i", { class: "camera-noted" }) : null))));
    strip.scrollLeft = strip.scrollWidth;
  }

  function add(photograph) {
    list = [...list, photograph];
    show();
  }

  function open(id) {
    opened = list.find((one) => one.id === id);
    const at = list.indexOf(opened) + 1;
    const length = make("p", { class: "camera-length", id: "camera-length" });
    const full = make("p", { class: "camera-length is-warn", role: "status" });
    const note = make("textarea", { rows: "2", maxlength: String(LONGEST_NOTE), id: "camera-note", "aria-describedby": "camera-length", oninput: measure });
    note.value = opened.note || "";
    note.readOnly = Boolean(opened.note_is_sent);
    measure();
    note.addEventListener("change", () => changed({ note: note.value.trim() }));
    fill(sheet,
      make("h2", { id: "camera-sheet-title" }, words("camera.number", { n: at })),
      make("img", { class: "camera-large", src: address(opened), alt: words("camera.number", { n: at }), width: opened.width, height: opened.height }),
      facts(opened),
      originalChoice(opened),
      make("label", { class: "camera-label", for: "camera-note" }, words("camera.note")), note, length, full,
      make("div", { class: "camera-row" }, removal(opened), make("button", { type: "button", class: "camera-primary", autofocus: true, onclick: () => sheet.close() }, words("camera.close"))));
    sheet.setAttribute("aria-labelledby", "camera-sheet-title");
    sheet.showModal();

    // Said while it is typed: what is longer is cut off by the browser, without a word.
    function measure() {
      length.textContent = note.readOnly ? words("camera.noteSent") : words("camera.noteLength", { n: words.number(note.value.length), most: words.number(LONGEST_NOTE) });
      full.textContent = note.value.length < LONGEST_NOTE ? "" : words("camera.noteFull");
    }
  }

  function facts(one) {
    const place = one.position && one.datum !== "gcj02"
      ? `${one.position.latitude.toFixed(6)}, ${one.position.longitude.toFixed(6)} ± ${words.number(Math.ceil(one.accuracy_m))} m`
      : words(one.position ? "camera.shiftedPlace" : "camera.placeUnknown");
    const rows = [
      ["camera.takenAt", one.taken_at ? words.moment(one.taken_at) : words("camera.timeUnknown")],
      ["camera.place", place],
      ["camera.facing", one.bearing === null ? words("camera.bearingUnknown") : words("camera.degrees", { n: words.number(one.bearing) })],
      ["camera.size", words("camera.sizeOf", { width: one.width, height: one.height, kb: words.number(one.blob.size / 1000) })],
      ["camera.hash", make("code", {}, one.sha256)],
    ];
    return make("dl", { class: "camera-facts" }, rows.flatMap(([name, value]) => [make("dt", {}, words(name)), make("dd", {}, value)]));
  }

  function originalChoice(one) {
    if (!one.original) return null;
    const box = make("input", { type: "checkbox", disabled: one.state !== "kept", onchange: (event) => changed({ sends_original: event.target.checked }) });
    box.checked = one.sends_original;
    return make("label", { class: "camera-check" }, box, make("span", {}, words("camera.sendOriginal", { mb: words.number(one.original.size / 1e6, 1) })));
  }

  // Removed by a second tap at the same place, so that no slip of the thumb does it.
  function removal(one) {
    if (one.state !== "kept" || one.offset) return make("p", { class: "camera-sent" }, words("camera.sentAlready"));
    const button = make("button", { type: "button", class: "camera-remove" }, icon("remove"), make("span", {}, words("camera.remove")));
    button.addEventListener("click", async () => {
      if (!button.classList.contains("is-sure")) {
        button.classList.add("is-sure");
        button.querySelector("span").textContent = words("camera.removeSure");
        return;
      }
      await remove(one.id);
      list = list.filter(({ id }) => id !== one.id);
      URL.revokeObjectURL(address(one));
      addresses.delete(one.id);
      show();
      sheet.close();
    });
    return button;
  }

  async function changed(changes) {
    const photograph = { ...opened, ...changes };
    list = list.map((one) => (one.id === photograph.id ? photograph : one));
    opened = photograph;
    await change(photograph);
  }

  function leaveSheet() {
    opened = null;
    show();
  }

  show();
  return {
    strip, sheet, add,
    get count() { return list.length; },
    leave() {
      addresses.forEach((one) => URL.revokeObjectURL(one));
      addresses.clear();
    },
  };
}

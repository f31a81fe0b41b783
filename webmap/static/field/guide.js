// The guide: an earlier photograph over the live view, so that the next is taken from its place.
import { fill, make } from "./dom.js";
import { nearestFirst } from "./viewpoint.js";

const MOST = 12;
const HALF = 50;
// Nearer than this there is nothing to say about where to step or turn.
const CLOSE_M = 1;
const CLOSE_DEGREES = 5;

// `here()` answers {position, bearing}. `over` is laid on the live view, `box` under the thumb.
export function createGuide({ words, earlier, here }) {
  const over = make("img", { class: "camera-over", alt: "", hidden: true });
  const box = make("div", { class: "camera-guide", hidden: true });
  const list = make("ul", { class: "camera-earlier", "aria-label": words("camera.earlier") });
  const hint = make("p", { class: "camera-hint" });
  const strength = make("input", {
    type: "range", min: "0", max: "100", step: "5", value: String(HALF), oninput: fade, "aria-label": words("camera.opacity"),
  });
  let chosen = null;
  let ranked = [];
  const absent = new Set();

  fill(box, hint, list, make("label", { class: "camera-slider" }, make("span", { "aria-hidden": "true" }, words("camera.opacity")), strength));
  over.addEventListener("error", () => {
    if (!chosen) return;
    absent.add(chosen.id);
    showOver();
    show();
  });

  function fade() {
    over.style.opacity = String(Number(strength.value) / 100);
  }

  function open() {
    box.hidden = false;
    ranked = nearestFirst(earlier, here()).slice(0, MOST);
    choose(ranked[0].photograph);
  }

  function close() {
    box.hidden = true;
    chosen = null;
    showOver();
  }

  function choose(photograph) {
    chosen = photograph;
    showOver();
    show();
  }

  function showOver() {
    over.hidden = !chosen || absent.has(chosen.id);
    if (chosen && over.getAttribute("src") !== chosen.url) over.src = chosen.url;
    fade();
  }

  function show() {
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    fill(list, ranked.map((one, at) => make("li", {}, thumb(one, at))));
    if (focused) list.querySelector(`[data-id="${focused}"]`)?.focus();
    say();
  }

  function thumb({ photograph, metres }, at) {
    const said = [words("camera.earlierOf", { n: at + 1 }), photograph.taken_at ? words.day(photograph.taken_at) : null, metres === null ? null : words("camera.away", { m: words.number(metres) })];
    return make("button", {
      type: "button", class: "camera-thumb", "data-id": photograph.id, "aria-pressed": String(photograph === chosen),
      "aria-label": words.list(said.filter(Boolean)), onclick: () => choose(photograph),
    },
    make("img", { src: photograph.url, alt: "", width: "64", height: "64", onerror: (event) => event.target.classList.add("is-absent") }),
    make("span", { "aria-hidden": "true" }, metres === null ? "–" : words("camera.away", { m: words.number(metres) })));
  }

  // Where to step and turn until the earlier photograph and the view are one.
  function say() {
    if (!chosen) return;
    const [now] = nearestFirst([chosen], here());
    const taken = chosen.taken_at ? words.day(chosen.taken_at) : words("camera.timeUnknown");
    const parts = [taken];
    if (absent.has(chosen.id)) parts.push(words("camera.absent"));
    else {
      if (now.metres !== null && now.metres >= CLOSE_M) parts.push(words("camera.away", { m: words.number(now.metres) }));
      if (now.turn !== null && Math.abs(now.turn) >= CLOSE_DEGREES) parts.push(words(now.turn > 0 ? "camera.turnRight" : "camera.turnLeft", { n: words.number(Math.abs(now.turn)) }));
    }
    const text = parts.join(" · ");
    if (hint.textContent !== text) hint.textContent = text;
  }

  return {
    over, box,
    get isOpen() { return !box.hidden; },
    toggle() { (box.hidden ? open : close)(); },
    moved() { if (!box.hidden) say(); },
  };
}

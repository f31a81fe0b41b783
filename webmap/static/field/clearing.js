// "Nothing here": a household was looked at and is clear. Its position and its time make it an
// observation; without them it would be a guess.
import { fill, make } from "./dom.js";
import { byNumber } from "./geometry.js";
import { icon } from "./icons.js";

const SHOWN = 12;

// change({household, position}) takes what was chosen; goBack() leads to the outline.
// near([lng, lat]) gives the households with the nearest first, or null where nobody can say.
export function createClearing({ words, bundle, draft, change, goBack, near }) {
  const box = make("div", { class: "mark-panel mark-clearing" });
  let refs = [...new Set(bundle.parcels.flatMap((one) => one.households || []))].sort(byNumber);
  let isByNearness = false;
  let isLocated = false;
  let wanted = "";
  let where = { fix: null, problem: null };

  // Only where the list is made anew: it must not move under a thumb.
  function order() {
    const found = where.fix && !where.problem ? near([where.fix.longitude, where.fix.latitude]) : null;
    if (found) refs = found;
    isByNearness = isByNearness || Boolean(found);
  }

  function show() {
    order();
    fill(box,
      make("h3", {}, words("mark.clearTitle")),
      make("p", { class: "mark-tip" }, words("mark.clearTip")),
      make("p", { class: where.fix && !where.problem ? "mark-where is-good" : "mark-where", role: "status" }, icon("locate"), make("span", {}, whereText())),
      isByNearness ? make("p", { class: "mark-tip" }, words("mark.nearestFirst")) : null,
      refs.length > SHOWN ? search() : null,
      make("div", { class: "mark-chips mark-households" }, chips()),
      make("button", { type: "button", class: "mark-second", onclick: goBack }, icon("back"), make("span", {}, words("mark.notClear"))));
  }

  function whereText() {
    if (where.problem) return words(`mark.where.${where.problem}`);
    if (!where.fix) return words("mark.where.waiting");
    return words("mark.where.good", { n: words.number(where.fix.accuracy_m, 0), time: words.moment(where.fix.at) });
  }

  function search() {
    const field = make("input", { type: "search", inputmode: "text", autocomplete: "off", oninput: (event) => {
      wanted = event.target.value.trim();
      fill(box.querySelector(".mark-households"), chips());
    } });
    field.value = wanted;
    return make("label", { class: "mark-text" }, make("span", {}, words("mark.household")), field);
  }

  function chips() {
    const now = draft().household;
    const found = refs.filter((ref) => ref.includes(wanted) && ref !== now).slice(0, SHOWN);
    return [...(now ? [now] : []), ...found].map((ref) => make("button", {
      type: "button", class: "mark-chip", "aria-pressed": String(ref === now), onclick: () => choose(ref),
    }, ref));
  }

  function choose(ref) {
    change({ household: ref });
    show();
  }

  return {
    box,
    show,
    // A tap on a parcel names its household, where there is only one.
    pickParcel(parcel) {
      const [only, ...more] = parcel.households || [];
      if (only && !more.length) choose(only);
      else if (only) {
        wanted = only.slice(0, -1);
        show();
      }
    },
    locate(news) {
      where = news;
      // The first position that is known is worth it once.
      if (!isLocated && news.fix && !news.problem && !box.contains(document.activeElement)) {
        isLocated = true;
        show();
      }
      const line = box.querySelector(".mark-where");
      if (!line) return;
      line.classList.toggle("is-good", Boolean(news.fix && !news.problem));
      line.lastChild.textContent = whereText();
    },
  };
}

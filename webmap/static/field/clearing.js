// "Nothing here": a household was looked at and is clear. Its position and its time make it an
// observation; without them it would be a guess.
import { fill, make } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN = 12;

// change({household, position}) takes what was chosen; goBack() leads to the outline.
export function createClearing({ words, bundle, draft, change, goBack }) {
  const box = make("div", { class: "mark-panel mark-clearing" });
  const refs = [...new Set(bundle.parcels.flatMap((one) => one.households || []))]
    .sort((one, other) => one.localeCompare(other, undefined, { numeric: true }));
  let wanted = "";
  let where = { fix: null, problem: null };

  function show() {
    fill(box,
      make("h3", {}, words("mark.clearTitle")),
      make("p", { class: "mark-tip" }, words("mark.clearTip")),
      make("p", { class: where.fix && !where.problem ? "mark-where is-good" : "mark-where", role: "status" }, icon("locate"), make("span", {}, whereText())),
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
      const line = box.querySelector(".mark-where");
      if (!line) return;
      line.classList.toggle("is-good", Boolean(news.fix && !news.problem));
      line.lastChild.textContent = whereText();
    },
  };
}

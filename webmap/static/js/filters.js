// Search by text and filter by building. A search leads to a place on the map, and while
// its text stands, only the parcels that it finds keep their colour and are counted.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const PAUSE = 180;

  CG.createFilters = function (map, state, source, open) {
    const form = CG.find("cg-search");
    const query = CG.find("cg-query");
    const list = CG.find("cg-results");
    const chips = CG.find("cg-chips");
    const select = CG.find("cg-building");
    let results = [];
    let active = -1;

    const parcelOf = (result) => result.parcel || (result.kind === "parcel" ? result.id : null);

    function option(result, i) {
      return CG.make("li", {
        role: "option", id: `cg-result-${i}`, "aria-selected": i === active, onclick: () => choose(result),
      },
        CG.make("span", { class: "cg-result-kind" }, CG.wordOf("found", result.kind)),
        CG.make("span", { class: "cg-result-label" }, result.label));
    }

    function showList() {
      list.hidden = !state.text;
      query.setAttribute("aria-expanded", String(!list.hidden));
      query.toggleAttribute("aria-activedescendant", false);
      if (active >= 0) query.setAttribute("aria-activedescendant", `cg-result-${active}`);
      if (results.length) CG.fill(list, results.map(option));
      else CG.fill(list, CG.make("li", { class: "cg-none" }, CG.word("search.none")));
    }

    function showResults([found, parcels], text) {
      if (text !== state.text) return;
      results = found;
      active = -1;
      state.set({ matches: parcels && new Set(parcels) });
      showList();
    }

    // The list shows the closest few; the map keeps all.
    const find = (text) => Promise.all([source.search(text), source.matches(text)]);
    const search = CG.newest(find, showResults, CG.fail);
    const ask = CG.debounce((text) => { if (text && text === state.text) search(text); }, PAUSE);

    function setText(text) {
      state.set({ text });
      if (text) ask(text);
      else {
        results = [];
        state.set({ matches: null });
        list.hidden = true;
        query.setAttribute("aria-expanded", "false");
      }
    }

    function choose(result) {
      list.hidden = true;
      query.setAttribute("aria-expanded", "false");
      const [w, s, e, n] = result.bounds;
      map.fitBounds([[s, w], [n, e]], { maxZoom: result.kind === "building" ? 18 : 19, ...CG.padding() });
      if (result.kind === "building") {
        query.value = "";
        setText("");
        state.set({ building: refOf(result.label) });
      }
      const parcel = parcelOf(result);
      if (parcel) open(result.community, parcel, null, L.latLng((s + n) / 2, (w + e) / 2));
    }

    // A building is found by its number and its name; the filter needs the number.
    function refOf(label) {
      const refs = [...select.options].map((one) => one.value).filter((ref) => ref !== "");
      const fitting = refs.filter((ref) => label === ref || label.startsWith(`${ref} `));
      return fitting.sort((a, b) => b.length - a.length)[0] || label;
    }

    function onKey(event) {
      if (event.key === "Escape") {
        query.value = "";
        setText("");
        return;
      }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step || !results.length) return;
      event.preventDefault();
      active = (active + step + results.length) % results.length;
      showList();
      list.children[active].scrollIntoView({ block: "nearest" });
    }

    function chip(label, remove) {
      return CG.make("button", { type: "button", class: "cg-chip", title: CG.word("filter.remove"), onclick: remove }, label, CG.make("span", { "aria-hidden": "true" }, "×"));
    }

    function showChips() {
      const hidden = state.hidden.size;
      CG.fill(chips,
        state.building !== null && chip(CG.word("filter.building", { ref: state.building }), () => state.set({ building: null })),
        hidden > 0 && chip(CG.word("filter.hidden", { n: CG.count(hidden) }), () => state.set({ hidden: new Set() })),
        state.matches !== null && chip(CG.word("filter.text", { text: state.text }), () => { query.value = ""; setText(""); }));
      select.value = state.building === null ? "" : state.building;
    }

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (results.length) choose(results[Math.max(active, 0)]);
    });
    query.addEventListener("input", () => setText(query.value.trim()));
    query.addEventListener("keydown", onKey);
    query.addEventListener("focus", () => { if (state.text && results.length) showList(); });
    document.addEventListener("click", (event) => { if (!form.contains(event.target)) list.hidden = true; });
    select.addEventListener("change", () => state.set({ building: select.value === "" ? null : select.value }));
    state.watch(["building", "hidden", "matches", "text"], showChips);

    return {
      // The buildings to choose from, once the figures have named them.
      offerBuildings(refs) {
        if (select.options.length === refs.length + 1) return;
        CG.fill(select, CG.make("option", { value: "" }, CG.word("filter.allBuildings")),
          refs.map((ref) => CG.make("option", { value: ref }, ref)));
        select.closest("label").hidden = refs.length === 0;
        showChips();
      },
      restore() {
        query.value = state.text;
        if (state.text) ask(state.text);
        showChips();
      },
    };
  };
})();

// The legend is the filter: each status with its sample, a switch, and its number of parcels
// on the day of the slider among those that pass the building and the text; below it the
// other layers and the base maps.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  function entry(sample, label, checked, onchange, count) {
    const input = CG.make("input", { type: "checkbox", checked, onchange });
    return CG.make("label", { class: "cg-entry" }, input, sample, CG.make("span", { class: "cg-entry-name" }, label), count);
  }

  const samples = {
    encroachments: () => CG.swatch({ fill: "#ffffff", edge: "#16241c", hatch: "slash", line: "#16241c" }),
    observations: () => CG.swatch({ fill: "#ffffff", edge: "#10231a", dash: true }),
    buildings: () => CG.swatch({ fill: "#d9d5cb", edge: "#938d80" }),
    landscaping: () => CG.swatch(CG.landscapingLook),
    charging_pile: () => CG.make("span", { class: "cg-pile is-sample", "aria-hidden": "true" }, "14"),
  };

  CG.filterWords = ({ building, text }) => [
    building !== null && CG.word("filter.building", { ref: building }),
    text && CG.word("filter.text", { text }),
  ].filter(Boolean);

  CG.createLegend = function (state, source) {
    const statuses = CG.find("cg-statuses");
    const others = CG.find("cg-layers");
    const rows = new Map();

    function toggleStatus(status, shown) {
      const hidden = new Set(state.hidden);
      if (shown) hidden.delete(status);
      else hidden.add(status);
      state.set({ hidden });
    }

    function addStatus(status) {
      const count = CG.make("output", { class: "cg-entry-count" });
      const row = entry(CG.swatch(CG.statusLook(status)), CG.wordOf("status", status), !state.hidden.has(status),
        (event) => toggleStatus(status, event.target.checked), count);
      row.dataset.status = status;
      rows.set(status, row);
      statuses.append(row);
    }

    function addLayer(name) {
      const row = entry(samples[name](), CG.word(`layer.${name}`), state.layers[name],
        (event) => state.set({ layers: { ...state.layers, [name]: event.target.checked } }));
      row.dataset.layer = name;
      others.append(row);
    }

    function addBaseMaps() {
      const box = CG.find("cg-bases");
      box.hidden = !CG.config.baseMaps.length;
      for (const [value, label] of [["", CG.word("base.none")], ...CG.config.baseMaps.map((one) => [one.name, one.name])]) {
        const input = CG.make("input", {
          type: "radio", name: "cg-base", value, checked: state.base === value,
          onchange: () => state.set({ base: value }),
        });
        box.append(CG.make("label", { class: "cg-entry" }, input, CG.make("span", { class: "cg-entry-name" }, label)));
      }
    }

    function showCounts(counts) {
      for (const [status, row] of rows) {
        const n = counts[status] || 0;
        row.querySelector("output").textContent = CG.count(n);
        row.classList.toggle("is-empty", n === 0);
      }
    }

    // Says of what the counts are, where they are not of everything.
    function showFilter(filter) {
      const note = CG.find("cg-counted");
      const parts = CG.filterWords(filter);
      note.hidden = parts.length === 0;
      note.textContent = CG.word("legend.counted", { filter: parts.join(" · ") });
    }

    const load = CG.newest((day, filter) => source.status(day, filter),
      (counts, _day, filter) => { showCounts(counts); showFilter(filter); }, CG.fail);
    const update = () => load(state.day, state.filter());

    function showSwitches() {
      for (const [status, row] of rows) row.querySelector("input").checked = !state.hidden.has(status);
      for (const row of others.children) row.querySelector("input").checked = state.layers[row.dataset.layer];
      CG.find("cg-all").hidden = state.hidden.size === 0;
    }

    CG.config.statuses.forEach(addStatus);
    Object.keys(samples).forEach(addLayer);
    addBaseMaps();
    CG.find("cg-all").addEventListener("click", () => state.set({ hidden: new Set() }));
    state.watch(["day", "building", "matches"], update);
    state.watch(["hidden", "layers"], showSwitches);
    showSwitches();
    return { update };
  };
})();

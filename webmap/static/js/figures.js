// The figures beside the map, as of the day of the slider: of the whole place, or of the
// building that was chosen. Every number is the server's.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const LONGEST = 200;

  function tile(name, value, note) {
    return CG.make("div", { class: "cg-tile", "data-figure": name },
      CG.make("dt", {}, CG.word(`figure.${name}`)),
      CG.make("dd", {}, value, note && CG.make("small", {}, note)));
  }

  function share(part, whole) {
    return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
  }

  function headline(figures) {
    const taken = figures.encroached_m2 + figures.rebound_m2;
    const done = share(figures.reclaimed_m2, taken);
    const meter = CG.make("div", {
      class: "cg-meter", role: "img",
      "aria-label": CG.word("figures.meter", { share: CG.percent(done) }),
    }, CG.make("i", { style: `width:${(done * 100).toFixed(2)}%` }));
    return CG.make("div", { class: "cg-headline" },
      CG.make("p", { class: "cg-big", "data-figure": "reclaimed_m2" },
        CG.make("strong", {}, CG.decimal(figures.reclaimed_m2)), " ",
        CG.make("span", {}, "m²")),
      CG.make("p", { class: "cg-sub" }, CG.word("figures.reclaimedOf", { area: CG.area(taken), share: CG.percent(done) })),
      meter);
  }

  const ofAll = (n, all) => (all === undefined ? CG.count(n) : CG.word("figures.of", { n: CG.count(n), all: CG.count(all) }));

  function tiles(figures, ofWhole) {
    return CG.make("dl", { class: "cg-tiles" },
      tile("outstanding_m2", CG.area(figures.outstanding_m2)),
      tile("encroached_m2", CG.area(figures.encroached_m2)),
      tile("cleared_households", ofAll(figures.cleared_households, figures.encroaching_households)),
      tile("surveyed_households", ofAll(figures.surveyed_households, figures.ground_floor_households)),
      figures.rebound_households > 0 && tile("rebound_households", CG.count(figures.rebound_households), CG.area(figures.rebound_m2)),
      figures.undecided_enclosures > 0 && tile("undecided_enclosures", CG.count(figures.undecided_enclosures), CG.area(figures.undecided_m2)),
      // Sites belong to no building.
      ofWhole && tile("landscaped_m2", CG.area(figures.landscaped_m2)),
      ofWhole && tile("charging_piles", CG.count(figures.charging_piles),
        CG.word("figures.heads", { heads: CG.count(figures.charging_heads) })));
  }

  // What the figures are made of: the buildings of a community, the communities of a region.
  function rowsOf(figures) {
    const rows = figures.by_building
      ? figures.by_building.map((row) => ({ ...row, key: row.building }))
      : (figures.by_community || []).map((row) => ({ ...row, key: row.community }));
    return rows.filter((row) => row.key !== null && row.key !== "");
  }

  // parts: chosen() -> key, choose(key), label(key), title(key), offer(keys); see map.js.
  CG.createFigures = function (state, source, parts) {
    const body = CG.find("cg-figures-body");
    const table = CG.find("cg-parts");
    const order = new Intl.Collator(CG.locale, { numeric: true });

    function row(one) {
      const done = share(one.reclaimed_m2, one.encroached_m2 + one.rebound_m2);
      const taken = one.encroached_m2 > 0;
      const chosen = one.key === parts.chosen();
      return CG.make("tr", { class: chosen ? "is-chosen" : null },
        CG.make("th", { scope: "row" }, CG.make("button", {
          type: "button", "aria-pressed": String(chosen), onclick: () => parts.choose(chosen ? null : one.key),
        }, parts.label(one.key))),
        CG.make("td", {}, taken ? CG.word("figures.of", { n: CG.count(one.cleared_households), all: CG.count(one.encroaching_households) }) : "–"),
        CG.make("td", {}, taken && CG.make("span", { class: "cg-bar", title: CG.percent(done) }, CG.make("i", { style: `width:${(done * 100).toFixed(1)}%` }))),
        CG.make("td", {}, CG.decimal(one.outstanding_m2)));
    }

    function showParts(rows) {
      table.closest("details").hidden = rows.length === 0;
      parts.offer(rows.map((one) => one.key).sort(order.compare));
      rows.sort((a, b) => b.outstanding_m2 - a.outstanding_m2 || b.encroached_m2 - a.encroached_m2 || order.compare(a.key, b.key));
      const more = rows.length - LONGEST;
      CG.fill(table, rows.slice(0, LONGEST).map(row),
        more > 0 && CG.make("tr", {}, CG.make("td", { colspan: 4 }, CG.word("figures.more", { n: CG.count(more) }))));
    }

    function showScope(part) {
      const { text } = state.filter();
      const whole = CG.config.place.kind === "community" ? "figures.whole.community" : "figures.whole.region";
      CG.fill(CG.find("cg-scope"),
        CG.make("p", { class: part ? "cg-part-only" : null },
          CG.make("strong", {}, part ? CG.word("figures.part", { part: parts.title(part.key) }) : CG.word(whole)),
          part && CG.make("button", { type: "button", class: "cg-link-button", onclick: () => parts.choose(null) }, CG.word("figures.showWhole"))),
        text && CG.make("p", { class: "cg-hint" }, CG.word("figures.unfiltered", { text })));
    }

    function peek(shown, part) {
      const text = CG.word("figures.peek", {
        n: CG.count(shown.cleared_households), all: CG.count(shown.encroaching_households), area: CG.area(shown.outstanding_m2),
      });
      return part ? `${parts.title(part.key)}: ${text}` : text;
    }

    function show(figures, day) {
      CG.find("cg-as-of").textContent = CG.word("figures.asOf", { day: CG.days.long(day) });
      const rows = rowsOf(figures);
      const part = rows.find((row) => row.key === parts.chosen()) || null;
      const shown = part || figures;
      showScope(part);
      CG.fill(body, headline(shown), tiles(shown, !part));
      showParts(rows);
      CG.find("cg-peek").textContent = peek(shown, part);
    }

    function fail(error) {
      CG.fill(body, CG.make("p", { class: "cg-problem" }, error.message));
    }

    const load = CG.newest((day) => source.figures(day), show, fail);
    state.watch(["day", "building", "matches"], () => load(state.day));
    return { update: () => load(state.day) };
  };
})();

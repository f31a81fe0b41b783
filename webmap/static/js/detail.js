// One parcel: whose the ground is and by what evidence, who is linked to it, what was
// found on it, how its cases stand, and what may be done next. All of it as text.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  function facts(rows) {
    const list = CG.make("dl", { class: "cg-facts" });
    for (const [name, value, note] of rows) {
      if (value === null || value === undefined || value === "") continue;
      list.append(CG.make("dt", {}, CG.word(name)), CG.make("dd", {}, value, note && CG.make("small", {}, note)));
    }
    return list;
  }

  function section(title, ...content) {
    return CG.make("section", { class: "cg-part" }, CG.make("h3", {}, CG.word(title)), content);
  }

  function chip(status) {
    return CG.make("span", { class: "cg-status", "data-status": status },
      CG.swatch(CG.statusLook(status)), CG.wordOf("status", status));
  }

  function ground(answer) {
    const { survey } = answer;
    const parcel = answer;
    const title = parcel.title_disputed ? "disputed" : parcel.title;
    const rms = parcel.rms_m === null || parcel.rms_m === undefined ? "" : CG.word("detail.rms", { cm: CG.number(parcel.rms_m * 100) });
    const looked = parcel.looked || [];
    return facts([
      ["detail.title", CG.wordOf("title", title), parcel.title_evidence],
      ["detail.area", CG.area(parcel.area_m2), CG.config.place.surveyCrs && CG.word("detail.crs", { crs: CG.config.place.surveyCrs })],
      ["detail.building", parcel.building],
      ["detail.survey", survey && [survey.date && CG.days.short(CG.days.parse(survey.date)), survey.surveyor].filter(Boolean).join(" · ") || rms, survey && rms],
      ["detail.looked", looked.length ? CG.days.short(CG.days.parse(looked[looked.length - 1])) : CG.word("detail.neverLooked")],
    ]);
  }

  function households(list) {
    const rows = list.map((one) =>
      CG.make("li", {}, CG.make("strong", {}, one.ref),
        CG.make("small", {}, [
          CG.wordOf("role", one.role), CG.wordOf("method", one.method),
          one.distance_m !== null && one.distance_m !== undefined && CG.length(one.distance_m),
        ].filter(Boolean).join(" · "))));
    return section("detail.households", rows.length
      ? CG.make("ul", { class: "cg-list" }, rows)
      : CG.make("p", { class: "cg-hint" }, CG.word("detail.noHousehold")));
  }

  const seen = (day) => day && CG.word("detail.seen", { day: CG.days.short(CG.days.parse(day)) });

  function encroachment(one) {
    const title = [CG.wordOf("structure", one.structure), one.observation].filter(Boolean).join(" · ");
    const about = [
      seen(one.observed_on),
      one.household && CG.word("detail.answers", { household: one.household }),
      one.answer_basis && CG.wordOf("basis", one.answer_basis),
      typeof one.countable_m2 === "number" && CG.word("detail.countable", { area: CG.area(one.countable_m2) }),
    ].filter(Boolean);
    const uncertain = typeof one.uncertainty_m2 === "number";
    const gone = one.superseded_on ? CG.word("detail.superseded", { day: CG.days.short(CG.days.parse(one.superseded_on)) })
      : one.standing === false ? CG.word("detail.clearedGround") : null;
    if (gone) about.unshift(gone);
    return CG.make("li", { class: gone ? "cg-found is-gone" : "cg-found" },
      CG.make("span", {}, title),
      CG.make("strong", {}, CG.area(one.occupied_m2), uncertain && CG.make("small", {}, ` ± ${CG.decimal(one.uncertainty_m2)}`)),
      CG.make("small", {}, about.join(" · ")));
  }

  function finding(one) {
    return CG.make("li", {}, CG.make("strong", {}, CG.wordOf("finding", one.kind)), " ", CG.area(one.area_m2),
      CG.make("small", {}, [seen(one.observed_on), one.reason].filter(Boolean).join(" · ")));
  }

  CG.createDetail = function (map, state, source, tools, panel) {
    const body = CG.find("cg-detail-body");
    let shown = null;
    let request = 0;

    // Draws polygons on the map, one after another, and hands them back.
    function draw(pieces, done) {
      const drawn = [...pieces];
      let sketch = null;
      const value = CG.make("output", { class: "cg-measured" });
      const show = (points) => {
        const area = drawn.reduce((sum, piece) => sum + CG.geodesic.area(piece), points.length > 2 ? CG.geodesic.area(points) : 0);
        CG.fill(value, area > 0 ? CG.make("strong", {}, CG.area(area)) : CG.make("span", { class: "cg-hint" }, CG.word("residual.tap")));
      };
      const begin = () => { sketch = CG.createSketch(map, { closed: true, onChange: show }); show([]); };
      const keep = () => {
        const points = sketch.points();
        if (points.length > 2) drawn.push(points);
      };
      const kept = drawn.map((piece) => L.polygon(piece, { color: "#10231a", weight: 2, interactive: false }).addTo(map));
      const another = () => {
        const points = sketch.points();
        if (points.length < 3) return;
        keep();
        sketch.remove();
        kept.push(L.polygon(points, { color: "#10231a", weight: 2, interactive: false }).addTo(map));
        begin();
      };
      const button = (word, onclick, primary) =>
        CG.make("button", { type: "button", class: primary ? "cg-button is-primary" : "cg-button", onclick }, CG.word(word));
      panel.lower();
      tools.open(CG.word("residual.title"), [
        value,
        CG.make("div", { class: "cg-row" }, tools.middle(() => sketch), button("sketch.undo", () => sketch.undo()), button("residual.another", another)),
        CG.make("div", { class: "cg-row" }, button("residual.done", () => { keep(); tools.close(); }, true),
          button("residual.clear", () => { drawn.length = 0; tools.close(); })),
        CG.make("p", { class: "cg-hint" }, CG.word("residual.official")),
      ], () => {
        sketch.remove();
        for (const one of kept) map.removeLayer(one);
        panel.raise();
        done(drawn);
      });
      begin();
    }

    function caseCard(community, one) {
      const send = async (move) => {
        await source.move(community, one.id, move);
        // What the map knew of the parcel is out of date; the tiles bring it anew.
        shown.properties = null;
        CG.notify(CG.word("move.done", { number: one.number, state: CG.wordOf("state", move.target) }));
        await detail.onMoved();
        detail.show(community, shown.id);
      };
      const reload = () => detail.show(community, shown.id);
      const moves = source.canMove && (one.moves || []);
      const name = one.number ? CG.word("case.number", { number: one.number }) : CG.word("found.case");
      return CG.make("article", { class: "cg-case", "data-case": one.id },
        CG.make("header", {},
          CG.make("h3", {}, source.casePage ? CG.make("a", { href: source.casePage(community, one.id) }, name) : name),
          one.state && CG.make("span", { class: "cg-state" }, CG.wordOf("state", one.state))),
        CG.make("p", { class: "cg-hint" }, [
          one.household && CG.word("detail.answers", { household: one.household }),
          one.since && CG.word("case.since", { day: CG.days.short(CG.days.parse(one.since)) }),
        ].filter(Boolean).join(" · ")),
        moves && moves.some((move) => move.permitted) && CG.moveButtons(moves, { send, draw, reload, version: one.version }),
        CG.timeline(one.events || [], state.day));
    }

    function render(community, answer) {
      const parcel = answer;
      const status = shown.properties ? CG.parcelStatus(shown.properties, state.day) : null;
      CG.find("cg-detail-title").textContent = CG.word(`detail.heading.${parcel.kind === "public_green" ? "green" : "other"}`, { ref: parcel.ref });
      const list = answer.encroachments || [];
      const findings = answer.findings || [];
      CG.fill(body,
        CG.make("p", { class: "cg-kind" }, status ? chip(status) : CG.wordOf("kind", parcel.kind)),
        ground(answer),
        source.canMove && households(answer.households || []),
        list.length > 0 && section("detail.encroachments", CG.make("ul", { class: "cg-list" }, list.map(encroachment))),
        (answer.cases || []).map((one) => caseCard(community, one)),
        findings.length > 0 && section("detail.findings", CG.make("ul", { class: "cg-list" }, findings.map(finding))));
    }

    function problem(error, community, id) {
      CG.fill(body, CG.make("p", { class: "cg-problem" }, error.message),
        CG.make("button", { type: "button", class: "cg-button", onclick: () => detail.show(community, id) }, CG.word("retry")));
    }

    const detail = {
      onMoved: async () => {},

      // properties: the feature as the map has it, where it is known already.
      async show(community, id, properties) {
        request += 1;
        const mine = request;
        const again = shown !== null && shown.id === id;
        shown = { id, community, properties: properties || (again ? shown.properties : null), answer: null };
        state.set({ selected: id, community });
        if (!again) {
          CG.find("cg-detail-title").textContent = properties ? properties.ref : "…";
          CG.fill(body, CG.make("p", { class: "cg-hint" }, CG.word("loading")));
        }
        panel.open("detail");
        try {
          const answer = await source.parcel(community, id);
          if (mine !== request) return;
          shown.answer = answer;
          render(community, answer);
        } catch (error) {
          if (mine === request) problem(error, community, id);
        }
      },

      // A site has no endpoint of its own: its tile says all there is.
      showSite(site) {
        request += 1;
        shown = null;
        state.set({ selected: null });
        CG.find("cg-detail-title").textContent = CG.word(`site.${site.kind}`, { ref: site.ref });
        CG.fill(body, facts([
          ["site.state", CG.wordOf("siteState", CG.standsOn(site, state.day) ? "built" : site.state)],
          ["site.heads", site.heads ? CG.count(site.heads) : ""],
          ["site.builtOn", site.from === undefined ? "" : CG.days.long(site.from)],
        ]));
        panel.open("detail");
      },

      close() {
        request += 1;
        shown = null;
        state.set({ selected: null });
        panel.open("figures");
      },

      // The properties arrive with the tiles, perhaps after the answer.
      meet(properties) {
        if (!shown || shown.properties || properties.id !== shown.id) return;
        shown.properties = properties;
        if (shown.answer) render(shown.community, shown.answer);
      },
    };

    state.watch(["day"], () => { if (shown && shown.answer && !body.querySelector("form")) render(shown.community, shown.answer); });
    CG.find("cg-detail-close").addEventListener("click", detail.close);
    return detail;
  };
})();

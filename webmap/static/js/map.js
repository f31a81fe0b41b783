// Puts the parts together on the map that Folium laid out.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const { map, locate } = window.commonGreenShell;

  function button(icon, word, onclick) {
    return CG.make("a", { href: "#", role: "button", class: `cg-icon is-${icon}`, title: CG.word(word), "aria-label": CG.word(word),
      onclick: (event) => { event.preventDefault(); onclick(); } });
  }

  function addButtons(buttons) {
    const Bar = L.Control.extend({
      onAdd() {
        const bar = CG.make("div", { class: "leaflet-bar cg-bar-control" }, buttons);
        L.DomEvent.disableClickPropagation(bar);
        return bar;
      },
    });
    map.addControl(new Bar({ position: "topright" }));
  }

  // The titles of Folium's controls, in the language of the page.
  function translateControls() {
    const name = (selector, word) => {
      const link = map.getContainer().querySelector(selector);
      if (!link) return;
      link.title = CG.word(word);
      link.setAttribute("role", "button");
      link.setAttribute("aria-label", CG.word(word));
    };
    name(".leaflet-control-zoom-in", "control.zoomIn");
    name(".leaflet-control-zoom-out", "control.zoomOut");
    name(".leaflet-control-zoom-fullscreen", "control.fullscreen");
    name(".leaflet-control-locate a", "control.locate");
    Object.assign(map.fullscreenControl.options, { title: CG.word("control.fullscreen"), titleCancel: CG.word("control.fullscreenEnd") });
    Object.assign(locate.options.strings, {
      title: CG.word("control.locate"), popup: CG.word("control.here"), outsideMapBoundsMsg: CG.word("control.outside"),
    });
    locate.options.onLocationError = () => CG.notify(CG.word("error.location"), true);
    map.attributionControl.setPrefix(false);
    map.getContainer().setAttribute("aria-label", CG.word("map.label", { place: CG.config.place.name }));
    map.getContainer().setAttribute("role", "application");
  }

  // The plugin watches its own element only; Escape leaves the whole page's fullscreen.
  function followFullscreen() {
    document.addEventListener("fullscreenchange", () => {
      map._isFullscreen = Boolean(document.fullscreenElement);
      const link = map.getContainer().querySelector(".leaflet-control-zoom-fullscreen");
      link.classList.toggle("leaflet-fullscreen-on", map._isFullscreen);
      map.invalidateSize();
    });
  }

  function followKeyboard() {
    const byKeyboard = CG.find("community-map").classList;
    document.addEventListener("keydown", () => byKeyboard.add("by-keyboard"));
    document.addEventListener("pointerdown", () => byKeyboard.remove("by-keyboard"));
  }

  function home() {
    const { bounds } = CG.config.place;
    if (!bounds) map.setView([37.4, 122.1], 9);
    else map.fitBounds([[bounds[1], bounds[0]], [bounds[3], bounds[2]]], { ...CG.padding(), maxZoom: 19, animate: false });
  }

  async function start() {
    const link = CG.readLink();
    const source = CG.config.embedded ? CG.embeddedSource() : CG.serverSource();
    const state = CG.createState();
    Object.assign(state, link.state);
    const panel = CG.createPanel(map);
    const tools = CG.createToolCard(map);
    const layers = CG.createLayers(map, source, state);
    const labels = CG.createLabels(map, layers, state);
    const communities = CG.createCommunities(map, source, state);
    const slider = CG.createSlider(state);
    const detail = CG.createDetail(map, state, source, tools, panel);
    function open(community, id, properties, latlng) {
      detail.show(community || CG.config.place.code, id, properties);
      if (latlng) panel.reveal(latlng);
    }
    const filters = CG.createFilters(map, state, source, open);
    const legend = CG.createLegend(state, source);
    const buildings = {
      chosen: () => state.building,
      label: (ref) => ref,
      title: (ref) => CG.word("filter.building", { ref }),
      offer: filters.offerBuildings,
      choose(building) {
        state.set({ building });
        if (building !== null) layers.showBuilding(building).catch(CG.fail);
      },
    };
    const isCommunity = CG.config.place.kind === "community";
    const figures = CG.createFigures(state, source, isCommunity ? buildings : communities.parts);
    const measure = CG.createMeasure(map, tools);
    const print = CG.createPrint(map, state, layers);
    CG.createBaseMaps(map, state);

    layers.busy = () => tools.active;
    layers.onDrawn = () => {
      labels.update();
      if (state.selected) layers.each("parcels", (feature) => detail.meet(feature.properties));
    };
    layers.onPick = (feature, latlng) => {
      if (feature.floors !== undefined) state.set({ building: state.building === feature.ref ? null : feature.ref });
      else if (feature.state !== undefined && feature.kind !== undefined) detail.showSite(feature);
      else if (feature.m2 !== undefined) open(feature.community, feature.parcel, layers.parcel(feature.parcel), latlng);
      else open(feature.community, feature.id, feature, latlng);
    };
    detail.onMoved = async () => {
      source.forget();
      layers.refresh();
      slider.load(await source.days(), null);
      figures.update();
      legend.update();
    };

    translateControls();
    followFullscreen();
    followKeyboard();
    const permalink = CG.createPermalink(map, state);
    addButtons([
      button("measure", "control.measure", measure.toggle),
      button("print", "control.print", print.print),
      button("link", "control.link", permalink.copy),
      button("home", "control.home", home),
    ]);
    map.on("click", () => { if (!tools.active && state.selected) detail.close(); });
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target !== map.getContainer() || tools.active) return;
      const feature = layers.at(map.getCenter());
      if (feature) layers.onPick(feature, map.getCenter());
    });

    window.addEventListener("hashchange", () => location.reload());
    // The tiles begin at their own zoom; the map goes on to where communities are rings.
    Object.assign(map.options, { minZoom: 4, maxZoom: CG.config.maxZoom });
    if (link.view) map.setView(link.view.center, link.view.zoom, { animate: false });
    else home();
    layers.add();
    try {
      slider.load(await source.days(), link.day);
    } catch (error) {
      CG.fail(error);
    }
    if (!isCommunity) await communities.learnNames().catch(CG.fail);
    figures.update();
    legend.update();
    communities.update();
    filters.restore();
    if (link.parcel) open(link.community, link.parcel, null, map.getCenter());
    // For whoever watches from outside: tests, and a console.
    Object.assign(CG, { map, state, layers });
    document.documentElement.dataset.mapReady = "true";
  }

  start();
})();

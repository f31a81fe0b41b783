// The features on the map: how each looks on the day of the slider, and what a click meets.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const ORDER = ["parcels", "sites", "encroachments", "observations", "buildings"];
  const DETAIL_ZOOM = 17;
  const NOTHING = { fill: false, stroke: false, interactive: false };
  const GHOST = { fill: true, fillColor: "#f1efe8", fillOpacity: 0.6, color: "#d8d4c8", weight: 0.7 };

  // Options are shared between features of one look: a hundred thousand parcels, a few objects.
  const made = new Map();
  function look(key, options) {
    if (!made.has(key)) {
      const dashes = options.dashArray ? options.dashArray.split(" ").map(Number) : null;
      made.set(key, { ...L.Path.prototype.options, interactive: true, ...options, _dashArray: dashes });
    }
    return made.get(key);
  }
  const nothing = look("nothing", NOTHING);

  function parcelLook(state, parcel, zoom) {
    if (parcel.kind !== "public_green") {
      const ground = CG.groundLook(parcel.kind);
      return look(`ground ${parcel.kind}`, {
        fill: true, fillColor: ground.fill, fillOpacity: 1, color: ground.edge, weight: 0.8,
      });
    }
    if (!state.layers.parcels) return nothing;
    const status = CG.parcelStatus(parcel, state.day);
    if (!state.passes(parcel, status)) return look("ghost", GHOST);
    const colors = CG.statusLook(status);
    const under = zoom >= DETAIL_ZOOM && state.layers.encroachments;
    return look(`parcel ${status} ${under} ${zoom >= DETAIL_ZOOM}`, {
      fill: true,
      fillColor: under && colors.tint !== colors.fill ? colors.tint : CG.statusPaint(status),
      fillOpacity: 1,
      color: colors.edge,
      weight: zoom >= DETAIL_ZOOM ? 1 : 0.5,
      dashArray: colors.dash,
    });
  }

  function encroachmentLook(state, encroachment, zoom) {
    if (!state.layers.encroachments) return nothing;
    const status = CG.encroachmentStatus(encroachment, state.day);
    if (status === null || !state.passes(encroachment, status)) return nothing;
    if (status === "clear") return nothing;
    if (status === "cleared") {
      // Where something stood: the ground is green again, its outline stays.
      return zoom <= DETAIL_ZOOM ? nothing : look("was", {
        fill: false, color: "#ffffff", weight: 1.4, opacity: 0.9, dashArray: "4 3",
      });
    }
    const colors = CG.statusLook(status);
    return look(`encroachment ${status} ${zoom >= DETAIL_ZOOM}`, {
      fill: true, fillColor: CG.statusPaint(status), fillOpacity: 1,
      color: colors.edge, weight: zoom >= DETAIL_ZOOM ? 1.6 : 0.6,
    });
  }

  function observationLook(state, observation) {
    if (!state.layers.observations || !CG.standsOn(observation, state.day)) return nothing;
    return look("observation", {
      fill: false, color: "#10231a", weight: 1.6, dashArray: "2 3", interactive: false,
    });
  }

  function buildingLook(state, building) {
    if (!state.layers.buildings) return nothing;
    const chosen = state.building !== null && state.building === building.ref;
    return look(`building ${chosen}`, {
      fill: true, fillColor: chosen ? "#b9b3a6" : "#d9d5cb", fillOpacity: 1,
      color: chosen ? "#3d3a33" : "#938d80", weight: chosen ? 2 : 1,
    });
  }

  function siteLook(state, site, zoom) {
    if (site.kind !== "landscaping") return pileLook(state, site, zoom);
    if (!state.layers.landscaping) return nothing;
    const built = CG.standsOn(site, state.day);
    if (!built && site.state !== "planned" && site.state !== "approved") return nothing;
    const near = zoom > DETAIL_ZOOM;
    const paint = near ? CG.landscapingPaint() : CG.landscapingLook.fill;
    return look(`landscaping ${built} ${near}`, {
      fill: built, fillColor: built ? paint : undefined, fillOpacity: 1,
      color: CG.landscapingLook.edge, weight: near ? 1.4 : 0.7, dashArray: built ? undefined : "5 4",
    });
  }

  // Close by, piles are labels with their heads (labels.js); from afar, dots.
  function pileLook(state, site, zoom) {
    const built = CG.standsOn(site, state.day);
    const shown = built || site.state === "planned" || site.state === "approved";
    if (!state.layers.charging_pile || !shown || zoom >= DETAIL_ZOOM) return nothing;
    return look(`pile ${built}`, {
      fill: true, fillColor: built ? "#10231a" : "#ffffff", fillOpacity: 1,
      color: built ? "#ffffff" : "#10231a", weight: 1.5, radius: zoom < 16 ? 3 : 4.5,
    });
  }

  const LOOKS = {
    parcels: parcelLook,
    sites: siteLook,
    encroachments: encroachmentLook,
    observations: observationLook,
    buildings: buildingLook,
  };

  CG.createLayers = function (map, source, state) {
    const style = (layer, properties, zoom) => LOOKS[layer](state, properties, zoom);
    const styles = {};
    for (const name of ORDER) styles[name] = (properties, zoom) => style(name, properties, zoom);
    const tooltip = L.tooltip({ className: "cg-tip", direction: "top", offset: [0, -6], opacity: 1 });
    const layers = { grid: null, onPick: () => {}, onDrawn: () => {}, busy: () => false };

    function makeGrid() {
      const grid = source.grid({
        order: ORDER,
        vectorTileLayerStyles: styles,
        selected: () => state.selected,
        minZoom: CG.config.featureZoom,
        maxZoom: CG.config.maxZoom,
        zIndex: 10,
        pane: "tilePane",
      });
      grid.on("click", (event) => {
        if (layers.busy()) return;
        L.DomEvent.stop(event);
        layers.onPick(event.propagatedFrom.properties, event.latlng);
      });
      grid.on("mouseover", (event) => hover(event.propagatedFrom.properties, event.latlng));
      grid.on("mouseout", () => map.closeTooltip(tooltip));
      grid.on("tileload tileunload load", () => layers.onDrawn());
      return grid;
    }

    function hover(properties, latlng) {
      const text = layers.busy() ? "" : CG.describe(properties, state.day);
      if (!text) return;
      map.openTooltip(tooltip.setContent(CG.make("span", {}, text)).setLatLng(latlng));
    }

    layers.add = function () {
      layers.grid = makeGrid().addTo(map);
    };

    layers.restyle = function () {
      CG.restyle(layers.grid, style);
      layers.onDrawn();
    };

    // Fetches the tiles again under the old ones, which go once the new are there.
    layers.refresh = function () {
      const old = layers.grid;
      layers.grid = makeGrid();
      layers.grid.once("load", () => map.removeLayer(old));
      layers.grid.addTo(map);
      if (map.getZoom() < CG.config.featureZoom) map.removeLayer(old);
    };

    layers.at = (latlng) => {
      const found = CG.featureAt(layers.grid, map, latlng);
      return found ? found.properties : null;
    };

    // Every feature of a layer that is loaded, with its tile.
    layers.each = function (name, work) {
      for (const tile of Object.values(layers.grid._vectorTiles)) {
        if (!tile._map) continue;
        for (const { layerName, feature } of Object.values(tile._features)) {
          if (layerName === name) work(feature, tile);
        }
      }
    };

    // A parcel as the tiles know it, null while it is not loaded.
    layers.parcel = function (id) {
      let found = null;
      layers.each("parcels", (feature) => {
        if (feature.properties.id === id) found = feature.properties;
      });
      return found;
    };

    function zoomTo(bounds) {
      map.fitBounds(bounds, { maxZoom: 18, ...CG.padding() });
    }

    // Leads to a building: from the tiles where they have it, else the server knows.
    layers.showBuilding = async function (ref) {
      const bounds = L.latLngBounds([]);
      layers.each("buildings", (feature, tile) => {
        if (feature.properties.ref !== ref) return;
        bounds.extend(CG.tileLatLng(map, tile, feature._pxBounds.min));
        bounds.extend(CG.tileLatLng(map, tile, feature._pxBounds.max));
      });
      if (bounds.isValid()) {
        zoomTo(bounds);
        return;
      }
      const found = (await source.search(ref)).find((one) => one.kind === "building" && (one.label === ref || one.label.startsWith(`${ref} `)));
      if (found) zoomTo([[found.bounds[1], found.bounds[0]], [found.bounds[3], found.bounds[2]]]);
    };

    state.watch(["day", "hidden", "building", "matches", "layers", "selected"], layers.restyle);
    return layers;
  };

  // One line about a feature, for the pointer and for screen readers.
  CG.describe = function (properties, day) {
    if (properties.floors !== undefined) return CG.word("tip.building", { ref: properties.ref });
    if (properties.m2 !== undefined) {
      const status = CG.encroachmentStatus(properties, day);
      return `${CG.wordOf("status", status)} · ${CG.area(properties.m2)}`;
    }
    if (properties.heads !== undefined && properties.kind === "charging_pile") {
      return CG.word("tip.pile", { ref: properties.ref, heads: properties.heads });
    }
    const status = properties.kind === "landscaping" ? null : CG.parcelStatus(properties, day);
    const about = status === null ? CG.wordOf("kind", properties.kind) : CG.wordOf("status", status);
    return `${properties.ref} · ${about}`;
  };
})();

// Building numbers, and charging piles with their heads: text that a canvas tile would cut
// at its edge, so each is one marker, placed from the tiles that are loaded.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const PILE_ZOOM = 17;
  const NUMBER_ZOOM = 16;
  const BOLT = "M7 0 1 8h4l-1 6 6-8H6z";

  function numberIcon(building, chosen) {
    const name = CG.make("span", { class: chosen ? "cg-number is-chosen" : "cg-number" }, building.ref);
    return L.divIcon({ className: "cg-label", html: name, iconSize: [0, 0] });
  }

  function pileIcon(site, built) {
    const bolt = CG.makeSvg("svg", { viewBox: "0 0 11 14", "aria-hidden": "true" }, CG.makeSvg("path", { d: BOLT }));
    const badge = CG.make("span", { class: built ? "cg-pile" : "cg-pile is-planned" }, bolt, CG.count(site.heads));
    return L.divIcon({ className: "cg-label", html: badge, iconSize: [0, 0] });
  }

  CG.createLabels = function (map, layers, state) {
    const shown = new Map();
    const group = L.layerGroup().addTo(map);

    // The middle of a building over all the tiles that hold a part of it.
    function wantNumbers(wanted) {
      if (map.getZoom() < NUMBER_ZOOM || !state.layers.buildings) return;
      const boxes = new Map();
      layers.each("buildings", (feature, tile) => {
        const { id } = feature.properties;
        const box = boxes.get(id) || { feature, bounds: L.latLngBounds([]) };
        const pixels = feature._pxBounds;
        box.bounds.extend(CG.tileLatLng(map, tile, pixels.min)).extend(CG.tileLatLng(map, tile, pixels.max));
        boxes.set(id, box);
      });
      for (const [id, { feature, bounds }] of boxes) {
        const chosen = state.building !== null && state.building === feature.properties.ref;
        wanted.set(`${id} ${chosen}`, {
          at: bounds.getCenter(),
          marker: () => L.marker(bounds.getCenter(), {
            icon: numberIcon(feature.properties, chosen), interactive: false, keyboard: false,
          }),
        });
      }
    }

    function wantPiles(wanted) {
      if (map.getZoom() < PILE_ZOOM || !state.layers.charging_pile) return;
      layers.each("sites", (feature, tile) => {
        const site = feature.properties;
        const built = CG.standsOn(site, state.day);
        const planned = site.state === "planned" || site.state === "approved";
        if (site.kind !== "charging_pile" || !(built || planned)) return;
        const at = CG.tileLatLng(map, tile, feature._point);
        wanted.set(`${site.id} ${built}`, { at, marker: () => pileMarker(site, built, at) });
      });
    }

    function pileMarker(site, built, at) {
      const marker = L.marker(at, {
        icon: pileIcon(site, built),
        alt: CG.describe(site, state.day),
        title: CG.describe(site, state.day),
        riseOnHover: true,
      });
      marker.on("click", () => layers.onPick(site, at));
      return marker;
    }

    function update() {
      const name = map.getContainer().classList;
      name.toggle("is-far", map.getZoom() < PILE_ZOOM);
      name.toggle("is-mid", map.getZoom() === PILE_ZOOM);
      const wanted = new Map();
      wantNumbers(wanted);
      wantPiles(wanted);
      for (const [key, marker] of shown) {
        if (wanted.has(key)) continue;
        group.removeLayer(marker);
        shown.delete(key);
      }
      for (const [key, { at, marker }] of wanted) {
        if (shown.has(key)) shown.get(key).setLatLng(at);
        else shown.set(key, marker().addTo(group));
      }
    }

    let frame = 0;
    function later() {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(update);
    }
    map.on("zoomend", later);
    return { update: later };
  };
})();

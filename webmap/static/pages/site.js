// A site drawn among buildings, green parcels and other sites: an area, or a point for a pile.
(function () {
  "use strict";

  const PLANTED = { color: "#3f6b4d", weight: 1, fillColor: "#8fc4a0", fillOpacity: 0.9, interactive: false };
  const data = Plan.read("plan-data");
  const field = document.querySelector("input[name=shape]");
  const kind = document.querySelector("select[name=kind]");
  const state = document.getElementById("plan-state");
  const map = Plan.create(document.getElementById("plan"));
  const quiet = { interactive: false };
  const buildings = Plan.draw(map, data.buildings, () => ({ ...Plan.PAPER, ...quiet }), (one) => one.ref, true);
  const parcels = Plan.draw(map, data.parcels, () => ({ ...Plan.GREEN, ...quiet }));
  Plan.draw(map, data.sites, () => PLANTED, (one) => one.ref);
  const mark = (at, colour) => L.circleMarker(at, { radius: 6, color: "#ffffff", weight: 2, fillColor: colour, fillOpacity: 1, interactive: false }).addTo(map);
  for (const pile of data.piles) {
    const [lng, lat] = pile.geometry.coordinates;
    mark([lat, lng], "#0072b2");
  }
  let here = null;
  const isPile = () => kind.value === "charging_pile";
  const drawing = Plan.sketch(map, (corners) => {
    if (here) { here.remove(); here = null; }
    if (isPile()) {
      const last = corners[corners.length - 1];
      if (last) here = mark(last, "#10231a");
      state.textContent = last ? data.word : "";
      field.value = last ? JSON.stringify({ type: "Point", coordinates: [last.lng, last.lat] }) : "";
      return;
    }
    state.textContent = data.words.replace("{n}", corners.length);
    field.value = corners.length > 2 ? JSON.stringify({ type: "Polygon", coordinates: [Plan.ringOf(corners)] }) : "";
  });
  let begun = [];
  try {
    const shape = JSON.parse(field.value);
    const places = shape.type === "Point" ? [shape.coordinates] : shape.coordinates[0].slice(0, -1);
    begun = places.map(([lng, lat]) => L.latLng(lat, lng));
  } catch (error) {
    begun = [];
  }
  const tools = document.getElementById("plan-tools");
  tools.hidden = false;
  const acts = { undo: drawing.undo, clear: drawing.clear };
  for (const button of tools.querySelectorAll("button")) button.addEventListener("click", acts[button.dataset.act]);
  kind.addEventListener("change", drawing.clear);
  Plan.frame(map, [buildings, parcels]);
  drawing.start(begun);
  window.sitePlan = map;
  document.documentElement.dataset.planReady = "true";
})();

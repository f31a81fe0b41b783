// The outline of what was seen, drawn among buildings and parcels into the field of the form.
(function () {
  "use strict";

  const data = Plan.read("plan-data");
  const field = document.querySelector("input[name=polygon]");
  const state = document.getElementById("plan-state");
  const map = Plan.create(document.getElementById("plan"));
  const quiet = { interactive: false };
  const buildings = Plan.draw(map, data.buildings, () => ({ ...Plan.PAPER, ...quiet }), (one) => one.ref, true);
  const parcels = Plan.draw(map, data.parcels, (one) => ({
    ...Plan.GREEN, ...quiet, weight: one.id === data.asked ? 3 : 1, color: one.id === data.asked ? "#10231a" : Plan.GREEN.color,
  }));
  const asked = L.featureGroup(parcels.getLayers().filter((layer) => layer.feature.id === data.asked));
  const drawing = Plan.sketch(map, (corners) => {
    state.textContent = data.words.replace("{n}", corners.length);
    field.value = corners.length > 2 ? JSON.stringify({ type: "Polygon", coordinates: [Plan.ringOf(corners)] }) : "";
  });
  let begun = [];
  try {
    begun = JSON.parse(field.value).coordinates[0].slice(0, -1).map(([lng, lat]) => L.latLng(lat, lng));
  } catch (error) {
    begun = [];
  }
  const tools = document.getElementById("plan-tools");
  tools.hidden = false;
  const acts = { undo: drawing.undo, clear: drawing.clear };
  for (const button of tools.querySelectorAll("button")) button.addEventListener("click", acts[button.dataset.act]);
  Plan.frame(map, asked.getLayers().length ? [asked] : [buildings, parcels]);
  drawing.start(begun);
  window.observePlan = map;
  document.documentElement.dataset.planReady = "true";
})();

// The submissions of a list on a plan: a tap opens one, and its row says which it is.
(function () {
  "use strict";

  const data = Plan.read("plan-data");
  const map = Plan.create(document.getElementById("plan"));
  const LOOK = { color: "#00507d", weight: 2.5, fillColor: "#56b4e9", fillOpacity: 0.45 };
  const DOT = { radius: 9, color: "#ffffff", weight: 2, fillColor: "#00507d" };
  const SPECK = 24;
  const NEAR = { weight: 5, fillOpacity: 0.75 };

  Plan.draw(map, data.buildings, () => ({ ...Plan.PAPER, interactive: false }), (one) => one.ref, true);
  const sent = Plan.draw(map, data.submissions, () => LOOK);
  const rowOf = (key) => document.querySelector(`tr[data-submission="${key}"]`);

  Plan.frame(map, [sent]);
  for (const layer of sent.getLayers()) {
    const { id, address } = layer.feature;
    const row = rowOf(id);
    const mark = (isNear) => {
      layer.setStyle(isNear ? { ...LOOK, ...NEAR } : LOOK);
      row?.classList.toggle("is-near", isNear);
    };
    // From afar an outline is a speck, so that a dot stands for it until one is near enough.
    const dot = L.circleMarker(layer.getBounds().getCenter(), DOT).addTo(map);
    const show = () => {
      const size = map.latLngToLayerPoint(layer.getBounds().getSouthEast()).subtract(map.latLngToLayerPoint(layer.getBounds().getNorthWest()));
      dot.setStyle({ opacity: Math.max(size.x, size.y) < SPECK ? 1 : 0, fillOpacity: Math.max(size.x, size.y) < SPECK ? 0.9 : 0 });
    };
    map.on("zoomend", show);
    show();
    for (const one of [layer, dot]) {
      for (const name of ["mouseover", "mouseout"]) one.on(name, () => mark(name === "mouseover"));
      one.on("click", () => window.location.assign(address));
    }
    for (const name of ["mouseenter", "mouseleave"]) row?.addEventListener(name, () => mark(name === "mouseenter"));
  }
  window.submissionsPlan = map;
  document.documentElement.dataset.planReady = "true";
})();

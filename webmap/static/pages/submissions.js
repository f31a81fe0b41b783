// The submissions of a list on a plan: a tap opens one, and its row says which it is.
(function () {
  "use strict";

  const data = Plan.read("plan-data");
  const map = Plan.create(document.getElementById("plan"));
  const LOOK = { color: "#00507d", weight: 2.5, fillColor: "#56b4e9", fillOpacity: 0.45 };
  const NEAR = { weight: 5, fillOpacity: 0.75 };

  Plan.draw(map, data.buildings, () => ({ ...Plan.PAPER, interactive: false }), (one) => one.ref, true);
  const sent = Plan.draw(map, data.submissions, () => LOOK);
  const rowOf = (key) => document.querySelector(`tr[data-submission="${key}"]`);

  for (const layer of sent.getLayers()) {
    const { id, address } = layer.feature;
    const row = rowOf(id);
    const mark = (isNear) => {
      layer.setStyle(isNear ? { ...LOOK, ...NEAR } : LOOK);
      row?.classList.toggle("is-near", isNear);
    };
    for (const name of ["mouseover", "mouseout"]) layer.on(name, () => mark(name === "mouseover"));
    for (const name of ["mouseenter", "mouseleave"]) row?.addEventListener(name, () => mark(name === "mouseenter"));
    layer.on("click", () => window.location.assign(address));
  }
  Plan.frame(map, [sent]);
  window.submissionsPlan = map;
  document.documentElement.dataset.planReady = "true";
})();

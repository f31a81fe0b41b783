// A tap on a parcel writes its number into the field of the form.
(function () {
  "use strict";

  const data = Plan.read("plan-data");
  const field = document.getElementById("parcel");
  const map = Plan.create(document.getElementById("plan"));
  const look = (one) => one.ref === field.value.trim()
    ? { ...Plan.GREEN, color: "#10231a", weight: 3, fillColor: "#e69f00" }
    : Plan.GREEN;
  const parcels = Plan.draw(map, data.parcels, look, (one) => one.ref, false);
  const redraw = () => parcels.eachLayer((layer) => layer.setStyle(look(layer.feature)));
  parcels.eachLayer((layer) => layer.on("click", () => { field.value = layer.feature.ref; redraw(); }));
  field.addEventListener("input", redraw);
  Plan.frame(map, [parcels]);
  document.documentElement.dataset.planReady = "true";
})();

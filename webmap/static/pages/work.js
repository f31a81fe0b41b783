// The round on the plan, numbered as in the list; and where the day begins.
(function () {
  "use strict";

  const form = document.getElementById("round");
  const button = document.getElementById("from-here");
  if (button && navigator.geolocation) {
    button.hidden = false;
    button.addEventListener("click", () => {
      navigator.geolocation.getCurrentPosition((found) => {
        form.elements.lon.value = found.coords.longitude.toFixed(6);
        form.elements.lat.value = found.coords.latitude.toFixed(6);
        form.submit();
      }, () => { document.getElementById("from-here-failed").hidden = false; });
    });
    // A building that is chosen begins the round in place of where somebody stood.
    form.elements.start.addEventListener("change", () => { form.elements.lon.value = form.elements.lat.value = ""; });
  }

  for (const all of document.querySelectorAll("[data-ticks]")) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const ticks = [...document.querySelectorAll(`input[name=${all.dataset.ticks}]`)];
      const some = ticks.some((tick) => !tick.checked);
      for (const tick of ticks) tick.checked = some;
    });
  }

  const data = Plan.read("plan-data");
  if (!data) return;
  const map = Plan.create(document.getElementById("plan"));
  const buildings = Plan.draw(map, data.buildings, () => ({ ...Plan.PAPER, interactive: false }), (one) => one.ref, true);
  const at = (place) => L.latLng(place[1], place[0]);
  const way = [data.start, ...data.stops.map((stop) => stop.place)].filter(Boolean).map(at);
  L.polyline(way, { color: "#17583a", weight: 2.5, dashArray: "1 6", interactive: false }).addTo(map);
  const pins = data.stops.map((stop, index) => {
    const pin = document.createElement("span");
    pin.className = "walk-pin";
    pin.style.width = pin.style.height = "1.625rem";
    pin.textContent = stop.stop || index + 1;
    const icon = L.divIcon({ html: pin, className: "", iconSize: [26, 26] });
    return L.marker(at(stop.place), { icon, keyboard: false }).bindTooltip(Plan.textOf(stop.label));
  });
  const stops = L.featureGroup(pins).addTo(map);
  Plan.frame(map, pins.length ? [stops] : [buildings]);
  document.documentElement.dataset.planReady = "true";
})();

// The map of a dry run: each row of a delivery by what would happen to it. Every text is
// written as text; nothing is parsed as markup.
(function () {
  "use strict";

  const data = JSON.parse(document.getElementById("data").textContent);
  // Okabe and Ito's colours; the dashes tell the actions apart without colour.
  const LOOKS = {
    refused: { color: "#a32a16", fillColor: "#d55e00", fillOpacity: 0.55, weight: 3 },
    new: { color: "#00614a", fillColor: "#009e73", fillOpacity: 0.45, weight: 2 },
    changed: { color: "#946600", fillColor: "#e69f00", fillOpacity: 0.5, weight: 2, dashArray: "6 3" },
    unchanged: { color: "#6e6e6c", fillColor: "#d2d2d0", fillOpacity: 0.35, weight: 1 },
    "no fault": { color: "#6e6e6c", fillColor: "#d2d2d0", fillOpacity: 0.35, weight: 1 },
  };
  const BEFORE = { color: "#946600", weight: 2, dashArray: "2 4", fill: false, interactive: false };
  const STORED = { color: "#b9b9b4", weight: 1, fill: false, interactive: false };

  const map = L.map("map", { preferCanvas: true, maxZoom: 24, zoomSnap: 0.25 });
  map.attributionControl.setPrefix(false);
  document.getElementById("title").textContent = document.title = data.title;

  function draw(geometry, look) {
    return L.geoJSON(geometry, {
      style: look,
      pointToLayer: (_, place) => L.circleMarker(place, { ...look, radius: 7 }),
    });
  }

  function described(feature) {
    const list = document.createElement("dl");
    const pairs = [["row", feature.row], ["ref", feature.ref], ["", feature.action], ["", feature.text]];
    for (const [name, value] of pairs) {
      if (value === null || value === "") continue;
      list.appendChild(document.createElement("dt")).textContent = name;
      list.appendChild(document.createElement("dd")).textContent = value;
    }
    return list;
  }

  function swatch(look) {
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const shown = {
      x: 2, y: 2, width: 20, height: 12, fill: look.fillColor, "fill-opacity": look.fillOpacity,
      stroke: look.color, "stroke-width": look.weight, "stroke-dasharray": look.dashArray || "",
    };
    drawing.setAttribute("width", 24);
    drawing.setAttribute("height", 16);
    drawing.setAttribute("aria-hidden", "true");
    for (const [name, value] of Object.entries(shown)) box.setAttribute(name, value);
    drawing.appendChild(box);
    return drawing;
  }

  function legend(action, count, group) {
    const label = document.createElement("label");
    const tick = label.appendChild(document.createElement("input"));
    tick.type = "checkbox";
    tick.checked = true;
    tick.addEventListener("change", () => (tick.checked ? group.addTo(map) : group.remove()));
    label.appendChild(swatch(LOOKS[action]));
    label.appendChild(document.createElement("span")).textContent = action;
    const number = label.appendChild(document.createElement("span"));
    number.className = "count";
    number.textContent = count;
    document.getElementById("legend").appendChild(document.createElement("li")).appendChild(label);
  }

  for (const geometry of data.around) if (geometry) draw(geometry, STORED).addTo(map);
  const all = L.featureGroup();
  const present = Object.keys(LOOKS).filter((action) =>
    data.features.some((feature) => feature.action === action),
  );
  const groups = Object.fromEntries(present.map((action) => [action, L.featureGroup()]));
  // What matters most is drawn last, over the rest.
  for (const action of [...present].reverse()) {
    const rows = data.features.filter((feature) => feature.action === action);
    const group = groups[action].addTo(map);
    for (const feature of rows) {
      if (feature.before) draw(feature.before, BEFORE).addTo(group);
      if (!feature.geometry) continue;
      draw(feature.geometry, LOOKS[action]).bindPopup(() => described(feature)).addTo(group).addTo(all);
    }
  }
  for (const action of present) {
    legend(action, data.features.filter((one) => one.action === action).length, groups[action]);
  }
  for (const note of data.notes)
    document.getElementById("notes").appendChild(document.createElement("li")).textContent = note;

  const bounds = all.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.1));
  else map.setView([0, 0], 2);
})();

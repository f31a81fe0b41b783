// The ground of one case: what was seen, what stood, what was cleared, each with a switch;
// and the drawing of what an inspection finds left. Labels are set as text alone.
(function () {
  "use strict";

  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const shapes = read("case-shapes");
  const words = read("case-words");

  // From the lowest to the topmost; orientation has no switch.
  const LOOKS = {
    building: { color: "#8d877a", weight: 1, fillColor: "#d9d5cb", fillOpacity: 1 },
    parcel: { color: "#7c9a86", weight: 1, fillColor: "#e4efe6", fillOpacity: 0.9 },
    observed: { color: "#10231a", weight: 1.5, dashArray: "5 4", fill: false },
    superseded: { color: "#6b6b6b", weight: 1.5, dashArray: "2 4", fillColor: "#bdbdbd", fillOpacity: 0.3 },
    found: { color: "#8a4b00", weight: 2, fillColor: "#e69f00", fillOpacity: 0.35 },
    reclaimed: { color: "#00674b", weight: 2, fillColor: "#009e73", fillOpacity: 0.5 },
    rebound: { color: "#8a2f66", weight: 2, fillColor: "#cc79a7", fillOpacity: 0.6 },
    standing: { color: "#a33c00", weight: 3, fillColor: "#d55e00", fillOpacity: 0.55 },
    // Of a submission from the field: what was there, what others sent, what it is itself.
    earlier: { color: "#6b5b95", weight: 2, dashArray: "2 5", fillColor: "#6b5b95", fillOpacity: 0.12 },
    now: { color: "#a33c00", weight: 2.5, fillColor: "#d55e00", fillOpacity: 0.25 },
    waiting: { color: "#8a2f66", weight: 2, dashArray: "7 4", fillColor: "#cc79a7", fillOpacity: 0.25 },
    taken: { color: "#8a4b00", weight: 1, fillColor: "#e69f00", fillOpacity: 0.5 },
    clear: { color: "#00674b", weight: 2.5, dashArray: "7 4", fillColor: "#009e73", fillOpacity: 0.25 },
    submitted: { color: "#00507d", weight: 3, fillColor: "#56b4e9", fillOpacity: 0.2 },
    walk: { color: "#10231a", weight: 2, dashArray: "1 5", fill: false },
    position: { color: "#ffffff", weight: 2, fillColor: "#00507d", fillOpacity: 1 },
    residual: { color: "#00507d", weight: 2, dashArray: "7 4", fillColor: "#56b4e9", fillOpacity: 0.45 },
  };
  const ORIENTATION = ["building", "parcel"];

  const box = document.getElementById("case-map");
  const map = L.map(box, { zoomSnap: 0.25, maxZoom: 24, attributionControl: false, scrollWheelZoom: false });
  L.control.scale({ imperial: false }).addTo(map);

  function labelled(layer, shape) {
    const text = [words[shape.layer], shape.label, shape.day].filter(Boolean).join(" · ");
    const element = document.createElement("span");
    element.textContent = text;
    return layer.bindTooltip(element, { sticky: true });
  }

  const pointToLayer = (_point, place) => L.circleMarker(place, { radius: 7 });
  const groups = new Map();
  for (const [name, look] of Object.entries(LOOKS)) {
    const mine = shapes.filter((shape) => shape.layer === name);
    if (!mine.length) continue;
    const layers = mine.map((shape) =>
      labelled(L.geoJSON(shape.geometry, { style: look, pointToLayer, interactive: !ORIENTATION.includes(name) || name === "parcel" }), shape));
    groups.set(name, { group: L.featureGroup(layers).addTo(map), days: mine.map((shape) => shape.day).filter(Boolean) });
  }

  // A phone that was far away would shrink the ground to a dot: it frames nothing by itself.
  const FRAMED = [...groups].filter(([name]) => ![...ORIENTATION, "position"].includes(name));

  function frame() {
    const own = FRAMED.map(([, one]) => one.group.getBounds());
    const bounds = own.reduce((all, one) => all.extend(one), L.latLngBounds([]));
    if (bounds.isValid()) map.fitBounds(bounds, { padding: [40, 40], maxZoom: 22, animate: false });
    else map.setView([37.4, 122.1], 10);
  }

  function addSwitch(name, { group, days }) {
    const look = LOOKS[name];
    const item = document.createElement("li");
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    const sample = document.createElement("i");
    sample.setAttribute("aria-hidden", "true");
    sample.style.borderColor = look.color;
    sample.style.borderStyle = look.dashArray ? "dashed" : "solid";
    if (look.fillColor) sample.style.background = look.fillColor;
    const small = document.createElement("small");
    small.textContent = [...new Set(days)].slice(-2).join(", ");
    label.append(input, sample, words[name], " ", small);
    label.dataset.layer = name;
    input.addEventListener("change", () => (input.checked ? group.addTo(map) : group.remove()));
    item.append(label);
    document.getElementById("case-layers").append(item);
  }

  // Draws the polygon of a residual into the hidden field of its form.
  function drawInto(fieldset) {
    const field = fieldset.querySelector("input[name=residual]");
    const tools = fieldset.querySelector(".residual-tools");
    const told = tools.querySelector("output");
    const some = fieldset.querySelector("input[value=something]");
    const shape = L.polygon([], { color: "#10231a", weight: 2.5, dashArray: "6 5", fillColor: "#ffffff", fillOpacity: 0.5, interactive: false }).addTo(map);
    let corners = [];
    try {
      corners = JSON.parse(field.value).coordinates[0][0].slice(0, -1).map(([lng, lat]) => L.latLng(lat, lng));
    } catch (error) {
      corners = [];
    }

    function show() {
      const drawing = some.checked;
      tools.hidden = !drawing;
      box.classList.toggle("is-drawing", drawing);
      shape.setLatLngs(drawing ? corners : []);
      told.textContent = corners.length ? words.corners.replace("{n}", corners.length) : words.tap;
      const ring = [...corners, corners[0]].filter(Boolean).map((point) => [point.lng, point.lat]);
      field.value = corners.length > 2 ? JSON.stringify({ type: "MultiPolygon", coordinates: [[ring]] }) : "";
    }

    const acts = { undo: () => corners.pop(), clear: () => corners.splice(0) };
    for (const button of tools.querySelectorAll("button")) {
      button.addEventListener("click", () => { acts[button.dataset.act](); show(); });
    }
    for (const radio of fieldset.querySelectorAll("input[type=radio]")) radio.addEventListener("change", show);
    map.on("click", (event) => {
      if (!some.checked || fieldset.closest("details")?.open === false) return;
      corners.push(event.latlng);
      show();
    });
    // Whoever has no pointer moves the map with the arrows and adds its middle.
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !some.checked) return;
      corners.push(map.getCenter());
      show();
    });
    show();
  }

  // Paper has another width than the screen, and Leaflet must know it before it is printed.
  function fit(width, height) {
    Object.assign(box.style, { width, height });
    map.invalidateSize({ animate: false });
    frame();
  }
  window.addEventListener("beforeprint", () => fit("182mm", "88mm"));
  window.addEventListener("afterprint", () => fit("", ""));

  frame();
  for (const [name, one] of groups) if (!ORIENTATION.includes(name)) addSwitch(name, one);
  for (const fieldset of document.querySelectorAll("fieldset.residual")) drawInto(fieldset);
  window.caseMap = map;
  document.documentElement.dataset.caseReady = "true";
})();

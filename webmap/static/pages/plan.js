// A small plan for the pages of the work: outlines to look at, to pick, to draw among.
// Labels are set as text alone.
(function () {
  "use strict";

  const PAPER = { color: "#8d877a", weight: 1, fillColor: "#d9d5cb", fillOpacity: 1 };
  const GREEN = { color: "#7c9a86", weight: 1, fillColor: "#cde8d6", fillOpacity: 0.9 };

  function textOf(text) {
    const element = document.createElement("span");
    element.textContent = text;
    return element;
  }

  function read(id) {
    const block = document.getElementById(id);
    return block ? JSON.parse(block.textContent) : null;
  }

  function create(box) {
    const map = L.map(box, { zoomSnap: 0.25, maxZoom: 22, attributionControl: false, scrollWheelZoom: false });
    L.control.scale({ imperial: false }).addTo(map);
    // A standing label is placed at once, which takes a view; frame() gives the right one.
    map.setView([37.4, 122.1], 16);
    return map;
  }

  // Draws features; look(feature) gives each its style, label(feature) the text over it.
  function draw(map, features, look, label, standing) {
    const layers = features.map((feature) => {
      const layer = L.geoJSON(feature.geometry, { style: look(feature) });
      const text = label && label(feature);
      if (text) {
        layer.bindTooltip(textOf(text), standing
          ? { permanent: true, direction: "center", className: "plan-label" }
          : { sticky: true });
      }
      layer.feature = feature;
      return layer;
    });
    return L.featureGroup(layers).addTo(map);
  }

  function frame(map, groups) {
    const bounds = groups.reduce((all, group) => all.extend(group.getBounds()), L.latLngBounds([]));
    const room = Math.min(36, map.getSize().x / 24);
    if (bounds.isValid()) map.fitBounds(bounds, { padding: [room, room], maxZoom: 20, animate: false });
  }

  function ringOf(corners) {
    return [...corners, corners[0]].map((point) => [point.lng, point.lat]);
  }

  // Taps become corners of a polygon; changed(corners) hears each. Whoever has no pointer
  // moves the map with the arrows and adds its middle with Enter.
  function sketch(map, changed) {
    const shape = L.polygon([], { color: "#10231a", weight: 2.5, dashArray: "6 5", fillColor: "#ffffff", fillOpacity: 0.5, interactive: false }).addTo(map);
    let corners = [];
    let active = false;
    const told = () => { shape.setLatLngs(corners); changed(corners); };
    const add = (point) => { if (active) { corners.push(point); told(); } };
    map.on("click", (event) => add(event.latlng));
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Enter") add(map.getCenter());
    });
    return {
      get active() { return active; },
      start(begun) {
        active = true;
        corners = begun || [];
        map.getContainer().classList.add("is-drawing");
        told();
      },
      stop() {
        active = false;
        corners = [];
        map.getContainer().classList.remove("is-drawing");
        told();
      },
      undo() { corners.pop(); told(); },
      clear() { corners = []; told(); },
      add,
    };
  }

  // Whether a point [x, y] lies inside the ring of corners.
  function inside(point, corners) {
    const [x, y] = point;
    let within = false;
    corners.forEach((one, index) => {
      const other = corners[(index + corners.length - 1) % corners.length];
      if ((one.lat > y) !== (other.lat > y) &&
          x < (other.lng - one.lng) * (y - one.lat) / (other.lat - one.lat) + one.lng) within = !within;
    });
    return within;
  }

  window.Plan = { PAPER, GREEN, read, create, draw, frame, ringOf, sketch, inside, textOf };
})();

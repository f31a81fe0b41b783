// Corners tapped on the map: for measuring, and for what is still occupied after clearing.
// One sketch at a time; while it lasts, features answer no clicks.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const COLOR = "#10231a";

  function handle() {
    return L.divIcon({ className: "cg-corner", html: CG.make("span", {}), iconSize: [26, 26] });
  }

  // options: closed (a polygon, else a line), onChange(points).
  CG.createSketch = function (map, options) {
    const corners = [];
    const shape = (options.closed ? L.polygon : L.polyline)([], {
      color: COLOR, weight: 2.5, dashArray: "6 5", fillColor: "#ffffff", fillOpacity: 0.45, interactive: false,
    }).addTo(map);

    const points = () => corners.map((corner) => corner.getLatLng());
    function changed() {
      shape.setLatLngs(points());
      options.onChange(points());
    }

    function add(latlng) {
      const corner = L.marker(latlng, { icon: handle(), draggable: true, keyboard: false, zIndexOffset: 1000 });
      corner.on("drag", changed);
      corners.push(corner.addTo(map));
      changed();
    }

    const onClick = (event) => add(event.latlng);
    map.on("click", onClick);
    map.doubleClickZoom.disable();

    return {
      points,
      add,
      undo() {
        const last = corners.pop();
        if (last) map.removeLayer(last);
        changed();
      },
      // Ends the tapping; the drawing stays until it is removed.
      finish() {
        map.off("click", onClick);
        map.doubleClickZoom.enable();
        for (const corner of corners) map.removeLayer(corner);
      },
      remove() {
        this.finish();
        map.removeLayer(shape);
      },
    };
  };

  // The card over the map that a tool lives in; opening one closes the other.
  CG.createToolCard = function (map) {
    const card = CG.find("cg-tool");
    let onClose = null;
    const tools = {
      get active() {
        return onClose !== null;
      },
      open(title, content, closed) {
        tools.close();
        onClose = closed;
        CG.fill(card,
          CG.make("header", {}, CG.make("h2", {}, title),
            CG.make("button", { type: "button", class: "cg-close", "aria-label": CG.word("close"), onclick: tools.close }, "×")),
          content);
        card.hidden = false;
        map.getContainer().classList.add("is-sketching");
      },
      close() {
        if (!onClose) return;
        const closed = onClose;
        onClose = null;
        card.hidden = true;
        map.getContainer().classList.remove("is-sketching");
        closed();
      },
    };
    // Whoever has no pointer moves the map with the arrows and adds its middle.
    tools.middle = (sketch) =>
      CG.make("button", { type: "button", class: "cg-button", onclick: () => sketch().add(map.getCenter()) },
        CG.word("sketch.middle"));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && tools.active) tools.close();
    });
    return tools;
  };
})();

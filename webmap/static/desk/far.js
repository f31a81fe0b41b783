// Says from which zoom on the rows of large layers are on the map, and goes there.

import { fill, make } from "../field/dom.js";
import { ROWS_FROM_ZOOM } from "./rows.js";
import { level, word } from "./words.js";

export function createFar(desk) {
  const root = document.getElementById("desk-far");
  const { map } = desk.view;
  const named = (layers) => word.list(layers.map((one) => word(`desk.layer.${one}`)));

  function goTo(zoom) {
    map.setZoom(zoom, { animate: false });
    map.getContainer().focus();
  }

  return {
    show() {
      const { large, crowded } = desk.rows;
      const zoom = map.getZoom();
      const isFar = large.length > 0 && zoom < ROWS_FROM_ZOOM;
      root.hidden = !isFar && !crowded.length;
      if (root.hidden) return;
      const told = isFar ? word("desk.far", { layers: named(large), from: ROWS_FROM_ZOOM, now: level(zoom) })
        : word("desk.crowded", { layers: named(crowded), now: level(zoom) });
      fill(root, make("span", {}, told),
        make("button", { type: "button", onclick: () => goTo(isFar ? ROWS_FROM_ZOOM : zoom + 1) }, word("desk.far.go")));
    },
  };
}

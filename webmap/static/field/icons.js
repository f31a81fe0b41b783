// Drawings of 24 by 24, of strokes in the colour of the text: words need a companion in the sun.

const SVG = "http://www.w3.org/2000/svg";

const STROKES = {
  fence: "M5 21V6l2-3 2 3v15M15 21V6l2-3 2 3v15M2 10h20M2 16h20",
  hedge: "M3 20h18M5 20c-3-5 0-9 2-8 0-4 5-6 7-2 4-2 7 3 5 10M9 16l2-2M14 17l2-2",
  paving: "M3 5h18v14H3zM3 12h18M9 5v7M15 12v7",
  shed: "M3 11l9-7 9 7M5 10v10h14V10M10 20v-6h4v6",
  planting: "M12 21v-9M12 14c-5 0-7-3-7-6 4 0 7 2 7 6M12 11c0-4 3-7 7-7 0 4-3 7-7 7M7 21h10",
  glasshouse: "M4 20V10l8-6 8 6v10zM4 13h16M12 4v16M8 7v13M16 7v13",
  other: "M12 3l9 9-9 9-9-9zM12 8v5M12 16v.5",
  tap: "M9 11V5a2 2 0 014 0v6M13 10a2 2 0 014 1v1a2 2 0 013 2c0 4-2 8-6 8s-6-2-9-8c-1-2 2-3 3-1l1 2",
  walk: "M13 4a1 1 0 100 .1M11 21l2-6-3-3 1-5 3 3 3 1M10 8l-3 2v3M13 15l3 6",
  correct: "M4 17L14 7l3 3L7 20l-4 1zM13 8l2-2a2 2 0 013 3l-1 1",
  clear: "M4 13l5 5L20 6",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 010 10h-3",
  redo: "M16 5l4 4-4 4M20 9H10a5 5 0 000 10h3",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  back: "M14 5l-7 7 7 7",
  locate: "M12 8a4 4 0 100 8 4 4 0 000-8M12 2v4M12 18v4M2 12h4M18 12h4",
  layers: "M12 3l9 5-9 5-9-5zM3 12l9 5 9-5M3 16l9 5 9-5",
  camera: "M4 8h4l2-3h4l2 3h4v11H4zM12 10a4 4 0 100 7 4 4 0 000-7",
  picture: "M3 5h18v14H3zM3 16l5-5 4 4 3-3 6 6M16 8.500a1 1 0 100 .1",
  phone: "M7 3h10v18H7zM10 18h4M9.500 11a2.500 2.500 0 105 0 2.500 2.500 0 00-5 0",
  stop: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 7v6M12 16v.5",
  warn: "M12 3l10 18H2zM12 9v6M12 17.500v.5",
  pause: "M8 5v14M16 5v14",
  play: "M7 4l12 8-12 8z",
  stand: "M12 3a2 2 0 100 4 2 2 0 000-4M12 8v7M9 21l3-6 3 6M6 21h12",
  send: "M3 11l18-8-7 18-3-7z",
  shape: "M5 6l13-2 2 12-9 4zM5 6a1 1 0 100 .1M18 4a1 1 0 100 .1M20 16a1 1 0 100 .1M11 20a1 1 0 100 .1",
  list: "M9 6h12M9 12h12M9 18h12M4 6h.5M4 12h.5M4 18h.5",
};

export function icon(name) {
  const drawn = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", width: "24", height: "24", "aria-hidden": "true", class: "icon" };
  for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", STROKES[name]);
  drawn.append(path);
  return drawn;
}

// A pattern of slanted lines for areas on a map, for those who see no colours.
export function hatch(id, colour, width = 2, gap = 7) {
  const pattern = document.createElementNS(SVG, "pattern");
  const attributes = { id, patternUnits: "userSpaceOnUse", width: gap, height: gap, patternTransform: "rotate(45)" };
  for (const [key, value] of Object.entries(attributes)) pattern.setAttribute(key, value);
  const line = document.createElementNS(SVG, "rect");
  for (const [key, value] of Object.entries({ width, height: gap, fill: colour })) line.setAttribute(key, value);
  pattern.append(line);
  return pattern;
}

// The patterns live in a drawing of their own, which stays while the map comes and goes.
export function patterns(list) {
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("class", "patterns");
  drawn.setAttribute("aria-hidden", "true");
  const defs = document.createElementNS(SVG, "defs");
  defs.append(...list);
  drawn.append(defs);
  return drawn;
}

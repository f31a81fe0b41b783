// How each status looks: Okabe and Ito's colours, which colour-blind people tell apart,
// with a hatching of its own for all that still stands, so that print without colour reads too.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const CELL = 8;

  // fill: the strong colour; tint: the parcel under an encroachment; edge: its outline;
  // line: the colour of the hatching.
  const STATUS = {
    rebound: { fill: "#cc79a7", tint: "#f3dfea", edge: "#7a2e5b", hatch: "cross", line: "#5e1f45" },
    suspected: { fill: "#f0e442", tint: "#fbf8cf", edge: "#857b00", hatch: "dots", line: "#5c5500" },
    verified: { fill: "#d55e00", tint: "#f7dcc8", edge: "#8a3d00", hatch: "slash", line: "#ffdcc2" },
    announced: { fill: "#e69f00", tint: "#fae8c2", edge: "#946600", hatch: "back", line: "#5f4200" },
    clearing: { fill: "#56b4e9", tint: "#d8edf9", edge: "#1d6f9f", hatch: "level", line: "#0f4c75" },
    referred: { fill: "#0072b2", tint: "#c6dff0", edge: "#004a75", hatch: "plumb", line: "#d5ebf8" },
    cleared: { fill: "#009e73", tint: "#009e73", edge: "#00614a" },
    clear: { fill: "#cde8d6", tint: "#cde8d6", edge: "#86b79a" },
    unknown_title: { fill: "#dcdcda", tint: "#dcdcda", edge: "#6e6e6c", hatch: "rings", line: "#4a4a48" },
    private: { fill: "#d6c495", tint: "#d6c495", edge: "#9c8a58" },
    not_looked_at: { fill: "#ffffff", tint: "#ffffff", edge: "#8c8c88", dash: "3 3" },
  };
  const UNKNOWN = { fill: "#ffffff", tint: "#ffffff", edge: "#333333" };

  const GROUND = {
    path: { fill: "#edeae1", edge: "#e0dccf" },
    parking: { fill: "#e3e6ea", edge: "#c9ced4" },
    private_yard: { fill: "#f1e9d8", edge: "#d9cdb0" },
    other: { fill: "#f1efe8", edge: "#e2dfd4" },
  };
  const LANDSCAPING = { fill: "#a9dcbc", edge: "#0b5d44", hatch: "tufts", line: "#0b5d44" };

  const strokes = {
    slash: [[-2, 2, 2, -2], [0, 8, 8, 0], [6, 10, 10, 6]],
    back: [[-2, 6, 2, 10], [0, 0, 8, 8], [6, -2, 10, 2]],
    level: [[0, 2, 8, 2], [0, 6, 8, 6]],
    plumb: [[2, 0, 2, 8], [6, 0, 6, 8]],
    cross: [[0, 8, 8, 0], [0, 0, 8, 8], [-2, 2, 2, -2], [6, 10, 10, 6], [-2, 6, 2, 10], [6, -2, 10, 2]],
    tufts: [[1.5, 4, 2.5, 1.5], [3.5, 4, 2.5, 1.5], [5.5, 8, 6.5, 5.5], [7.5, 8, 6.5, 5.5]],
  };

  function drawHatch(context, look) {
    context.strokeStyle = context.fillStyle = look.line;
    context.lineWidth = look.hatch === "cross" || look.hatch === "tufts" ? 1 : 1.5;
    if (look.hatch === "dots" || look.hatch === "rings") {
      const ring = look.hatch === "rings";
      context.lineWidth = 0.9;
      for (const [x, y] of [[2, 2], [6, 6]]) {
        context.beginPath();
        context.arc(x, y, ring ? 1.5 : 1.05, 0, 2 * Math.PI);
        if (ring) context.stroke();
        else context.fill();
      }
      return;
    }
    context.beginPath();
    for (const [x1, y1, x2, y2] of strokes[look.hatch]) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
  }

  // A cell of the hatching, `ratio` device pixels to a pixel; 8 divides the width of a
  // tile, so that hatchings meet at its edges.
  function cell(look, ratio) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = Math.round(CELL * ratio);
    const context = canvas.getContext("2d");
    context.scale(canvas.width / CELL, canvas.width / CELL);
    context.fillStyle = look.fill;
    context.fillRect(0, 0, CELL, CELL);
    drawHatch(context, look);
    return canvas;
  }

  const paints = new Map();

  // What a canvas fills with: a colour, or a pattern where the look is hatched.
  function paint(name, look) {
    if (!look.hatch) return look.fill;
    let found = paints.get(name);
    if (!found) {
      const ratio = CG.pixelRatio();
      const source = cell(look, ratio);
      found = source.getContext("2d").createPattern(source, "repeat");
      found.setTransform(new DOMMatrix().scale(CELL / source.width));
      paints.set(name, found);
    }
    return found;
  }

  // Canvases at twice the density are sharp enough, on any screen and on paper.
  CG.pixelRatio = () => Math.min(2, Math.max(1, window.devicePixelRatio || 1));

  CG.statusLook = (status) => STATUS[status] || UNKNOWN;
  CG.statusPaint = (status) => paint(status, CG.statusLook(status));
  CG.groundLook = (kind) => GROUND[kind] || GROUND.other;
  CG.landscapingLook = LANDSCAPING;
  CG.landscapingPaint = () => paint("landscaping", LANDSCAPING);

  // A sample for the legend, drawn three times as dense because it is printed.
  CG.swatch = function (look) {
    const canvas = CG.make("canvas", { class: "cg-swatch", width: 66, height: 42, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    context.scale(3, 3);
    context.fillStyle = look.fill;
    if (look.hatch) {
      const source = cell(look, 3);
      const pattern = context.createPattern(source, "repeat");
      pattern.setTransform(new DOMMatrix().scale(1 / 3));
      context.fillStyle = pattern;
    }
    context.fillRect(1, 1, 20, 12);
    context.strokeStyle = look.edge;
    if (look.dash) context.setLineDash([3, 2]);
    context.strokeRect(1, 1, 20, 12);
    return canvas;
  };
})();

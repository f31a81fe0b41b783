// Distance and area between tapped points, geodesic on WGS 84, and says so.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  CG.createMeasure = function (map, tools) {
    let closed = false;
    let sketch = null;
    const value = CG.make("output", { class: "cg-measured" });

    function show(points) {
      if (points.length < (closed ? 3 : 2)) {
        CG.fill(value, CG.make("span", { class: "cg-hint" }, CG.word(closed ? "measure.tapArea" : "measure.tapLine")));
        return;
      }
      const around = CG.geodesic.length(closed ? [...points, points[0]] : points);
      CG.fill(value,
        CG.make("strong", {}, closed ? CG.area(CG.geodesic.area(points)) : CG.length(around)),
        closed && CG.make("span", { class: "cg-hint" }, CG.word("measure.perimeter", { length: CG.length(around) })));
    }

    function restart() {
      if (sketch) sketch.remove();
      sketch = CG.createSketch(map, { closed, onChange: show });
      show([]);
    }

    function choice(isArea, label) {
      const input = CG.make("input", {
        type: "radio", name: "cg-measure", checked: closed === isArea,
        onchange: () => { closed = isArea; restart(); },
      });
      return CG.make("label", { class: "cg-segment" }, input, CG.make("span", {}, label));
    }

    function open() {
      tools.open(CG.word("measure.title"), [
        CG.make("div", { class: "cg-segments" },
          choice(false, CG.word("measure.distance")), choice(true, CG.word("measure.area"))),
        value,
        CG.make("div", { class: "cg-row" },
          tools.middle(() => sketch),
          CG.make("button", { type: "button", class: "cg-button", onclick: () => sketch.undo() }, CG.word("sketch.undo")),
          CG.make("button", { type: "button", class: "cg-button", onclick: restart }, CG.word("sketch.restart"))),
        CG.make("p", { class: "cg-hint" }, CG.word("measure.method")),
      ], () => { sketch.remove(); sketch = null; });
      restart();
    }

    return { toggle: () => (sketch ? tools.close() : open()) };
  };
})();

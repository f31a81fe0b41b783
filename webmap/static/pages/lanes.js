// The plan of the lanes. Where a form lets buildings be picked, a tap adds or removes one,
// and a polygon adds every building whose centre lies inside.
(function () {
  "use strict";

  const data = Plan.read("plan-data");
  const box = document.getElementById("plan");
  const map = Plan.create(box);
  const ticks = new Map([...document.querySelectorAll("input[name=buildings]")].map((tick) => [tick.value, tick]));

  function look(building) {
    const tick = ticks.get(building.id);
    const color = tick ? (tick.checked ? data.lane.color : null) : building.color;
    const other = tick && !tick.checked && building.color;
    return {
      color: color ? "#10231a" : "#8d877a", weight: color ? 1.5 : 1,
      fillColor: color || other || "#e7e4db", fillOpacity: other ? 0.25 : 1,
    };
  }

  const buildings = Plan.draw(map, data.buildings, look, (building) => building.ref, true);
  const redraw = () => buildings.eachLayer((layer) => layer.setStyle(look(layer.feature)));
  const count = document.getElementById("picked");
  function told() {
    redraw();
    if (count) count.textContent = data.words.picked.replace("{n}", [...ticks.values()].filter((tick) => tick.checked).length);
  }

  if (ticks.size) {
    buildings.eachLayer((layer) => layer.on("click", (event) => {
      if (area.active) return;
      L.DomEvent.stop(event);
      const tick = ticks.get(layer.feature.id);
      tick.checked = !tick.checked;
      told();
    }));
    for (const tick of ticks.values()) tick.addEventListener("change", told);
  }

  const tools = document.getElementById("plan-tools");
  const state = document.getElementById("plan-state");
  let drawn = [];
  const area = Plan.sketch(map, (corners) => {
    drawn = corners;
    state.textContent = area.active ? data.words.corners.replace("{n}", corners.length) : "";
    tools.querySelector("[data-act=take]").disabled = corners.length < 3;
  });

  function take() {
    for (const building of data.buildings) {
      if (Plan.inside(building.centre, drawn)) ticks.get(building.id).checked = true;
    }
    end();
  }
  function end() {
    area.stop();
    tools.classList.remove("is-active");
    told();
  }
  const acts = {
    draw: () => { tools.classList.add("is-active"); area.start(); },
    undo: () => area.undo(),
    take, cancel: end,
  };
  if (tools) {
    tools.hidden = false;
    for (const button of tools.querySelectorAll("button")) button.addEventListener("click", acts[button.dataset.act]);
  }

  Plan.frame(map, [buildings]);
  told();
  window.lanePlan = map;
  document.documentElement.dataset.planReady = "true";
})();

// On paper: the map as it stands, its title, day, legend and scale, on one landscape page.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const PATIENCE = 4000;
  const LEGEND = 240;

  CG.createPrint = function (map, state, layers) {
    const root = CG.find("community-map");
    let before = null;

    // The middle of what is seen between the cards, which do not print.
    function seen() {
      const { paddingTopLeft, paddingBottomRight } = CG.padding();
      const from = L.point(paddingTopLeft);
      const to = map.getSize().subtract(paddingBottomRight);
      return map.containerPointToLatLng(from.add(to).divideBy(2));
    }

    function settled() {
      return new Promise((resolve) => {
        if (!layers.grid.isLoading()) resolve();
        else layers.grid.once("load", resolve);
        setTimeout(resolve, PATIENCE);
      });
    }

    function prepare() {
      if (root.classList.contains("is-printing")) return;
      before = map.getCenter();
      const middle = seen();
      CG.find("cg-print-day").textContent = CG.word("print.day", { day: CG.days.long(state.day) });
      CG.find("cg-print-filter").textContent = CG.filterWords(state.filter()).join(" · ");
      document.documentElement.classList.add("is-printing");
      root.classList.add("is-printing");
      CG.find("cg-print-figures").textContent = CG.find("cg-peek").textContent;
      map.invalidateSize({ animate: false });
      map.setView(middle, map.getZoom(), { animate: false });
      map.panBy([-LEGEND / 2, 0], { animate: false });
    }

    function restore() {
      document.documentElement.classList.remove("is-printing");
      root.classList.remove("is-printing");
      map.invalidateSize({ animate: false });
      if (before) map.setView(before, map.getZoom(), { animate: false });
    }

    // The browser's own command prints at once, with the tiles that are there.
    window.addEventListener("beforeprint", prepare);
    window.addEventListener("afterprint", restore);
    return {
      async print() {
        prepare();
        await new Promise((resolve) => requestAnimationFrame(resolve));
        await settled();
        window.print();
      },
    };
  };
})();

// Beside the map on a desk, a sheet over it on a phone: figures, legend and one parcel.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const PHONE = "(max-width: 760px)";
  const LEVELS = ["peek", "half", "full"];

  CG.createPanel = function (map) {
    const root = CG.find("community-map");
    const sheet = CG.find("cg-panel");
    const grip = CG.find("cg-grip");
    const legend = CG.find("cg-legend");
    const phone = window.matchMedia(PHONE);
    const tabs = [...sheet.querySelectorAll("[role=tab]")];
    let before = "peek";

    const level = () => root.dataset.sheet;
    function setLevel(name) {
      root.dataset.sheet = name;
      grip.setAttribute("aria-expanded", String(name !== "peek"));
    }

    function select(name) {
      root.dataset.tab = name;
      for (const tab of tabs) {
        const chosen = tab.dataset.tab === name;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
      }
    }

    function open(name) {
      const detail = CG.find("cg-tab-detail");
      if (name === "detail") detail.hidden = false;
      else if (name === "figures" && root.dataset.tab === "detail") detail.hidden = true;
      select(name);
      if (phone.matches && level() === "peek" && name === "detail") setLevel("half");
      sheet.querySelector(".cg-scroll").scrollTop = 0;
    }

    // The legend floats over the map on a desk and is a tab of the sheet on a phone.
    function place() {
      if (phone.matches) CG.find("cg-tab-legend-body").append(legend);
      else {
        CG.find("cg-stage").append(legend);
        if (root.dataset.tab === "legend") select("figures");
      }
      map.invalidateSize({ animate: false });
    }

    function onTabKey(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const seen = tabs.filter((tab) => tab.offsetParent !== null);
      const next = seen[(seen.indexOf(event.target) + step + seen.length) % seen.length];
      next.focus();
      next.click();
    }

    function follow(down) {
      const start = down.clientY;
      const height = sheet.getBoundingClientRect().height;
      let moved = 0;
      grip.setPointerCapture(down.pointerId);
      const onMove = (event) => {
        moved = start - event.clientY;
        sheet.style.height = `${Math.max(60, height + moved)}px`;
        sheet.classList.add("is-dragged");
      };
      const onUp = () => {
        grip.removeEventListener("pointermove", onMove);
        sheet.classList.remove("is-dragged");
        sheet.style.height = "";
        const step = Math.abs(moved) < 24 ? 0 : Math.sign(moved) * (Math.abs(moved) > 320 ? 2 : 1);
        const at = LEVELS.indexOf(level()) + step;
        if (step) setLevel(LEVELS[Math.min(2, Math.max(0, at))]);
      };
      grip.addEventListener("pointermove", onMove);
      grip.addEventListener("pointerup", onUp, { once: true });
      grip.addEventListener("pointercancel", onUp, { once: true });
    }

    for (const tab of tabs) {
      tab.addEventListener("click", () => {
        select(tab.dataset.tab);
        if (phone.matches && level() === "peek") setLevel("half");
      });
      tab.addEventListener("keydown", onTabKey);
    }
    grip.addEventListener("click", () => setLevel(level() === "peek" ? "half" : "peek"));
    grip.addEventListener("pointerdown", (event) => { if (phone.matches) follow(event); });
    CG.find("cg-legend-toggle").addEventListener("click", (event) => {
      const folded = legend.classList.toggle("is-folded");
      event.currentTarget.setAttribute("aria-expanded", String(!folded));
    });
    phone.addEventListener("change", place);
    place();

    // Room that the cards over the map take from what is fitted into it.
    CG.padding = () => (phone.matches
      ? { paddingTopLeft: [12, 70], paddingBottomRight: [12, 226] }
      : { paddingTopLeft: [300, 24], paddingBottomRight: [72, 130] });

    return {
      open,
      // Moves a place out from under the sheet.
      reveal(latlng) {
        if (!phone.matches) return;
        const at = map.latLngToContainerPoint(latlng);
        const free = map.getSize().y * 0.44;
        if (at.y < 80 || at.y > free - 30) map.panBy([at.x - map.getSize().x / 2, at.y - (free + 60) / 2]);
      },
      // Out of the way while somebody draws on the map, and back.
      lower() {
        before = level();
        if (phone.matches) setLevel("peek");
      },
      raise() {
        if (phone.matches) setLevel(before);
      },
    };
  };
})();

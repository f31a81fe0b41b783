// At low zooms: a ring per community, its parcels by status, their number in the middle.
// Rings that would lie on one another become one, with the number of communities.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const SIZE = 58;
  const CELL = 92;

  function arc(from, to, color) {
    const point = (share) => {
      const angle = 2 * Math.PI * share - Math.PI / 2;
      return `${(50 + 40 * Math.cos(angle)).toFixed(2)} ${(50 + 40 * Math.sin(angle)).toFixed(2)}`;
    };
    // A whole circle has no arc: stop just short of it.
    const end = Math.min(to, from + 0.9999);
    return CG.makeSvg("path", {
      d: `M${point(from)}A40 40 0 ${end - from > 0.5 ? 1 : 0} 1 ${point(end)}`,
      stroke: color, "stroke-width": 17, fill: "none",
    });
  }

  function ring(status, middle) {
    const total = Object.values(status).reduce((sum, n) => sum + n, 0) || 1;
    const svg = CG.makeSvg("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" },
      CG.makeSvg("circle", { cx: 50, cy: 50, r: 49, fill: "#ffffff" }),
      CG.makeSvg("circle", { cx: 50, cy: 50, r: 40, fill: "none", stroke: "#e4e1d8", "stroke-width": 17 }));
    let at = 0;
    for (const name of CG.config.statuses) {
      const share = (status[name] || 0) / total;
      if (share > 0) svg.append(arc(at, at + share, CG.statusLook(name).fill));
      at += share;
    }
    const text = CG.makeSvg("text", { x: 50, y: 51, "text-anchor": "middle", "dominant-baseline": "central" });
    text.textContent = CG.count(middle);
    svg.append(text);
    return svg;
  }

  // Puts neighbours within a cell of the screen together.
  function gather(map, communities) {
    const cells = new Map();
    for (const community of communities) {
      const at = map.project([community.lat, community.lon]);
      const key = `${Math.floor(at.x / CELL)} ${Math.floor(at.y / CELL)}`;
      cells.set(key, [...(cells.get(key) || []), community]);
    }
    return [...cells.values()];
  }

  function sum(members) {
    const status = {};
    for (const member of members) {
      for (const [name, n] of Object.entries(member.status || {})) {
        status[name] = (status[name] || 0) + n;
      }
    }
    return status;
  }

  function boundsOf(members) {
    const bounds = L.latLngBounds([]);
    for (const { bounds: [w, s, e, n] } of members) bounds.extend([s, w]).extend([n, e]);
    return bounds;
  }

  CG.createCommunities = function (map, source, state) {
    const group = L.layerGroup().addTo(map);

    function marker(members) {
      const one = members.length === 1;
      const parcels = members.reduce((total, member) => total + member.parcels, 0);
      const name = one ? members[0].name : CG.word("communities.several", { n: CG.count(members.length) });
      const label = CG.word("communities.label", { name, parcels: CG.count(parcels) });
      const icon = CG.make("div", { class: one ? "cg-ring" : "cg-ring is-several" },
        ring(sum(members), one ? parcels : members.length), CG.make("span", { class: "cg-ring-name" }, name));
      const latlng = one ? [members[0].lat, members[0].lon] : boundsOf(members).getCenter();
      const made = L.marker(latlng, {
        icon: L.divIcon({ className: "cg-ring-icon", html: icon, iconSize: [SIZE, SIZE] }),
        alt: label, title: label, riseOnHover: true,
      });
      const open = () => map.fitBounds(boundsOf(members), { maxZoom: one ? 18 : undefined, ...CG.padding() });
      made.on("click", open);
      made.on("keypress", (event) => event.originalEvent.key === "Enter" && open());
      return made;
    }

    function show(communities) {
      group.clearLayers();
      if (map.getZoom() >= CG.config.featureZoom) return;
      for (const members of gather(map, communities)) group.addLayer(marker(members));
    }

    const load = CG.newest((day, bounds) => source.communities(day, bounds), show, CG.fail);
    function update() {
      if (map.getZoom() >= CG.config.featureZoom) {
        group.clearLayers();
        return;
      }
      const around = map.getBounds().pad(0.2);
      load(state.day, [around.getWest(), around.getSouth(), around.getEast(), around.getNorth()]);
    }

    // Every community of the place by its code: the rows of a region's figures.
    const known = new Map();
    async function learnNames() {
      for (const one of await source.communities(state.day, [-180, -85, 180, 85])) known.set(one.code, one);
    }
    const parts = {
      chosen: () => null,
      label: (code) => (known.has(code) ? known.get(code).name : code),
      title: (code) => code,
      offer: () => {},
      choose(code) {
        if (known.has(code)) map.fitBounds(boundsOf([known.get(code)]), { maxZoom: 18, ...CG.padding() });
      },
    };

    map.on("moveend", CG.debounce(update, 120));
    state.watch(["day"], update);
    return { update, learnNames, parts };
  };
})();

// The address always says what the map shows: whoever opens it sees the same.
//   #map=18/37.40012/122.19990&day=2022-06-20&hide=clear,private&building=12&layers=...&q=...&parcel=...
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const REF = 200;
  const TEXT = 100;

  function readView(text) {
    const [zoom, lat, lng] = (text || "").split("/").map(Number);
    const sound = [zoom, lat, lng].every(Number.isFinite) && Math.abs(lat) <= 85 && Math.abs(lng) <= 180;
    return sound ? { zoom, center: [lat, lng] } : null;
  }

  function readLayers(text) {
    if (text === null) return { ...CG.LAYERS };
    const on = text.split(",");
    return Object.fromEntries(Object.keys(CG.LAYERS).map((name) => [name, on.includes(name)]));
  }

  // What the address asks for; everything in it is checked, nothing is trusted.
  CG.readLink = function () {
    const given = new URLSearchParams(location.hash.slice(1));
    // The first base map of the configuration is shown unless the address says otherwise.
    const first = CG.config.baseMaps.length ? CG.config.baseMaps[0].name : "";
    const base = given.has("base") ? given.get("base") : first;
    return {
      view: readView(given.get("map")),
      day: given.get("day") ? CG.days.parse(given.get("day")) : null,
      parcel: (given.get("parcel") || "").slice(0, REF) || null,
      community: (given.get("in") || "").slice(0, REF) || null,
      state: {
        hidden: new Set((given.get("hide") || "").split(",").filter((one) => CG.config.statuses.includes(one))),
        building: given.has("building") ? given.get("building").slice(0, REF) : null,
        text: (given.get("q") || "").trim().slice(0, TEXT),
        layers: readLayers(given.get("layers")),
        base: CG.config.baseMaps.some((one) => one.name === base) ? base : "",
      },
    };
  };

  function hashOf(map, state) {
    const center = map.getCenter();
    const link = new URLSearchParams();
    link.set("day", CG.days.iso(state.day));
    if (state.hidden.size) link.set("hide", [...state.hidden].join(","));
    if (state.building !== null) link.set("building", state.building);
    if (state.text) link.set("q", state.text);
    const on = Object.keys(state.layers).filter((name) => state.layers[name]);
    if (Object.keys(CG.LAYERS).some((name) => CG.LAYERS[name] !== state.layers[name])) link.set("layers", on.join(","));
    if (CG.config.baseMaps.length) link.set("base", state.base);
    if (state.selected) link.set("parcel", state.selected);
    if (state.selected && state.community !== CG.config.place.code) link.set("in", state.community);
    const view = `${map.getZoom()}/${center.lat.toFixed(5)}/${center.lng.toFixed(5)}`;
    return `#map=${view}&${link}`;
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      CG.notify(CG.word("link.copied"));
    } catch {
      // A plain-http address of an intranet has no clipboard: show the text to be copied.
      CG.find("cg-link-text").value = text;
      CG.find("cg-link").showModal();
      CG.find("cg-link-text").select();
    }
  }

  CG.createPermalink = function (map, state) {
    const write = () => {
      const hash = hashOf(map, state);
      if (hash !== location.hash) history.replaceState(history.state, "", hash);
      for (const link of document.querySelectorAll(".languages a")) link.hash = hash;
    };
    const later = CG.debounce(write, 200);
    map.on("moveend", later);
    state.watch(null, later);
    return {
      copy() {
        write();
        const link = new URL(location.href);
        if (link.protocol !== "file:") link.searchParams.set("lang", CG.config.language);
        copy(link.href);
      },
    };
  };
})();

// What the map shows: one object, changed in one place, watched by everybody else.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  // Which layers are shown; the planner starts without the raw observations.
  CG.LAYERS = {
    parcels: true,
    encroachments: true,
    observations: false,
    buildings: true,
    landscaping: true,
    charging_pile: true,
  };

  CG.createState = function () {
    const watchers = [];
    const state = {
      day: CG.days.today(),
      first: null,
      last: null,
      hidden: new Set(),
      building: null,
      text: "",
      matches: null,
      layers: { ...CG.LAYERS },
      base: "",
      selected: null,
      community: null,

      // Sets several values at once and tells which of them changed.
      set(changes) {
        const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
        if (!changed.length) return;
        for (const key of changed) state[key] = changes[key];
        for (const [keys, work] of watchers) {
          if (!keys || changed.some((key) => keys.includes(key))) work(state, changed);
        }
      },

      // Calls `work` after one of `keys` (a list; null for any) has changed.
      watch(keys, work) {
        watchers.push([keys, work]);
      },

      // What narrows the map beside the switches of the legend; a text counts once it has
      // been answered.
      filter: () => ({ building: state.building, text: state.matches === null ? "" : state.text }),

      // Whether a parcel passes the filters, given its status of the day.
      passes(parcel, status) {
        if (status !== null && state.hidden.has(status)) return false;
        if (state.building !== null && parcel.building !== state.building) return false;
        return state.matches === null || state.matches.has(parcel.parcel || parcel.id);
      },
    };
    return state;
  };
})();

// The status of a parcel on a day: one pure rule, tested with the same golden cases
// as the server's (tests/webmap/status_cases.json).
//
// `h` is the history of the cases on a feature: cases separated by "|", each
// "day:status;day:status;...", in the order of days; "end" once it was superseded.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const PUBLIC_GREEN = "public_green";
  const END = "end";
  const parsed = new Map();

  function parse(text) {
    return text
      .split("|")
      .filter(Boolean)
      .map((one) =>
        one
          .split(";")
          .filter(Boolean)
          .map((entry) => {
            const colon = entry.indexOf(":");
            return [Number(entry.slice(0, colon)), entry.slice(colon + 1)];
          })
      );
  }

  // Many parcels share a history's text with their encroachments, and every step of
  // the slider asks again.
  function histories(text) {
    if (!text) return [];
    let found = parsed.get(text);
    if (!found) {
      found = parse(text);
      parsed.set(text, found);
    }
    return found;
  }

  function statusOn(history, day) {
    let status = null;
    for (const [since, value] of history) {
      if (since <= day) status = value;
    }
    return status === END ? null : status;
  }

  // The status that comes first in the order of the legend among the cases of that day.
  function foremost(text, day) {
    const order = CG.config.statuses;
    let best = null;
    for (const history of histories(text)) {
      const status = statusOn(history, day);
      if (status !== null && (best === null || order.indexOf(status) < order.indexOf(best))) {
        best = status;
      }
    }
    return best;
  }

  CG.histories = histories;

  // Null for ground that is not public green: it has no status.
  CG.parcelStatus = function (parcel, day) {
    if (parcel.kind !== PUBLIC_GREEN) return null;
    const status = foremost(parcel.h, day);
    if (status !== null) return status;
    if (parcel.title === "individual") return "private";
    if (parcel.title === "unknown" || parcel.title === "disputed") return "unknown_title";
    return parcel.looked !== undefined && parcel.looked <= day ? "clear" : "not_looked_at";
  };

  // Whether something with `from` and perhaps `to` is there on a day.
  CG.standsOn = function (feature, day) {
    return (
      feature.from !== undefined &&
      feature.from <= day &&
      (feature.to === undefined || day < feature.to)
    );
  };

  // Null where the encroachment is not on the map that day; an encroachment for which
  // nobody answers yet is suspected.
  CG.encroachmentStatus = function (encroachment, day) {
    if (!CG.standsOn(encroachment, day)) return null;
    return foremost(encroachment.h, day) || "suspected";
  };
})();

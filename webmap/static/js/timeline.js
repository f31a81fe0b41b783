// What happened to a case, in order; what lies after the day of the slider is dimmed.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  // "case:state:verified" is a state; any other event has a word of its own, or its name.
  function titleOf(event) {
    if (event.status) return CG.wordOf("status", event.status);
    if (event.state) return CG.wordOf("state", event.state);
    return CG.wordOf("event", event.event);
  }

  function entry(event, day) {
    const at = CG.days.parse(event.day || event.at);
    const later = at !== null && at > day;
    const papers = [
      event.document && CG.word("timeline.document", { document: event.document }),
      ...(event.captured || []).map((one) => CG.word("timeline.captured", { day: CG.days.short(CG.days.parse(one.observed_on)), who: one.recorded_by })),
      event.note,
    ].filter(Boolean);
    return CG.make("li", { class: later ? "is-later" : null },
      CG.make("time", { datetime: at === null ? "" : CG.days.iso(at) }, at === null ? "" : CG.days.short(at)),
      CG.make("strong", {}, titleOf(event)),
      event.actor && CG.make("span", { class: "cg-actor" }, event.actor),
      papers.map((paper) => CG.make("p", {}, paper)));
  }

  CG.timeline = function (events, day) {
    return CG.make("ol", { class: "cg-timeline" }, events.map((event) => entry(event, day)));
  };
})();

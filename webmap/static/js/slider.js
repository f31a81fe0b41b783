// Any day between the first and the last on which something changed, with a mark for each
// such day, and a button that lets the days go by.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const STEP_MILLISECONDS = 120;
  const STEPS = 150;

  CG.createSlider = function (state) {
    const bar = CG.find("cg-time");
    const range = CG.find("cg-day");
    const label = CG.find("cg-day-label");
    const play = CG.find("cg-play");
    const marks = CG.find("cg-marks");
    let events = [];
    let timer = 0;

    function drawMarks() {
      const width = Math.max(1, state.last - state.first);
      const most = Math.max(1, ...events.map((one) => one.events));
      const bars = events.map(({ day, events: n }) => {
        const height = 4 + 20 * Math.sqrt(n / most);
        return CG.makeSvg("rect", {
          x: (day - state.first) / width * 1000 - 1.5, width: 3, y: 26 - height, height, "data-day": day,
        });
      });
      marks.replaceChildren(...bars);
      drawMonths(width);
    }

    function drawMonths(width) {
      let starts = CG.days.monthStarts(state.first, state.last);
      const years = starts.length > 24;
      if (years) starts = starts.filter((day) => CG.days.iso(day).slice(5, 7) === "01");
      const each = Math.ceil(starts.length / 8);
      CG.fill(CG.find("cg-months"), starts.filter((_, i) => i % each === 0).map((day) =>
        CG.make("span", { style: `left:${((day - state.first) / width * 100).toFixed(2)}%` },
          years || CG.days.iso(day).slice(5, 7) === "01" ? CG.days.year(day) : CG.days.month(day))));
    }

    function show() {
      range.value = state.day;
      range.setAttribute("aria-valuetext", CG.days.long(state.day));
      label.textContent = CG.days.long(state.day);
      label.dateTime = CG.days.iso(state.day);
      const share = (state.day - state.first) / Math.max(1, state.last - state.first);
      bar.style.setProperty("--share", share.toFixed(4));
      for (const mark of marks.children) mark.classList.toggle("is-past", Number(mark.dataset.day) <= state.day);
      CG.find("cg-previous").disabled = !events.some((one) => one.day < state.day);
      CG.find("cg-next").disabled = !events.some((one) => one.day > state.day);
    }

    function stop() {
      clearInterval(timer);
      timer = 0;
      play.classList.remove("is-playing");
      play.setAttribute("aria-label", CG.word("time.play"));
    }

    function start() {
      if (state.day >= state.last) state.set({ day: state.first });
      const step = Math.max(1, Math.ceil((state.last - state.first) / STEPS));
      play.classList.add("is-playing");
      play.setAttribute("aria-label", CG.word("time.pause"));
      timer = setInterval(() => {
        const day = Math.min(state.last, state.day + step);
        state.set({ day });
        if (day >= state.last) stop();
      }, STEP_MILLISECONDS);
    }

    function jump(direction) {
      stop();
      const days = events.map((one) => one.day).filter((day) => (day - state.day) * direction > 0);
      if (days.length) state.set({ day: direction > 0 ? Math.min(...days) : Math.max(...days) });
    }

    play.addEventListener("click", () => (timer ? stop() : start()));
    CG.find("cg-previous").addEventListener("click", () => jump(-1));
    CG.find("cg-next").addEventListener("click", () => jump(1));
    range.addEventListener("input", () => {
      stop();
      state.set({ day: Number(range.value) });
    });
    state.watch(["day"], show);

    return {
      // days: [{day, events}], first and last as ISO dates, from the endpoint.
      load(answer, wanted) {
        events = answer.days.map((one) => ({ ...one, day: CG.days.parse(one.day) }));
        const known = events.length > 0;
        const last = known ? CG.days.parse(answer.last) : CG.days.today();
        const first = known ? CG.days.parse(answer.first) : last;
        range.min = first;
        range.max = last;
        bar.hidden = !known;
        const day = Math.min(last, Math.max(first, wanted === null ? last : wanted));
        state.set({ first, last, day });
        drawMarks();
        show();
      },
    };
  };
})();

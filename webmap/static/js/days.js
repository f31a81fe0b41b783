// Days as integers since 1970-01-01, which is how tiles carry them.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const MILLISECONDS = 86400000;

  const long = new Intl.DateTimeFormat(CG.locale, { dateStyle: "long", timeZone: "UTC" });
  const short = new Intl.DateTimeFormat(CG.locale, { dateStyle: "medium", timeZone: "UTC" });
  const month = new Intl.DateTimeFormat(CG.locale, { month: "short", timeZone: "UTC" });
  const year = new Intl.DateTimeFormat(CG.locale, { year: "numeric", timeZone: "UTC" });

  const dateOf = (day) => new Date(day * MILLISECONDS);

  CG.days = {
    parse(iso) {
      const time = Date.parse(`${String(iso).slice(0, 10)}T00:00:00Z`);
      return Number.isNaN(time) ? null : Math.round(time / MILLISECONDS);
    },
    iso: (day) => dateOf(day).toISOString().slice(0, 10),
    long: (day) => long.format(dateOf(day)),
    short: (day) => short.format(dateOf(day)),
    month: (day) => month.format(dateOf(day)),
    year: (day) => year.format(dateOf(day)),
    // The clock of whoever looks: "today" only where a place has no day of its own yet.
    today() {
      const now = new Date();
      return Math.round(
        Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) / MILLISECONDS
      );
    },
    // First days of months between two days, for the marks under the slider.
    monthStarts(first, last) {
      const starts = [];
      const at = dateOf(first);
      let start = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
      while (start / MILLISECONDS <= last) {
        starts.push(start / MILLISECONDS);
        const here = new Date(start);
        start = Date.UTC(here.getUTCFullYear(), here.getUTCMonth() + 1, 1);
      }
      return starts;
    },
  };
})();

// The one namespace of the map, its settings, its words and its numbers.
// Classic scripts, not modules: the exported file has to run from file://.
(function () {
  "use strict";

  const CG = (window.CommonGreen = window.CommonGreen || {});

  function block(id) {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : null;
  }

  CG.block = block;
  CG.config = block("map-config") || { language: "en", statuses: [] };
  const words = block("map-words") || {};
  const locale = CG.config.language.startsWith("zh") ? "zh-Hans-CN" : "en-GB";
  CG.locale = locale;

  // Words come from the gettext catalogues; a value is put in as text, never as markup.
  CG.word = function (key, values) {
    const text = Object.hasOwn(words, key) ? words[key] : key;
    return text.replace(/\{(\w+)\}/g, (whole, name) =>
      values && Object.hasOwn(values, name) ? String(values[name]) : whole
    );
  };

  // The word of an enumeration's value, or the value itself where a newer server knows more.
  CG.wordOf = function (family, value) {
    const key = `${family}.${value}`;
    return Object.hasOwn(words, key) ? words[key] : String(value);
  };

  // A problem that the server named: its own words say most, and they are English.
  CG.problem = function (problem) {
    const key = `problem.${problem.code}`;
    if (!locale.startsWith("en") && Object.hasOwn(words, key)) return words[key];
    return [problem.message, problem.remedy].filter(Boolean).join(" ");
  };

  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const cents = new Intl.NumberFormat(locale, {
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
  });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });

  CG.count = (value) => whole.format(value);
  CG.decimal = (value) => cents.format(value);
  const brief = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  CG.number = (value) => brief.format(value);
  CG.area = (value) => `${cents.format(value)} m²`;
  CG.percent = (value) => percent.format(value);

  // Lengths of a measurement: metres below a kilometre.
  CG.length = function (metres) {
    return metres < 1000 ? `${cents.format(metres)} m` : `${cents.format(metres / 1000)} km`;
  };

  CG.debounce = function (work, milliseconds) {
    let timer = 0;
    return function (...given) {
      clearTimeout(timer);
      timer = setTimeout(() => work(...given), milliseconds);
    };
  };

  // Marks the page while answers are under way, so that whoever reads it can tell numbers
  // of this day from those of the last.
  let underWay = 0;
  function mark(change) {
    underWay += change;
    document.documentElement.toggleAttribute("data-loading", underWay > 0);
  }

  // Runs `load` for the newest request only, one at a time, so that a moving slider
  // never queues up answers that nobody will look at.
  CG.newest = function (load, show, fail) {
    let running = false;
    let waiting = null;
    async function run(given) {
      running = true;
      mark(1);
      try {
        const answer = await load(...given);
        if (!waiting) show(answer, ...given);
      } catch (error) {
        fail(error);
      }
      running = false;
      mark(-1);
      if (waiting) {
        const next = waiting;
        waiting = null;
        run(next);
      }
    }
    return function (...given) {
      if (running) waiting = given;
      else run(given);
    };
  };
})();

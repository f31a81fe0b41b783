// The steps that a case may take from here: a button each, and for what a step needs, a
// form. The server decides; every problem that it names is shown beside its field.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  let number = 0;

  function field(name, label, control) {
    number += 1;
    const id = `cg-field-${number}`;
    control.id = id;
    control.name = name;
    control.setAttribute("aria-describedby", `${id}-problem`);
    return CG.make("div", { class: "cg-field", "data-field": name },
      CG.make("label", { for: id }, label), control,
      CG.make("p", { class: "cg-problem", id: `${id}-problem`, hidden: true }));
  }

  function showProblems(form, error) {
    const problems = error.problems && error.problems.length ? error.problems : [{ message: error.message }];
    for (const place of form.querySelectorAll(".cg-problem")) place.hidden = true;
    for (const problem of problems) {
      const own = problem.field && form.querySelector(`[data-field="${CSS.escape(problem.field)}"] .cg-problem`);
      const place = own || form.querySelector(".cg-problem.is-general");
      const text = CG.problem(problem);
      place.textContent = place.hidden ? text : `${place.textContent} ${text}`;
      place.hidden = false;
    }
    const first = form.querySelector(".cg-field:has(.cg-problem:not([hidden])) :is(input, textarea)");
    if (first) first.focus();
  }

  // Both versions side by side: the step as it was meant, and the case as it is now.
  function stale(step, reason, now, context) {
    const last = now.events[now.events.length - 1];
    const since = CG.word("case.since", { day: CG.days.short(CG.days.parse(now.since)) });
    return CG.make("div", { class: "cg-stale" },
      CG.make("dl", { class: "cg-facts" },
        CG.make("dt", {}, CG.word("stale.yours")),
        CG.make("dd", {}, CG.wordOf("move", step), reason && CG.make("small", {}, reason)),
        CG.make("dt", {}, CG.word("stale.now")),
        CG.make("dd", {}, CG.wordOf("state", now.state),
          CG.make("small", {}, [since, last && last.actor, last && last.note].filter(Boolean).join(" · ")))),
      CG.make("button", { type: "button", class: "cg-button is-primary", onclick: context.reload }, CG.word("stale.look")));
  }

  // What still stands: nothing, or what is drawn on the map piece by piece.
  function residualField(context) {
    let pieces = [];
    const drawn = CG.make("output", { class: "cg-hint" });
    const redraw = CG.make("button", { type: "button", class: "cg-button", onclick: () => draw() }, CG.word("residual.draw"));

    function tell() {
      const area = pieces.reduce((sum, piece) => sum + CG.geodesic.area(piece), 0);
      drawn.textContent = pieces.length ? CG.word("residual.drawn", { n: CG.count(pieces.length), area: CG.area(area) }) : "";
    }

    function draw() {
      context.draw(pieces, (found) => {
        pieces = found;
        some.checked = pieces.length > 0;
        none.checked = !some.checked;
        tell();
      });
    }

    const none = CG.make("input", { type: "radio", name: "residual", value: "none", onchange: tell });
    const some = CG.make("input", { type: "radio", name: "residual", value: "some", onchange: () => { if (!pieces.length) draw(); } });
    const element = CG.make("fieldset", { class: "cg-field", "data-field": "residual" },
      CG.make("legend", {}, CG.word("residual.question")),
      CG.make("label", { class: "cg-choice" }, none, CG.word("residual.none")),
      CG.make("label", { class: "cg-choice" }, some, CG.word("residual.some")),
      redraw, drawn,
      CG.make("p", { class: "cg-problem", hidden: true }));

    const ring = (piece) => [...piece, piece[0]].map((point) => [point.lng, point.lat]);
    return {
      element,
      missing: () => !none.checked && !(some.checked && pieces.length),
      value() {
        if (!some.checked || !pieces.length) return null;
        return { type: "MultiPolygon", coordinates: pieces.map((piece) => [ring(piece)]) };
      },
    };
  }

  function form(move, context) {
    const needs = (name) => move.requires.includes(name);
    const label = move.document ? CG.wordOf("document", move.document) : CG.word("move.document");
    const document_ = needs("document") && CG.make("input", { type: "text", maxlength: 200, autocomplete: "off" });
    const reason = CG.make("textarea", { rows: 2, maxlength: 2000 });
    const residual = needs("residual") ? residualField(context) : null;
    const send = CG.make("button", { type: "submit", class: "cg-button is-primary" },
      CG.word("move.confirm", { move: CG.wordOf("move", move.target) }));

    async function submit(event) {
      event.preventDefault();
      if (residual && residual.missing()) {
        showProblems(element, { problems: [{ field: "residual", message: CG.word("residual.missing") }] });
        return;
      }
      send.disabled = true;
      try {
        await context.send({
          target: move.target,
          version: context.version,
          document: document_ ? document_.value.trim() : "",
          reason: reason.value.trim(),
          residual: residual ? residual.value() : null,
        });
      } catch (error) {
        showProblems(element, error);
        send.disabled = false;
        // Sent once more it would be refused once more: only the case as it is now leads on.
        if (error.now) send.replaceWith(stale(move.target, reason.value.trim(), error.now, context));
      }
    }

    const element = CG.make("form", { class: "cg-move", novalidate: true, onsubmit: submit },
      document_ && field("document", label, document_),
      residual && residual.element,
      field("reason", CG.word(needs("reason") ? "move.reason" : "move.note"), reason),
      CG.make("p", { class: "cg-problem is-general", role: "alert", hidden: true }),
      CG.make("div", { class: "cg-row" }, send,
        CG.make("button", { type: "button", class: "cg-button", onclick: context.cancel }, CG.word("cancel"))));
    return element;
  }

  // What a form can still give is no obstacle.
  const SUPPLIED = ["document_missing", "reason_missing", "residual_missing"];

  function whyNot(move) {
    return (move.lacks || []).filter((one) => !SUPPLIED.includes(one.code)).map(CG.problem).join(" ");
  }

  // context: send(body) -> promise, draw(pieces, done), reload(), version.
  CG.moveButtons = function (moves, context) {
    const place = CG.make("div", { class: "cg-moves" });

    function button(move) {
      const refused = whyNot(move);
      const made = CG.make("button", {
        type: "button", class: "cg-button", "data-target": move.target, "aria-disabled": refused ? "true" : null,
        onclick: () => (refused ? CG.notify(refused, true) : choose(move)),
      }, CG.wordOf("move", move.target));
      return refused ? CG.make("div", { class: "cg-refused" }, made, CG.make("small", {}, refused)) : made;
    }

    function list() {
      // What a role never does is left out; what is not possible yet is shown with the reason.
      const mine = moves.filter((move) => move.permitted);
      mine.sort((a, b) => Boolean(whyNot(a)) - Boolean(whyNot(b)));
      CG.fill(place, mine.map(button));
    }

    function choose(move) {
      const made = form(move, { ...context, cancel: list });
      CG.fill(place, CG.make("h4", {}, CG.wordOf("move", move.target)), made);
      const first = made.querySelector("input, textarea");
      if (first) first.focus({ preventScroll: true });
      place.scrollIntoView({ block: "nearest" });
    }

    list();
    return place;
  };
})();

// Elements made of text alone: nothing here ever parses markup.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const SVG = "http://www.w3.org/2000/svg";

  function append(parent, children) {
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined && child !== false) parent.append(child);
    }
  }

  // make("p", {class: "note", onclick: f, hidden: true}, "text", otherElement)
  CG.make = function (tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) {
        element.setAttribute(name, value);
      }
    }
    append(element, children);
    return element;
  };

  CG.makeSvg = function (tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      element.setAttribute(name, value);
    }
    append(element, children);
    return element;
  };

  // Replaces everything inside an element.
  CG.fill = function (element, ...children) {
    element.replaceChildren();
    append(element, children);
    return element;
  };

  CG.find = (id) => document.getElementById(id);

  let timer = 0;
  // Says something for a moment; screen readers hear it.
  CG.notify = function (text, isError) {
    const notice = CG.find("cg-notice");
    notice.textContent = text;
    notice.classList.toggle("is-error", Boolean(isError));
    notice.classList.add("is-shown");
    clearTimeout(timer);
    timer = setTimeout(() => notice.classList.remove("is-shown"), isError ? 8000 : 3500);
  };

  CG.fail = (error) => CG.notify(error.message || CG.word("error.unknown"), true);
})();

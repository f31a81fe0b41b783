// What the buttons of every Leaflet map say, in the language of the page.
(function () {
  "use strict";

  const { nearer, farther } = document.currentScript.dataset;
  Object.assign(L.Control.Zoom.prototype.options, { zoomInTitle: nearer, zoomOutTitle: farther });
})();

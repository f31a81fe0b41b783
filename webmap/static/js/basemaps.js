// Base maps by configuration; none is the quiet paper. A base map in GCJ-02 is shifted
// to where our data lies, never our data to it.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  // The published forward transformation of WGS 84 (CGCS2000 counts as the same) to
  // GCJ-02, as in gis/datum.py; a test compares the two.
  const A = 6378245.0;
  const E2 = 0.00669342162296594323;
  const { sin, cos, sqrt, abs, PI } = Math;

  function waves(t) {
    return (20 * sin(6 * t * PI) + 20 * sin(2 * t * PI)) * 2 / 3;
  }

  function shiftNorth(x, y) {
    return -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves(x) +
      (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3 +
      (160 * sin(y / 12 * PI) + 320 * sin(y * PI / 30)) * 2 / 3;
  }

  function shiftEast(x, y) {
    return 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves(x) +
      (20 * sin(x * PI) + 40 * sin(x / 3 * PI)) * 2 / 3 +
      (150 * sin(x / 12 * PI) + 300 * sin(x / 30 * PI)) * 2 / 3;
  }

  CG.toGcj02 = function (lon, lat) {
    // The offset exists in mainland China only; its publishers use this box.
    if (lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) return [lon, lat];
    const phi = lat / 180 * PI;
    const w = 1 - E2 * sin(phi) * sin(phi);
    const north = shiftNorth(lon - 105, lat - 35) * 180 / (A * (1 - E2) / (w * sqrt(w)) * PI);
    const east = shiftEast(lon - 105, lat - 35) * 180 / (A / sqrt(w) * cos(phi) * PI);
    return [lon + east, lat + north];
  };

  function toGcj(latlng) {
    const [lon, lat] = CG.toGcj02(latlng.lng, latlng.lat);
    return L.latLng(lat, lon);
  }

  // Draws tiles as if the map were centred where GCJ-02 says that its centre is.
  const ShiftedTiles = L.TileLayer.extend({
    _setZoomTransform(level, center, zoom) {
      L.TileLayer.prototype._setZoomTransform.call(this, level, toGcj(center), zoom);
    },
    _getTiledPixelBounds(center) {
      return L.TileLayer.prototype._getTiledPixelBounds.call(this, toGcj(center));
    },
  });

  function escaped(text) {
    return CG.make("span", {}, text).innerHTML;
  }

  CG.createBaseMaps = function (map, state) {
    let shown = null;
    function show() {
      if (shown) map.removeLayer(shown);
      const chosen = CG.config.baseMaps.find((one) => one.name === state.base);
      CG.find("community-map").classList.toggle("has-base", Boolean(chosen));
      shown = null;
      if (!chosen) return;
      const Layer = chosen.datum === "gcj02" ? ShiftedTiles : L.TileLayer;
      shown = new Layer(chosen.url, {
        attribution: escaped(chosen.attribution),
        maxNativeZoom: chosen.max_zoom,
        maxZoom: CG.config.maxZoom,
        zIndex: 1,
      }).addTo(map);
    }
    state.watch(["base"], show);
    show();
  };
})();

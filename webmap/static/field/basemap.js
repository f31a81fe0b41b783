// The background of the map: none, or a base map of the bundle. One in GCJ-02 is drawn where
// our data lies; our data is never moved.
import { toGcj02 } from "./datum.js";

function shiftedTiles(address, options) {
  const shown = (place) => {
    const [longitude, latitude] = toGcj02([place.lng, place.lat]);
    return L.latLng(latitude, longitude);
  };
  const Shifted = L.TileLayer.extend({
    _setZoomTransform(level, center, zoom) {
      L.TileLayer.prototype._setZoomTransform.call(this, level, shown(center), zoom);
    },
    _getTiledPixelBounds(center) {
      return L.TileLayer.prototype._getTiledPixelBounds.call(this, shown(center));
    },
  });
  return new Shifted(address, options);
}

function asText(text) {
  const element = document.createElement("span");
  element.textContent = text;
  return element.innerHTML;
}

export function baseLayer(base, maxZoom) {
  const options = {
    attribution: asText(base.attribution || ""), maxNativeZoom: base.max_zoom, maxZoom, zIndex: 1,
  };
  return base.datum === "gcj02" ? shiftedTiles(base.url, options) : L.tileLayer(base.url, options);
}

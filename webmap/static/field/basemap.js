// The background of the map: none, or a base map of the bundle. One in GCJ-02 is drawn where
// our data lies; our data is never moved.
import { toGcj02 } from "./datum.js";

// The zooms of which tiles are kept, those in which a yard is worked in; each has four times as
// many as the one before.
export const KEPT_ZOOMS = [16, 17, 18, 19];
const SUBDOMAINS = "abc";

// The address that Leaflet asks a tile of, so that the one that was kept is the one that is found.
export function tileAddress(url, x, y, z) {
  const known = { x, y, z, s: SUBDOMAINS[(x + y) % SUBDOMAINS.length] };
  return url.replace(/\{([xyzs])\}/g, (_whole, name) => known[name]);
}

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

// Nearer than the tiles that were kept the nearest of them is drawn larger.
export function baseLayer(base, maxZoom) {
  const maxNativeZoom = base.offline ? Math.min(base.max_zoom, KEPT_ZOOMS.at(-1)) : base.max_zoom;
  const options = {
    attribution: asText(base.attribution || ""), maxNativeZoom, maxZoom, zIndex: 1, subdomains: SUBDOMAINS,
  };
  return base.datum === "gcj02" ? shiftedTiles(base.url, options) : L.tileLayer(base.url, options);
}

// One tile of features on a canvas. Leaflet.VectorGrid 1.3 predates Leaflet 1.8: what it
// stops on a click no longer exists, it swallows what misses a feature, and it draws one
// pixel where the screen has two. This renderer mends the three, and draws at once
// instead of path by path, so that a change of day restyles without fetching.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  CG.Tile = L.Canvas.Tile.extend({
    initialize(coords, size, options) {
      L.Canvas.Tile.prototype.initialize.call(this, coords, size, options);
      const ratio = CG.pixelRatio();
      this._container.width = size.x * ratio;
      this._container.height = size.y * ratio;
      this._container.setAttribute("aria-hidden", "true");
      this._ctx.scale(ratio, ratio);
      this._drawing = false;
    },

    addTo(map) {
      this._map = map;
      this.drawAll();
    },

    // Nothing is drawn until the tile is complete.
    _requestRedraw() {},

    drawAll() {
      this._redrawBounds = null;
      this._clear();
      this._draw();
      this._drawSelected();
    },

    // The outline of what is selected lies over its neighbours.
    _drawSelected() {
      const id = this.options.selected();
      const found = id && this._features && this._features[id];
      if (!found || !found.feature._parts) return;
      const context = this._ctx;
      context.globalAlpha = 1;
      context.setLineDash([]);
      context.lineJoin = "round";
      context.beginPath();
      for (const part of found.feature._parts) {
        part.forEach((point, i) => context[i ? "lineTo" : "moveTo"](point.x, point.y));
        context.closePath();
      }
      for (const [color, width] of [["#ffffff", 6], ["#10231a", 3]]) {
        context.strokeStyle = color;
        context.lineWidth = width;
        context.stroke();
      }
    },

    _pointOf(event) {
      return this._map.mouseEventToLayerPoint(event).subtract(this.getOffset());
    },

    // The topmost feature at a point of this tile, null where there is none.
    at(point) {
      let found = null;
      for (let order = this._drawFirst; order; order = order.next) {
        const layer = order.layer;
        if (layer.options.interactive && layer._containsPoint(point)) found = layer;
      }
      return found;
    },

    // Hands every event on, with the feature it meets: the map drags and measures
    // over features as it does beside them.
    _onClick(event) {
      if (!this._map) return;
      const hit = this.at(this._pointOf(event));
      const dragged = hit && event.type === "click" && this._map._draggableMoved(hit);
      this._fireEvent(hit && !dragged ? [hit] : false, event);
    },

    _onMouseMove(event) {
      if (!this._map || this._map.dragging.moving() || this._map._animatingZoom) return;
      this._handleMouseHover(event, this._pointOf(event));
    },
  });

  // What both sources of tiles share. `layers.js` gives `style` and `order`.
  CG.gridOptions = (options) => ({
    rendererFactory: (coords, size, given) => new CG.Tile(coords, size, given),
    interactive: true,
    getFeatureId: (feature) => feature.properties.id,
    ...options,
  });

  // Brings the layers of a tile into the order of drawing.
  CG.inOrder = function (tile, order) {
    const layers = {};
    for (const name of order) {
      if (tile.layers && tile.layers[name]) layers[name] = tile.layers[name];
    }
    return { layers };
  };

  // Styles every feature of a grid anew and draws its tiles; nothing is fetched.
  CG.restyle = function (grid, style) {
    for (const tile of Object.values(grid._vectorTiles)) {
      if (!tile._map) continue;
      const zoom = tile.getCoord().z;
      for (const { layerName, feature } of Object.values(tile._features)) {
        feature.options = style(layerName, feature.properties, zoom);
        if (feature._point) feature._radius = feature.options.radius || 1;
      }
      tile.drawAll();
    }
  };

  // Where a point of a tile lies.
  CG.tileLatLng = function (map, tile, point) {
    const size = tile._size;
    const { x, y, z } = tile.getCoord();
    return map.unproject(L.point(point).add(L.point(x * size.x, y * size.y)), z);
  };

  // The topmost feature at a place, for whoever has no mouse.
  CG.featureAt = function (grid, map, latlng) {
    const point = map.latLngToLayerPoint(latlng);
    for (const tile of Object.values(grid._vectorTiles)) {
      if (!tile._map) continue;
      const inside = point.subtract(tile.getOffset());
      if (inside.x < 0 || inside.y < 0 || inside.x >= tile._size.x || inside.y >= tile._size.y) continue;
      return tile.at(inside);
    }
    return null;
  };
})();

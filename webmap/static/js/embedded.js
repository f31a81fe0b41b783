// The source of an exported file: everything is in its blocks, nothing is fetched.
//   map-data     one GeoJSON FeatureCollection per layer, with the properties of the tiles
//   map-figures  the figures of each day on which something changed, in the order of days;
//                each names only what differs from the day before
//   map-days     the answer of the endpoint of days
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const SIZE = 256;
  const MARGIN = 8;
  const LONGEST_LIST = 24;

  // Positions on the square of web Mercator at zoom 0, with the box of each feature.
  function projected(feature) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    const place = ([lon, lat]) => {
      const point = L.CRS.EPSG3857.latLngToPoint(L.latLng(lat, lon), 0);
      box[0] = Math.min(box[0], point.x);
      box[1] = Math.min(box[1], point.y);
      box[2] = Math.max(box[2], point.x);
      box[3] = Math.max(box[3], point.y);
      return [point.x, point.y];
    };
    const { type, coordinates } = feature.geometry;
    const rings = {
      Point: () => [[place(coordinates)]],
      MultiPoint: () => [coordinates.map(place)],
      Polygon: () => coordinates.map((ring) => ring.map(place)),
      MultiPolygon: () => coordinates.flat().map((ring) => ring.map(place)),
    }[type];
    return { point: type.endsWith("Point"), rings: rings ? rings() : [], box, properties: feature.properties };
  }

  // The features of a layer that meet a tile, on its own grid; the canvas cuts them.
  function cut(features, coords) {
    const scale = 2 ** coords.z;
    const [left, top] = [coords.x * SIZE, coords.y * SIZE];
    const onTile = ([x, y]) => [x * scale - left, y * scale - top];
    const near = ({ box }) =>
      box[2] * scale >= left - MARGIN && box[0] * scale <= left + SIZE + MARGIN &&
      box[3] * scale >= top - MARGIN && box[1] * scale <= top + SIZE + MARGIN;
    return features.filter(near).map(({ point, rings, properties }) => ({
      type: point ? 1 : 3,
      geometry: point ? rings[0].map(onTile) : rings.map((ring) => ring.map(onTile)),
      properties,
    }));
  }

  function makeGrid(layers, options) {
    const Grid = L.VectorGrid.extend({
      _getVectorTilePromise(coords) {
        const tile = {};
        for (const [name, features] of Object.entries(layers)) {
          tile[name] = { extent: SIZE, features: cut(features, coords) };
        }
        return Promise.resolve(CG.inOrder({ layers: tile }, options.order));
      },
    });
    return new Grid(CG.gridOptions(options));
  }

  // The newest figures of a day: those of the last change until then.
  function figuresOn(changes, day) {
    const total = {};
    const rows = new Map();
    for (const change of changes) {
      if (CG.days.parse(change.day) > day && rows.size) break;
      Object.assign(total, change.total);
      for (const row of change.by_building) rows.set(row.building, { ...rows.get(row.building), ...row });
    }
    return { ...total, as_of: CG.days.iso(day), by_building: [...rows.values()] };
  }

  function matches(parcels, text) {
    const wanted = text.toLowerCase();
    const named = ({ ref, building }) => [ref, building || ""].some((name) => name.toLowerCase().includes(wanted));
    return parcels.filter((one) => named(one.properties)).map((one) => one.properties.id);
  }

  function countStatuses(parcels, day, filter) {
    const counts = {};
    const found = filter.text && new Set(matches(parcels, filter.text));
    for (const { properties } of parcels) {
      if (filter.building !== null && properties.building !== filter.building) continue;
      if (found && !found.has(properties.id)) continue;
      const status = CG.parcelStatus(properties, day);
      if (status !== null) counts[status] = (counts[status] || 0) + 1;
    }
    return counts;
  }

  function boundsOf(feature) {
    const [x0, y0, x1, y1] = feature.box;
    const northWest = L.CRS.EPSG3857.pointToLatLng(L.point(x0, y0), 0);
    const southEast = L.CRS.EPSG3857.pointToLatLng(L.point(x1, y1), 0);
    return [northWest.lng, southEast.lat, southEast.lng, northWest.lat];
  }

  function search(layers, text) {
    const wanted = text.toLowerCase();
    const found = [];
    for (const [kind, features] of [["building", layers.buildings], ["parcel", layers.parcels]]) {
      for (const feature of features) {
        const { id, ref } = feature.properties;
        if (!ref.toLowerCase().includes(wanted)) continue;
        found.push({ kind, id, label: ref, bounds: boundsOf(feature), parcel: kind === "parcel" ? id : null });
      }
    }
    found.sort((a, b) => a.kind.localeCompare(b.kind) || a.label.length - b.label.length);
    return found.slice(0, LONGEST_LIST);
  }

  // A case as its history tells it: no household, no document, no name is in the file.
  function caseOf(encroachment) {
    const [history] = CG.histories(encroachment.h);
    if (!encroachment.case || !history) return null;
    const told = history.filter(([, status], i) => status !== "end" && (i === 0 || history[i - 1][1] !== status));
    const events = told.map(([day, status]) => ({ day: CG.days.iso(day), status }));
    return { id: encroachment.case, events };
  }

  function parcelFile(layers, id) {
    const parcel = layers.parcels.find((one) => one.properties.id === id);
    if (!parcel) throw new CG.SourceError(CG.word("error.missing"), 404);
    const { properties } = parcel;
    const found = layers.encroachments.map((one) => one.properties).filter((one) => one.parcel === id);
    return {
      ...properties,
      title_disputed: properties.title === "disputed",
      looked: properties.looked === undefined ? [] : [CG.days.iso(properties.looked)],
      encroachments: found.map((one) => ({
        structure: one.structure, observed_on: CG.days.iso(one.seen), occupied_m2: one.m2, uncertainty_m2: one.uncertainty_m2,
        superseded_on: one.to === undefined ? null : CG.days.iso(one.to),
      })),
      cases: [...new Map(found.map(caseOf).filter(Boolean).map((one) => [one.id, one])).values()],
    };
  }

  CG.embeddedSource = function () {
    const collections = CG.block("map-data");
    const changes = CG.block("map-figures");
    const days = CG.block("map-days");
    const layers = {};
    for (const [name, collection] of Object.entries(collections)) {
      layers[name] = collection.features.filter((one) => one.geometry).map(projected);
    }
    const { place } = CG.config;

    function community(day) {
      const [w, s, e, n] = place.bounds;
      const status = countStatuses(layers.parcels, day, { building: null, text: "" });
      const parcels = Object.values(status).reduce((sum, one) => sum + one, 0);
      return { code: place.code, name: place.name, lon: (w + e) / 2, lat: (s + n) / 2, bounds: place.bounds, parcels, status };
    }

    return {
      canMove: false,
      grid: (options) => makeGrid(layers, options),
      figures: async (day) => figuresOn(changes, day),
      status: async (day, filter) => countStatuses(layers.parcels, day, filter),
      days: async () => days,
      communities: async (day) => (place.bounds ? [community(day)] : []),
      search: async (text) => search(layers, text),
      matches: async (text) => matches(layers.parcels, text),
      parcel: async (_community, id) => parcelFile(layers, id),
      forget() {},
    };
  };
})();

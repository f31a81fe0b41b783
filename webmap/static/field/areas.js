// What was prepared: bundles, their photographs and tiles, kept whole or as they were before.
import { KEPT_ZOOMS, tileAddress } from "./basemap.js";
import { toGcj02 } from "./datum.js";
import { api, ask } from "./sending.js";
import { database, now, write } from "./store.js";

export const PHOTOGRAPHS = "kept-photographs";
export const TILES = "kept-tiles";
const TILE_BYTES = 20_000;

// Long enough to come back from the yard with an area that ended there.
const GRACE_MS = 14 * 24 * 3600 * 1000;

// The areas of an account, the newest first. What has ended long ago is removed, whoever prepared
// it; `at` is the present by the server's clock, and where it is null nothing is removed: a phone's
// own clock may jump ahead in a yard without a signal, and nothing could be prepared anew there.
export async function prepared(account, at) {
  const all = await database.bundles.toArray();
  const gone = at === null ? [] : all.filter((one) => isExpired(one, at - GRACE_MS));
  for (const one of gone) await removeArea(one.place);
  const mine = all.filter((one) => !gone.includes(one) && one.account === account);
  return mine.sort((one, other) => (one.prepared_at < other.prepared_at ? 1 : -1));
}

export function isExpired(kept, at) {
  return Date.parse(kept.expires_at) < at;
}

// The tiles of the base maps that may be kept, around boxes of west, south, east, north.
export function tilesOf(boxes, baseMaps) {
  if (!boxes.length) return [];
  const west = Math.min(...boxes.map(([x]) => x)) - 5e-4;
  const east = Math.max(...boxes.map(([, , x]) => x)) + 5e-4;
  const south = Math.min(...boxes.map(([, y]) => y)) - 5e-4;
  const north = Math.max(...boxes.map(([, , , y]) => y)) + 5e-4;
  return (baseMaps || []).filter((one) => one.offline).flatMap((base) =>
    KEPT_ZOOMS.filter((z) => z <= base.max_zoom).flatMap((z) => {
      const shown = (place) => (base.datum === "gcj02" ? toGcj02(place) : place);
      const [left, top] = tileAt(...shown([west, north]), z);
      const [right, bottom] = tileAt(...shown([east, south]), z);
      const found = [];
      for (let x = left; x <= right; x += 1) {
        for (let y = top; y <= bottom; y += 1) found.push(tileAddress(base.url, x, y, z));
      }
      return found;
    }));
}

function boxOf(geometry) {
  const points = positions(geometry.coordinates);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function positions(coordinates) {
  return typeof coordinates[0] === "number" ? [coordinates] : coordinates.flatMap(positions);
}

// Web Mercator, as every XYZ service counts (OGC 17-083r4, annex on WebMercatorQuad).
function tileAt(longitude, latitude, z) {
  const size = 2 ** z;
  const radians = (latitude * Math.PI) / 180;
  const north = (1 - Math.asinh(Math.tan(radians)) / Math.PI) / 2;
  return [Math.floor(((longitude + 180) / 360) * size), Math.floor(north * size)];
}

export const tileBytes = (count) => count * TILE_BYTES;

// Fetches everything first and changes what is kept only at the end, so that a line that is
// cut leaves the area as it was. onProgress hears (done, all).
export async function prepare(place, buildings, account, onProgress) {
  const query = buildings.map((id) => `building=${encodeURIComponent(id)}`).join("&");
  const { told: bundle } = await ask(api(place, `field/bundle?${query}`));
  const pictures = bundle.photographs.map((one) => one.url);
  const tiles = tilesOf(bundle.buildings.map((one) => boxOf(one.geometry)), bundle.base_maps);
  const all = 1 + pictures.length + tiles.length;
  let done = 1;
  onProgress(done, all);
  const fetched = new Map();
  const skipped = [];
  for (const [name, addresses] of [[PHOTOGRAPHS, pictures], [TILES, tiles]]) {
    for (const address of addresses) {
      const answer = await fetch(address, { credentials: name === TILES ? "omit" : "same-origin", mode: name === TILES ? "cors" : "same-origin" });
      // A photograph that was taken away meanwhile, or a tile that is not there, is not missed.
      if (answer.ok) fetched.set(address, [name, await answer.blob()]);
      else if (answer.status === 404) skipped.push(address);
      else throw new Error(`${address}: ${answer.status}`);
      done += 1;
      onProgress(done, all);
    }
  }
  await keepAll(fetched);
  const bytes = JSON.stringify(bundle).length + [...fetched.values()].reduce((sum, [, blob]) => sum + blob.size, 0);
  const kept = { place, account, bundle, name: bundle.name, buildings, prepared_at: bundle.prepared_at, expires_at: bundle.expires_at, bytes, kept_at: now(), addresses: [...fetched.keys()] };
  const before = await database.bundles.get(place);
  await write(() => database.bundles.put(kept));
  await forget((before?.addresses || []).filter((address) => !fetched.has(address)));
  return kept;
}

async function keepAll(fetched) {
  for (const [address, [name, blob]] of fetched) {
    const cache = await caches.open(name);
    await write(() => cache.put(address, new Response(blob, { headers: { "Content-Type": blob.type } })));
  }
}

async function forget(addresses) {
  for (const name of [PHOTOGRAPHS, TILES]) {
    const cache = await caches.open(name);
    for (const address of addresses) await cache.delete(address);
  }
}

// Drafts of the area stay: they need no bundle to be sent.
export async function removeArea(place) {
  const kept = await database.bundles.get(place);
  await database.bundles.delete(place);
  await forget(kept?.addresses || []);
}

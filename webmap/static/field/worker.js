// The service worker of the phone. The server writes VERSION, FILES and PAGE above this text:
// they name one set of files that belong together, so that no page is ever made of two versions.
"use strict";

/* global VERSION, FILES, PAGE */
const SHELL = `shell-${VERSION}`;
// Filled by the page when an area is prepared (areas.js).
const PHOTOGRAPHS = "kept-photographs";
const TILES = "kept-tiles";

// The program may be updated while a phone fetches: a file of the next version is refused, and
// with it all others, so that the phone goes on with what it has.
async function checked(answer, address) {
  const bytes = await answer.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== FILES[address]) throw new Error(`${address} is of another version`);
  return new Response(bytes, { status: answer.status, headers: answer.headers });
}

async function precache() {
  const cache = await caches.open(SHELL);
  await Promise.all(Object.keys(FILES).map(async (address) => {
    const answer = await fetch(new Request(address, { cache: "reload", credentials: "same-origin" }));
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    await cache.put(address, await checked(answer, address));
  }));
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("shell-") && name !== SHELL).map((name) => caches.delete(name)));
}

self.addEventListener("install", (event) => event.waitUntil(precache()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers().then(() => self.clients.claim())));
self.addEventListener("message", (event) => {
  if (event.data === "update") self.skipWaiting();
  if (event.data === "version" && event.ports[0]) event.ports[0].postMessage(VERSION);
});

async function fromShell(request, address) {
  const cache = await caches.open(SHELL);
  return (await cache.match(address)) || fetch(request);
}

async function fromKept(request) {
  for (const name of [PHOTOGRAPHS, TILES]) {
    const cache = await caches.open(name);
    const found = await cache.match(request.url, { ignoreVary: true });
    if (found) return found;
  }
  return fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) {
    if (request.destination === "image") event.respondWith(fromKept(request));
    return;
  }
  if (request.mode === "navigate") {
    if (url.pathname === PAGE) event.respondWith(fromShell(request, PAGE));
  } else if (url.pathname in FILES) {
    event.respondWith(fromShell(request, url.pathname));
  } else if (request.destination === "image") {
    event.respondWith(fromKept(request));
  }
});

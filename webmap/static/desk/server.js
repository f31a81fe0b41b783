// What the desk asks of the server, and how it tells of what was refused.

import { config } from "./words.js";

// An answer that is no success: `body` is the problem+json of the server.
export class Refused extends Error {
  constructor(status, body) {
    super((body && body.detail) || String(status));
    this.status = status;
    this.body = body || {};
    this.problems = (status === 422 && this.body.problems) || [];
  }
}

// Plain http has no randomUUID; this is RFC 9562's version 4 from the same source.
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

async function ask(address, options = {}) {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, ...options });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

function send(address, body, key) {
  const headers = {
    Accept: "application/json", "Content-Type": "application/json",
    "X-CSRFToken": config.csrf, "Idempotency-Key": key,
  };
  return ask(address, { method: "POST", headers, body: JSON.stringify(body) });
}

export const rowsAddress = (layer, more = {}) => `${config.api}/features?${new URLSearchParams({ layer, ...more })}`;
export const readPage = (address) => ask(address);
export const readHistory = (address) => ask(address || `${config.api}?limit=30`);
export const sendEdit = (edit, key) => send(config.api, edit, key);
export const sendUndo = (id, reason, key) => send(`${config.api}/${id}/undo`, { reason }, key);

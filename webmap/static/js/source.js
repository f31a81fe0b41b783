// Where the map's data comes from: the server's endpoints, or the blocks of an exported file
// (embedded.js). Both answer the same questions.
(function () {
  "use strict";

  const CG = window.CommonGreen;

  // An error that a person can read, with the problems that the server named in what was
  // sent, and `now`: the case as somebody else has left it meanwhile.
  class SourceError extends Error {
    constructor(message, status, body) {
      super(message);
      this.status = status;
      this.problems = (status === 422 && body && body.problems) || [];
      this.now = (status === 412 && body && body.case) || null;
    }
  }
  CG.SourceError = SourceError;

  const Tiles = window.L && L.VectorGrid.Protobuf.extend({
    _getVectorTilePromise(coords) {
      const order = this.options.order;
      return L.VectorGrid.Protobuf.prototype._getVectorTilePromise
        .call(this, coords)
        .then((tile) => CG.inOrder(tile, order))
        .catch(() => {
          CG.notify(CG.word("error.tiles"), true);
          return { layers: {} };
        });
    },
  });

  function explain(status) {
    if (status === 401 || status === 403) return CG.word("error.forbidden");
    if (status === 404) return CG.word("error.missing");
    if (status === 409 || status === 412) return CG.word("error.stale");
    if (status === 429) return CG.word("error.busy");
    return CG.word("error.server", { status });
  }

  async function ask(url, options) {
    let response;
    try {
      response = await fetch(url, { credentials: "same-origin", ...options });
    } catch (error) {
      throw new SourceError(CG.word("error.network"), 0);
    }
    const json = (response.headers.get("Content-Type") || "").includes("json");
    const body = json ? await response.json() : null;
    if (!response.ok) {
      throw new SourceError(explain(response.status), response.status, body);
    }
    if (!json) throw new SourceError(CG.word("error.forbidden"), response.status);
    return body;
  }

  function remembering(load, limit) {
    const kept = new Map();
    const remember = async (key) => {
      if (!kept.has(key)) {
        const answer = await load(key);
        if (kept.size >= limit) kept.delete(kept.keys().next().value);
        kept.set(key, answer);
      }
      return kept.get(key);
    };
    remember.forget = () => kept.clear();
    return remember;
  }

  const place = () => encodeURIComponent(CG.config.place.code);
  const places = (rest) => `${CG.config.api}/places/${place()}/${rest}`;

  function parcelUrl(community, id) {
    const code = encodeURIComponent(community || CG.config.place.code);
    return `${CG.config.api}/communities/${code}/parcels/${encodeURIComponent(id)}`;
  }

  function parcelsUrl(text) {
    return `${CG.config.api}/communities/${place()}/parcels?q=${encodeURIComponent(text)}`;
  }

  function statusQuery(day, { building, text }) {
    const query = new URLSearchParams({ day: CG.days.iso(day) });
    if (building !== null) query.set("building", building);
    if (text) query.set("q", text);
    return String(query);
  }

  // crypto.randomUUID is missing where the page came by plain HTTP.
  function randomKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  // The same sent again, because no answer came, goes under the key of the first time.
  let sent = { what: "", key: "" };
  function keyOf(what) {
    if (sent.what !== what) sent = { what, key: randomKey() };
    return sent.key;
  }

  // `body` holds what the API's document says of a move, with the version that was read.
  function postMove(community, caseId, body) {
    const code = encodeURIComponent(community || CG.config.place.code);
    const url = `${CG.config.api}/communities/${code}/cases/${encodeURIComponent(caseId)}/moves`;
    const text = JSON.stringify(body);
    return ask(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "If-Match": `"v${body.version}"`,
        "Idempotency-Key": keyOf(`${url} ${text}`),
        "X-CSRFToken": CG.config.csrf,
      },
      body: text,
    });
  }

  CG.serverSource = function () {
    const figures = remembering((day) => ask(places(`figures?as_of=${CG.days.iso(day)}`)), 400);
    const status = remembering((query) => ask(places(`status?${query}`)), 400);
    return {
      canMove: true,
      casePage: (community, id) => `/c/${encodeURIComponent(community)}/cases/${encodeURIComponent(id)}`,
      figures,
      status: (day, filter) => status(statusQuery(day, filter)),
      grid: (options) =>
        new Tiles(CG.config.tiles, CG.gridOptions({
          ...options,
          // An edited parcel is seen at once; an unchanged tile costs a 304.
          fetchOptions: { credentials: "same-origin", cache: "no-cache" },
        })),
      days: () => ask(places("days")),
      communities: (day, bounds) =>
        ask(places(`communities?day=${CG.days.iso(day)}&bbox=${bounds.map((x) => x.toFixed(6)).join(",")}`)),
      // Null where a text narrows nothing: in a region it finds communities.
      matches: async (text) => (CG.config.place.kind === "community" ? (await ask(parcelsUrl(text))).parcels : null),
      search: (text) => ask(places(`search?q=${encodeURIComponent(text)}`)),
      parcel: (community, id) => ask(parcelUrl(community, id)),
      move: postMove,
      forget() {
        figures.forget();
        status.forget();
      },
    };
  };
})();

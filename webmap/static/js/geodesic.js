// Lengths and areas on the ellipsoid of WGS 84, for the measuring tool alone: official
// areas are the server's, in the survey CRS.
(function () {
  "use strict";

  const CG = window.CommonGreen;
  const A = 6378137.0;
  const F = 1 / 298.257223563;
  const B = A * (1 - F);
  const E2 = F * (2 - F);
  const E = Math.sqrt(E2);
  const radians = (degrees) => degrees * Math.PI / 180;

  // Vincenty's inverse formula (Survey Review 23, 1975). Points that lie opposite one
  // another on the globe do not converge; a map of compounds has none.
  function distance(p, q) {
    const u1 = Math.atan((1 - F) * Math.tan(radians(p.lat)));
    const u2 = Math.atan((1 - F) * Math.tan(radians(q.lat)));
    const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
    const between = radians(q.lng - p.lng);
    let lambda = between;
    for (let i = 0; i < 100; i += 1) {
      const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
      const sinSigma = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
      if (sinSigma === 0) return 0;
      const cosSigma = s1 * s2 + c1 * c2 * cl;
      const sigma = Math.atan2(sinSigma, cosSigma);
      const sinAlpha = c1 * c2 * sl / sinSigma;
      const cos2 = 1 - sinAlpha * sinAlpha;
      const cosM = cos2 === 0 ? 0 : cosSigma - 2 * s1 * s2 / cos2;
      const c = F / 16 * cos2 * (4 + F * (4 - 3 * cos2));
      const before = lambda;
      lambda = between + (1 - c) * F * sinAlpha *
        (sigma + c * sinSigma * (cosM + c * cosSigma * (2 * cosM * cosM - 1)));
      if (Math.abs(lambda - before) < 1e-12) return arc(cos2, sinSigma, cosSigma, cosM, sigma);
    }
    return NaN;
  }

  function arc(cos2, sinSigma, cosSigma, cosM, sigma) {
    const u = cos2 * (A * A - B * B) / (B * B);
    const a = 1 + u / 16384 * (4096 + u * (-768 + u * (320 - 175 * u)));
    const b = u / 1024 * (256 + u * (-128 + u * (74 - 47 * u)));
    const square = 2 * cosM * cosM - 1;
    const delta = b * sinSigma * (cosM + b / 4 * (cosSigma * square -
      b / 6 * cosM * (4 * sinSigma * sinSigma - 3) * (4 * cosM * cosM - 3)));
    return B * a * (sigma - delta);
  }

  // The area of the ellipsoid from the equator to a latitude, over a radian of longitude:
  // B^2/2 * q(latitude), q as in Snyder 1987, formula 3-12.
  function zone(latitude) {
    const s = Math.sin(radians(latitude));
    return A * A * (1 - E2) / 2 * (s / (1 - E2 * s * s) + Math.atanh(E * s) / E);
  }

  // The corners of an edge along the great circle, so that the edge follows the ground
  // and not its straight line in a cylindrical projection.
  function along(p, q, pieces) {
    const vector = ({ lat, lng }) => {
      const [f, l] = [radians(lat), radians(lng)];
      return [Math.cos(f) * Math.cos(l), Math.cos(f) * Math.sin(l), Math.sin(f)];
    };
    const [a, b] = [vector(p), vector(q)];
    const points = [];
    for (let i = 0; i <= pieces; i += 1) {
      const [x, y, z] = a.map((value, axis) => value + (b[axis] - value) * i / pieces);
      points.push({ lat: Math.atan2(z, Math.hypot(x, y)) * 180 / Math.PI, lng: Math.atan2(y, x) * 180 / Math.PI });
    }
    return points;
  }

  function area(ring) {
    let total = 0;
    ring.forEach((p, i) => {
      const points = along(p, ring[(i + 1) % ring.length], 32);
      for (let j = 1; j < points.length; j += 1) {
        const east = radians(points[j].lng - points[j - 1].lng);
        total += east * (zone(points[j].lat) + zone(points[j - 1].lat)) / 2;
      }
    });
    return Math.abs(total);
  }

  CG.geodesic = {
    distance,
    area,
    length: (points) => points.slice(1).reduce((sum, p, i) => sum + distance(points[i], p), 0),
  };
})();

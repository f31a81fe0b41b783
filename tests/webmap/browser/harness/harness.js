// Puts the phone's modules where a test can reach them; the test plays the shell.
import * as drawing from "/static/field/drawing.js";
import * as geometry from "/static/field/geometry.js";
import * as snapping from "/static/field/snapping.js";

window.field = { ...drawing, ...geometry, ...snapping };
document.documentElement.dataset.ready = "true";

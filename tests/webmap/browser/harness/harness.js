// Puts the phone's modules where a test can reach them; the test plays the shell.
import * as conflict from "/static/field/conflict.js";
import * as drawing from "/static/field/drawing.js";
import * as geometry from "/static/field/geometry.js";
import * as mark from "/static/field/mark.js";
import * as snapping from "/static/field/snapping.js";
import * as walking from "/static/field/walking.js";
import * as words from "/static/field/words.js";

window.field = { ...conflict, ...drawing, ...geometry, ...mark, ...snapping, ...walking, ...words };
document.documentElement.dataset.ready = "true";

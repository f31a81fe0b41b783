// Puts the phone's modules where a test can reach them; the test plays the shell.
import * as camera from "/static/field/camera.js";
import * as conflict from "/static/field/conflict.js";
import * as drawing from "/static/field/drawing.js";
import * as geometry from "/static/field/geometry.js";
import * as mark from "/static/field/mark.js";
import * as snapping from "/static/field/snapping.js";
import * as shot from "/static/field/shot.js";
import * as uploads from "/static/field/uploads.js";
import * as viewpoint from "/static/field/viewpoint.js";
import * as walking from "/static/field/walking.js";
import * as words from "/static/field/words.js";

window.field = {
  ...camera, ...conflict, ...drawing, ...geometry, ...mark, ...shot, ...snapping, ...uploads, ...viewpoint,
  ...walking, ...words,
};
document.documentElement.dataset.ready = "true";

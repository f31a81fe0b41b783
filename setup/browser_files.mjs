// Copies the browser files that package.json lists from node_modules to
// webmap/static/vendor, each package with its own folder layout, because its
// style sheets name their images and fonts by relative paths.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, "webmap", "static", "vendor");
const staging = `${target}.new`;
const { browserFiles } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

rmSync(staging, { recursive: true, force: true });
for (const [name, paths] of Object.entries(browserFiles)) {
  for (const path of paths) {
    const copy = join(staging, name, path);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(join(root, "node_modules", name, path), copy, { recursive: true });
  }
}
// Renamed into place at the end, so that an interrupted copy never looks complete.
rmSync(target, { recursive: true, force: true });
renameSync(staging, target);

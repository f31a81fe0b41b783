"""The files of which the phone's page is made, and the version that they are together."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cases.field.exports import LIMITS
from webmap.field_words import FIELD
from webmap.languages import LANGUAGES

STATIC = Path(__file__).with_name("static")
TEMPLATE = Path(__file__).parent / "templates" / "field" / "field.html"
WORKER = STATIC / "field" / "worker.js"
# In the order in which a page that has no service worker yet asks for them.
VENDOR = (
    "vendor/leaflet/dist/leaflet.css",
    "vendor/leaflet/dist/leaflet.js",
    "vendor/leaflet/dist/images/marker-icon.png",
    "vendor/leaflet/dist/images/marker-shadow.png",
    "vendor/@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.css",
    "vendor/@geoman-io/leaflet-geoman-free/dist/leaflet-geoman.min.js",
    "vendor/proj4/dist/proj4.js",
    "vendor/jsts/dist/jsts.min.js",
    "vendor/tus-js-client/dist/tus.min.js",
    "vendor/dexie/dist/modern/dexie.min.mjs",
    "vendor/fflate/esm/browser.js",
)
SHARED = ("css/base.css", "mark.svg", "field/icon-192.png", "field/icon-512.png")


@dataclass(frozen=True)
class Shell:
    """Every file below ``static`` with its SHA-256, and one hash of them all with the words."""

    hashes: dict[str, str]
    version: str

    @property
    def files(self) -> tuple[str, ...]:
        """Return the paths of the files, in the order in which a page asks for them."""
        return tuple(self.hashes)


def field_shell() -> Shell:
    """Read the files; a file that is listed and absent raises ``FileNotFoundError``."""
    own = sorted(
        path.relative_to(STATIC).as_posix()
        for path in (STATIC / "field").iterdir()
        if path.suffix in {".js", ".css"} and path != WORKER
    )
    hashes = {name: _sha256(STATIC / name) for name in (*VENDOR, *SHARED, *own)}
    digest = hashlib.sha256()
    for found in (_sha256(TEMPLATE), _sha256(WORKER), *hashes.values()):
        digest.update(bytes.fromhex(found))
    # The page tells them.
    digest.update(repr(sorted(LIMITS.items())).encode())
    for language in sorted(LANGUAGES):
        digest.update(repr(sorted(FIELD.load(language).items())).encode())
    return Shell(hashes, digest.hexdigest()[:16])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

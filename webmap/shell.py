"""The map page: a constant shell that Folium draws, and everything else beside it.

Folium runs any text it is given as a Jinja template on the server (SAFETY,
"Three findings"), so it is given none: :func:`build_shell` takes no argument,
and the name of a place, the figures and the features reach the page through
Jinja's autoescape, JSON blocks and our own endpoints. The page is therefore
the same for 441 parcels and for a million.
"""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import folium
from branca.element import CssLink, Figure, JavascriptLink, MacroElement
from flask import render_template, request, url_for
from folium.elements import JSCSSMixin
from folium.plugins import Fullscreen, LocateControl
from folium.template import Template
from folium.utilities import JsCode

from cases.workflow import Status
from layers.config import BaseMap
from webmap.map_words import load_words

# Our own files, below static/vendor, in place of the addresses that Folium names.
LEAFLET = ("leaflet/dist/leaflet.js", "leaflet/dist/leaflet.css")
VECTOR_GRID = ("leaflet.vectorgrid/dist/Leaflet.VectorGrid.bundled.min.js", None)
FULLSCREEN = (
    "leaflet.fullscreen/Control.FullScreen.js",
    "leaflet.fullscreen/Control.FullScreen.css",
)
LOCATE = (
    "leaflet.locatecontrol/dist/L.Control.Locate.min.js",
    "leaflet.locatecontrol/dist/L.Control.Locate.min.css",
)

# The map's own scripts, below static/js, each after those that it needs.
SCRIPTS = (
    "core.js",
    "days.js",
    "status.js",
    "palette.js",
    "state.js",
    "dom.js",
    "canvas.js",
    "source.js",
    "embedded.js",
    "layers.js",
    "labels.js",
    "communities.js",
    "basemaps.js",
    "geodesic.js",
    "sketch.js",
    "measure.js",
    "legend.js",
    "filters.js",
    "slider.js",
    "figures.js",
    "timeline.js",
    "moves.js",
    "detail.js",
    "permalink.js",
    "print.js",
    "sheet.js",
    "map.js",
)
# Its style sheets, below static/css.
STYLES = ("map.css", "map-cards.css", "map-panel.css", "map-phone.css", "map-print.css")

# Tiles hold features from this zoom on; below it communities are shown with counts.
FEATURE_ZOOM = 15
MAXIMUM_ZOOM = 21


class MapPlace(Protocol):
    """What the page has to know of a community or region."""

    @property
    def code(self) -> str:
        """The code in the addresses of its endpoints."""

    @property
    def name(self) -> str:
        """The name as people gave it: hostile until escaped."""

    @property
    def kind(self) -> str:
        """``community``, or the kind of region."""

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """West, south, east and north in degrees; none where nothing is stored yet."""

    @property
    def survey_crs(self) -> str | None:
        """The CRS of all areas, as ``EPSG:4550``; none for a region."""


@dataclass(frozen=True)
class Shell:
    """What Folium drew, taken apart: files below static/vendor, element and script."""

    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    html: str
    script: str


class Handle(JSCSSMixin, MacroElement):
    """Hands what Folium made to our own script under fixed names, with the library of tiles."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            window.commonGreenShell = {
                map: {{ this._parent.get_name() }},
                locate: {{ this.locate.get_name() }}
            };
        {% endmacro %}
        """
    )

    def __init__(self, locate: LocateControl) -> None:
        """Remember the control, whose titles our own script translates."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Handle"
        self.locate = locate


@functools.cache
def build_shell() -> Shell:
    """Let Folium lay out the map, once per process; no text of anybody goes in."""
    drawn = _draw_map()
    figure = drawn.get_root()
    assert isinstance(figure, Figure)
    figure.render()
    # The header's own macro is left out: it forbids zooming a page, and map.css has its styles.
    files = list(figure.header._children.values())
    return Shell(
        scripts=tuple(file.url for file in files if isinstance(file, JavascriptLink)),
        styles=tuple(file.url for file in files if isinstance(file, CssLink)),
        html=figure.html.render(),
        script=figure.script.render(),
    )


def _draw_map() -> folium.Map:
    drawn = folium.Map(
        tiles=None,
        zoom_control="topright",
        min_zoom=4,
        max_zoom=MAXIMUM_ZOOM,
        control_scale=True,
        font_size="14px",
    )
    _prepare(drawn, "commongreen", LEAFLET)
    fullscreen = Fullscreen(  # type: ignore[no-untyped-call]
        position="topright",
        force_separate_button=True,
        fullscreen_element=JsCode('document.getElementById("community-map")'),
    )
    icons = {"icon": "locate-icon", "iconLoading": "locate-icon"}
    locate = LocateControl(position="topright", **icons)  # type: ignore[no-untyped-call]
    handle = Handle(locate)
    for control, files in ((fullscreen, FULLSCREEN), (locate, LOCATE), (handle, VECTOR_GRID)):
        _prepare(control, "commongreen", files)
        drawn.add_child(control)
    return drawn


def _prepare(element: JSCSSMixin, name: str, files: tuple[str, str | None]) -> None:
    """Give an element a fixed name, as Folium draws a random one, and our own files."""
    script, style = files
    element._id = name
    element.default_js = [(script, script)]
    element.default_css = [(style, style)] if style else []


def map_config(place: MapPlace, language: str, **more: Any) -> dict[str, Any]:
    """Return what the scripts need to know, for a JSON block."""
    return {
        "place": {
            "code": place.code,
            "name": place.name,
            "kind": place.kind,
            "bounds": place.bounds,
            "surveyCrs": place.survey_crs,
        },
        "language": language,
        "statuses": [str(status) for status in Status],
        "featureZoom": FEATURE_ZOOM,
        "maxZoom": MAXIMUM_ZOOM,
        "baseMaps": [],
        "embedded": False,
        **more,
    }


def render_map_page(
    place: MapPlace,
    language: str,
    nonce: str,
    csrf_token: str,
    base_maps: Sequence[BaseMap] = (),
    layout: str = "base.html",
) -> str:
    """Return the page of a place's map, inside a request of our Flask application.

    ``nonce`` is the one of the answer's Content-Security-Policy; every script of
    the page carries it.
    """
    shell = build_shell()
    root = request.script_root
    config = map_config(
        place,
        language,
        api=f"{root}/api/v1",
        tiles=f"{root}/tiles/{place.code}/{{z}}/{{x}}/{{y}}.mvt",
        csrf=csrf_token,
        baseMaps=[asdict(base_map) for base_map in base_maps],
    )
    return render_template(
        "map.html",
        layout=layout,
        place=place,
        shell=shell,
        config=config,
        words=load_words(language),
        nonce=nonce,
        styles=[_vendor(path) for path in shell.styles]
        + [url_for("static", filename=f"css/{path}") for path in STYLES],
        libraries=[_vendor(path) for path in shell.scripts],
        scripts=[url_for("static", filename=f"js/{path}") for path in SCRIPTS],
    )


def _vendor(path: str) -> str:
    return url_for("static", filename=f"vendor/{path}")

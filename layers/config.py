"""The settings of one installation: one frozen object, built once, passed in.

This is the only module that reads the environment. ``docs/settings.md`` holds
the table of variables for whoever installs the program; a test keeps both equal.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from gis.problems import InputError, Problem

PROJECT_ROOT = Path(__file__).resolve().parent.parent

OPENSTREETMAP = "openstreetmap"
TIANDITU = "tianditu"
DATUMS = ("wgs84", "gcj02")
MAXIMUM_ZOOM = 24
MAXIMUM_PORT = 65535
MAXIMUM_PROXIES = 9
# Six months, however long they are.
ADDRESS_DAYS = 184
SECOND_FACTOR_ROLES = ("secretary", "official", "admin")
SMTP_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class Variable:
    """One environment variable that the program reads."""

    name: str
    default: str
    meaning: str


VARIABLES = (
    Variable(
        "DATABASE_URL",
        "the private cluster",
        "PostgreSQL 14+ with PostGIS 3.2+ to use instead of the private cluster, as its owner: "
        "`postgresql://user:password@host/database`",
    ),
    Variable(
        "COMMONGREEN_APP_DATABASE_URL",
        "derived",
        "the same database as the application's own role, which owns nothing",
    ),
    Variable("COMMONGREEN_DATABASE", "commongreen", "the database inside the private cluster"),
    Variable("COMMONGREEN_VAR", "`var` beside pyproject.toml", "the folder of all that changes"),
    Variable(
        "COMMONGREEN_PHOTOGRAPHS",
        "`photographs` in the var folder",
        "the folder of photographs, each under its SHA-256; back it up with the database",
    ),
    Variable("COMMONGREEN_HOST", "127.0.0.1", "the address that `commongreen serve` listens on"),
    Variable("COMMONGREEN_PORT", "8000", "the port that `commongreen serve` listens on"),
    Variable(
        "COMMONGREEN_TRUSTED_PROXIES",
        "0",
        "how many reverse proxies of yours stand before the program, one after another: so many of "
        "the last entries of `X-Forwarded-For` and `X-Forwarded-Proto` are believed, none with 0",
    ),
    Variable(
        "COMMONGREEN_SECRET_KEY_FILE",
        "`secret_key` in the var folder",
        "the file that holds the key of sessions; made at the first start",
    ),
    Variable(
        "COMMONGREEN_BASE_MAPS",
        "none",
        "base maps, first one shown first, separated by commas: `openstreetmap`, `tianditu`, or "
        "the path of a JSON file with a list of own ones (name, url, attribution, datum, max_zoom, "
        "offline)",
    ),
    Variable("COMMONGREEN_TIANDITU_KEY", "none", "the key that Tianditu's tiles need"),
    Variable(
        "COMMONGREEN_PUBLIC_URL",
        "the address that is served",
        "the address by which people reach the program, such as `https://green.example.org`; "
        "links in messages begin with it",
    ),
    Variable(
        "COMMONGREEN_SMTP_URL",
        "none",
        "the mail server that sends reset links: "
        "`smtps://user:password@host?from=green@example.org`, or `smtp://` with STARTTLS; "
        "needs `COMMONGREEN_PUBLIC_URL`",
    ),
    Variable(
        "COMMONGREEN_SECOND_FACTOR_ROLES",
        "secretary,official,admin",
        "the roles that log in only with a second factor, separated by commas, or `none`; "
        "`commongreen demo` serves with none",
    ),
    Variable(
        "COMMONGREEN_ADDRESS_DAYS",
        "184",
        "after how many days the network address of a log-in or another act on an account is "
        "forgotten; 30 at least",
    ),
    Variable(
        "COMMONGREEN_WRITES_PER_ACCOUNT",
        "120",
        "how many changes one account may make in a minute, counted over all workers; 0 for any",
    ),
    Variable(
        "COMMONGREEN_WRITES_PER_ADDRESS",
        "1200",
        "how many changes may come from one network address in a minute, such as from an office "
        "behind one; 0 for any",
    ),
    Variable("COMMONGREEN_DEBUG", "0", "1 shows the traceback of a failure"),
)


@dataclass(frozen=True)
class BaseMap:
    """A background of tiles under our own layers.

    ``url`` is an XYZ template or a WMTS request with ``{z}``, ``{x}`` and ``{y}``.
    ``datum`` is ``wgs84`` (CGCS2000 counts as the same) or ``gcj02``: tiles of
    the latter are shifted on display, never our data. ``offline`` says that phones may
    fetch tiles of a whole area and keep them, which the terms of most services forbid.
    """

    name: str
    url: str
    attribution: str
    datum: str = "wgs84"
    max_zoom: int = 18
    offline: bool = False


@dataclass(frozen=True)
class MailServer:
    """Where messages are handed in, and by whom they are sent.

    ``tls`` speaks TLS from the first byte; without it STARTTLS is used where it is
    offered, and is demanded before a password is sent.
    """

    host: str
    port: int
    sender: str
    tls: bool = True
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything that differs between two installations.

    ``database_url`` is the owner's, ``None`` for the private cluster:
    ``layers.cluster.owner_url`` gives the address in both cases.
    """

    var: Path
    secret_key_file: Path
    database_url: str | None = None
    app_database_url: str | None = None
    database: str = "commongreen"
    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: int = 0
    photograph_folder: Path | None = None
    base_maps: tuple[BaseMap, ...] = ()
    public_url: str | None = None
    mail_server: MailServer | None = None
    second_factor_roles: tuple[str, ...] = SECOND_FACTOR_ROLES
    address_days: int = ADDRESS_DAYS
    writes_per_account: int = 120
    writes_per_address: int = 1200
    debug: bool = False

    @property
    def photographs(self) -> Path:
        """Return the folder of photographs."""
        return self.photograph_folder or self.var / "photographs"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Build the settings from ``environ``, the process's own by default.

        An empty value counts as absent. Raises ``InputError`` with every bad
        value at once; ``field`` of each problem is the variable's name.
        """
        reader = _Reader(os.environ if environ is None else environ)
        var = reader.path("COMMONGREEN_VAR", project_root() / "var")
        settings = cls(
            var=var,
            secret_key_file=reader.path("COMMONGREEN_SECRET_KEY_FILE", var / "secret_key"),
            database_url=reader.database_url("DATABASE_URL"),
            app_database_url=reader.database_url("COMMONGREEN_APP_DATABASE_URL"),
            database=reader.identifier("COMMONGREEN_DATABASE", "commongreen"),
            host=reader.text("COMMONGREEN_HOST") or "127.0.0.1",
            port=reader.port("COMMONGREEN_PORT", 8000),
            trusted_proxies=reader.proxies("COMMONGREEN_TRUSTED_PROXIES"),
            photograph_folder=reader.path("COMMONGREEN_PHOTOGRAPHS", var / "photographs"),
            base_maps=reader.base_maps("COMMONGREEN_BASE_MAPS", "COMMONGREEN_TIANDITU_KEY"),
            public_url=reader.address("COMMONGREEN_PUBLIC_URL"),
            mail_server=reader.mail_server("COMMONGREEN_SMTP_URL", "COMMONGREEN_PUBLIC_URL"),
            second_factor_roles=reader.roles(
                "COMMONGREEN_SECOND_FACTOR_ROLES", SECOND_FACTOR_ROLES
            ),
            address_days=reader.count("COMMONGREEN_ADDRESS_DAYS", ADDRESS_DAYS, least=30),
            writes_per_account=reader.count("COMMONGREEN_WRITES_PER_ACCOUNT", 120),
            writes_per_address=reader.count("COMMONGREEN_WRITES_PER_ADDRESS", 1200),
            debug=reader.flag("COMMONGREEN_DEBUG"),
        )
        if reader.problems:
            raise InputError(reader.problems)
        return settings


def project_root() -> Path:
    """Return the checkout that holds this module, else the current folder."""
    return PROJECT_ROOT if (PROJECT_ROOT / "pyproject.toml").is_file() else Path.cwd()


class _Reader:
    """Reads typed values and keeps a problem for each that cannot be used."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[Problem] = []

    def _refuse(self, name: str, message: str, remedy: str) -> None:
        self.problems.append(Problem("setting", message, remedy, field=name))

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def path(self, name: str, default: Path) -> Path:
        value = self.text(name)
        return Path(value).absolute() if value else default

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in ("", "0", "1"):
            self._refuse(name, f"{value!r} is neither 0 nor 1.", "Set 1 or 0.")
        return value == "1"

    def port(self, name: str, default: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isdecimal() or not 0 < int(value) <= MAXIMUM_PORT:
            self._refuse(name, f"{value!r} is not a port.", f"Set 1 to {MAXIMUM_PORT}.")
            return default
        return int(value)

    def proxies(self, name: str) -> int:
        value = self.text(name) or "0"
        if value in map(str, range(MAXIMUM_PROXIES + 1)):
            return int(value)
        self._refuse(name, f"{value!r} counts no proxies.", f"Set 0 to {MAXIMUM_PROXIES}.")
        return 0

    def count(self, name: str, default: int, *, least: int = 0) -> int:
        value = self.text(name)
        if not value:
            return default
        if re.fullmatch(r"[0-9]{1,6}", value, re.ASCII) and int(value) >= least:
            return int(value)
        self._refuse(name, f"{value!r} is out of range.", f"Set {least} to 999999.")
        return default

    def identifier(self, name: str, default: str) -> str:
        value = self.text(name) or default
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
            self._refuse(
                name,
                f"{value!r} is not a database name.",
                "Use lower-case letters, digits and underscores, 63 at most.",
            )
        return value

    def database_url(self, name: str) -> str | None:
        """Return the URL with the driver that we use, psycopg 3."""
        value = self.text(name)
        if not value:
            return None
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
            # The value may hold a password, so only its scheme is shown.
            shown = f"{scheme}://" if separator else "the value"
            self._refuse(
                name,
                f"{shown} is not a PostgreSQL address.",
                "Set postgresql://user:password@host/database.",
            )
            return None
        return f"postgresql+psycopg://{rest}"

    def roles(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Return names of roles; which there are, the cases know."""
        value = self.text(name)
        if value == "none":
            return ()
        return tuple(part.strip() for part in value.split(",")) if value else default

    def address(self, name: str) -> str | None:
        """Return an address of this program without a path."""
        value = self.text(name).rstrip("/")
        if not value:
            return None
        if not re.fullmatch(
            r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-fA-F:]+\](:[0-9]{1,5})?", value
        ):
            remedy = "Set https://host, without a path."
            self._refuse(name, f"{value!r} is no address of a server.", remedy)
        return value

    def mail_server(self, name: str, address_name: str) -> MailServer | None:
        """Return where to hand in messages, whose links need an address that nobody else chose."""
        value = self.text(name)
        if not value:
            return None
        server = _mail_server(value)
        if server is None:
            # The value may hold a password, so it is not shown.
            remedy = "Set smtps://user:password@host?from=green@example.org."
            self._refuse(name, "The mail server cannot be read.", remedy)
        if not self.text(address_name):
            message = "Messages hold links, which need the address of this program."
            self._refuse(address_name, message, "Set it as https://host.")
        return server

    def base_maps(self, name: str, key_name: str) -> tuple[BaseMap, ...]:
        key = self.text(key_name)
        found: list[BaseMap] = []
        for item in filter(None, (part.strip() for part in self.text(name).split(","))):
            if item == OPENSTREETMAP:
                found.append(_openstreetmap())
            elif item == TIANDITU and key:
                found.append(_tianditu(key))
            elif item == TIANDITU:
                self._refuse(key_name, "Tianditu needs a key.", "Set the key of your account.")
            else:
                found.extend(self._base_maps_of_file(name, Path(item)))
        return tuple(found)

    def _base_maps_of_file(self, name: str, path: Path) -> list[BaseMap]:
        try:
            items = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            self._refuse(
                name,
                f"{str(path)!r} cannot be read: {error}.",
                f"Set {OPENSTREETMAP}, {TIANDITU} or the path of a JSON file.",
            )
            return []
        if not isinstance(items, list):
            items = [items]
        found = [self._base_map(name, number, item) for number, item in enumerate(items, 1)]
        return [base_map for base_map in found if base_map is not None]

    def _base_map(self, name: str, number: int, item: Any) -> BaseMap | None:
        faults = _base_map_faults(item)
        for fault in faults:
            self.problems.append(
                Problem(
                    "setting",
                    f"Base map {number}: {fault}.",
                    "Give name, url with {z}, {x} and {y}, attribution, and optionally datum "
                    f"({' or '.join(DATUMS)}), max_zoom and offline.",
                    field=name,
                )
            )
        return None if faults else BaseMap(**item)


def _base_map_faults(item: Any) -> list[str]:
    if not isinstance(item, dict):
        return ["it is not an object"]
    allowed = {"name", "url", "attribution", "datum", "max_zoom", "offline"}
    faults = [f"{key!r} is unknown" for key in sorted(item.keys() - allowed)]
    for key in ("name", "url", "attribution"):
        if not isinstance(item.get(key), str) or not item[key].strip():
            faults.append(f"{key} is missing")
    url = item.get("url")
    if isinstance(url, str) and not re.match(r"https?://|/", url):
        faults.append("url is neither http(s) nor a path of this server")
    if isinstance(url, str) and not all(part in url for part in ("{z}", "{x}", "{y}")):
        faults.append("url lacks {z}, {x} or {y}")
    if item.get("datum", "wgs84") not in DATUMS:
        faults.append(f"datum {item['datum']!r} is unknown")
    zoom = item.get("max_zoom", 18)
    if type(zoom) is not int or not 0 < zoom <= MAXIMUM_ZOOM:
        faults.append(f"max_zoom {zoom!r} is not 1 to {MAXIMUM_ZOOM}")
    offline = item.get("offline", False)
    if type(offline) is not bool:
        faults.append(f"offline {offline!r} is neither true nor false")
    return faults


def _mail_server(value: str) -> MailServer | None:
    """Read ``smtps://user:password@host:port?from=address``; ``None`` where it is not that."""
    try:
        parts = urlsplit(value)
        port = parts.port or SMTP_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    sender = parse_qs(parts.query).get("from", [""])[0]
    if not parts.hostname or not re.fullmatch(r"[^@\s]+@[^@\s]+", sender):
        return None
    return MailServer(parts.hostname, port, sender, parts.scheme == "smtps", *_credentials(parts))


def _credentials(parts: SplitResult) -> tuple[str, str]:
    return unquote(parts.username or ""), unquote(parts.password or "")


def _openstreetmap() -> BaseMap:
    return BaseMap(
        name="OpenStreetMap",
        url="https://tile.openstreetmap.org/{z}/{x}/{y}.png",
        attribution="© OpenStreetMap contributors",
        max_zoom=19,
    )


def _tianditu(key: str) -> BaseMap:
    # Layer "vec", matrix set "w": the vector map in web Mercator on CGCS2000.
    return BaseMap(
        name="天地图",
        url="https://t0.tianditu.gov.cn/vec_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
        "&LAYER=vec&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles"
        f"&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={quote(key, safe='')}",
        attribution="天地图",
    )

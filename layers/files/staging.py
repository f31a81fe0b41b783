"""From a path that a person typed to a private copy that is safe to open.

GDAL takes URLs and ``/vsi`` paths for files, reads the neighbours of a file and
writes some of its own beside it (.gfs, .qix). So a delivery is copied, with the
parts that belong to it and nothing else, into a folder of its own; archives are
unpacked there under limits. What is hashed is exactly what is read.
"""

import gzip
import hashlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn

from gis.problems import InputError, Problem
from gis.validity import FILE_LIMITS, GeometryLimits

PARTS = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg"),
    ".tab": (".dat", ".map", ".id", ".ind", ".cpg"),
    ".mif": (".mid",),
    ".gml": (".xsd", ".gfs"),
}
"""The files that belong to one whose name ends so."""

# fmt: off
DATA_ENDINGS = frozenset({
    ".shp", ".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".topojson", ".kml", ".kmz",
    ".gml", ".dxf", ".fgb", ".tab", ".mif", ".csv", ".tsv", ".xlsx", ".ods", ".parquet",
    ".geoparquet", ".gpx", ".osm", ".pbf", ".sqlite", ".db", ".dgn", ".sxf", ".jml", ".dbf",
    ".itf", ".gmt", ".vfk", ".000",
})
# fmt: on
"""What counts as data in an archive; the rest of it is left aside."""

_PACKAGES = frozenset({".xlsx", ".ods", ".xlsm"})
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class ReadingLimits:
    """How much a delivery may hold, and how curves and gaps are treated.

    ``file_bytes`` as delivered, ``unpacked_bytes`` and ``zip_members`` of an
    archive, ``zip_ratio`` between the two once ``zip_grace_bytes`` are
    unpacked, ``features`` of a layer, ``audited_bytes`` of GeoJSON that is read
    a second time to catch what GDAL drops. An arc becomes chords of
    ``arc_step_degrees``; a DXF outline is closed when its ends are at most
    ``closing_distance`` apart, in its own units.
    """

    file_bytes: int = 2 * 1024**3
    unpacked_bytes: int = 4 * 1024**3
    zip_members: int = 2_000
    zip_ratio: int = 200
    zip_grace_bytes: int = 64 * 1024**2
    features: int = 5_000_000
    audited_bytes: int = 256 * 1024**2
    arc_step_degrees: float = 0.5
    closing_distance: float = 0.001
    geometry: GeometryLimits = FILE_LIMITS


@dataclass(frozen=True)
class Source:
    """One dataset to open: ``path`` is ours, ``name`` what the person calls it."""

    path: Path
    name: str


@dataclass(frozen=True)
class Staged:
    """A delivery laid out for reading.

    ``package`` is the delivery as one file, the one that was given or a zip of
    its parts, and ``sha256`` its hash; ``sources`` are the datasets in it and
    ``left_aside`` the names of what is no data.
    """

    file_name: str
    package: Path
    sha256: str
    sources: tuple[Source, ...]
    left_aside: tuple[str, ...] = ()


@contextmanager
def staged(path: str | Path, limits: ReadingLimits) -> Iterator[Staged]:
    """Copy the file at ``path`` and its parts into a private folder for the time of reading.

    Raises ``InputError`` for what is no plain file of the local system, for
    what is too large, and for an archive that is broken, locked or a bomb.
    """
    given = _local_file(path)
    with tempfile.TemporaryDirectory(prefix="commongreen-") as folder:
        home = Path(folder) / "delivery"
        home.mkdir()
        copies = _copy_parts(given, home, limits)
        package = _package(copies, Path(folder) / "package.zip")
        sources, left_aside = _sources(copies[0], Path(folder) / "unpacked", limits)
        yield Staged(given.name, package, _hash(package), sources, left_aside)


def original(path: str | Path, limits: ReadingLimits | None = None) -> tuple[str, bytes]:
    """Return name and content of a delivery as it is to be kept with its survey.

    One file as it is, several parts as a zip that is the same for the same
    parts; the content's SHA-256 is that of the ``Delivery``.
    """
    with staged(path, limits or ReadingLimits()) as delivery:
        single = delivery.package.name != "package.zip"
        name = delivery.file_name if single else delivery.file_name + ".zip"
        return name, delivery.package.read_bytes()


def _local_file(path: str | Path) -> Path:
    """Return the path of an existing local file (or file geodatabase)."""
    text = str(path)
    if text.startswith("/vsi") or "://" in text or "\0" in text:
        _refuse(
            "path_not_local",
            f"{text!r} is not a path of this computer's files.",
            "Save the file here and name its path; nothing is fetched from elsewhere.",
        )
    given = Path(path)
    if not given.exists():
        _refuse("file_missing", f"There is no file {text}.", "Check the path.")
    if given.is_dir() and given.suffix.lower() != ".gdb":
        _refuse("file_is_folder", f"{text} is a folder.", "Name one file in it, or zip the folder.")
    if not given.is_dir() and not given.is_file():
        _refuse("path_not_local", f"{text} is not a plain file.", "Name a file on a disk.")
    return given.resolve()


def _copy_parts(given: Path, home: Path, limits: ReadingLimits) -> list[Path]:
    """Copy the file and what belongs to it; the first is the one to open."""
    if given.is_dir():
        return [_copy_folder(given, home, limits)]
    main = _main_part(given)
    parts = [main, *_belonging(main)]
    total = sum(part.stat().st_size for part in parts)
    if total > limits.file_bytes:
        _refuse(
            "file_too_large",
            f"{given.name} has {total:,} bytes, more than the {limits.file_bytes:,} allowed.",
            "Divide it.",
        )
    if main.stat().st_size == 0:
        _refuse("file_empty", f"{given.name} has no content.", "Save it again from the source.")
    _refuse_open_database(main)
    return [Path(shutil.copyfile(part, home / part.name)) for part in parts]


def _main_part(given: Path) -> Path:
    """Return the file to open where a part of it was named, such as the .dbf of a .shp."""
    if given.suffix.lower() not in {part for parts in PARTS.values() for part in parts}:
        return given
    for other in given.parent.iterdir():
        main = other.suffix.lower()
        if given.suffix.lower() in PARTS.get(main, ()) and other.stem == given.stem:
            return other
    return given


def _belonging(main: Path) -> list[Path]:
    endings = PARTS.get(main.suffix.lower(), ())
    if not endings:
        return []
    beside = sorted(main.parent.iterdir())
    return [one for one in beside if one.stem == main.stem and one.suffix.lower() in endings]


def _refuse_open_database(main: Path) -> None:
    """Refuse a GeoPackage whose last changes are still in its write-ahead log."""
    log = main.with_name(main.name + "-wal")
    if log.exists() and log.stat().st_size:
        _refuse(
            "file_in_use",
            f"{main.name} is open in another program: part of it is still in {log.name}.",
            "Close the layer there (QGIS: remove it from the project), then import again.",
        )


def _copy_folder(given: Path, home: Path, limits: ReadingLimits) -> Path:
    files = [one for one in sorted(given.rglob("*")) if one.is_file() and not one.is_symlink()]
    if sum(one.stat().st_size for one in files) > limits.file_bytes:
        _refuse("file_too_large", f"{given.name} is larger than allowed.", "Divide it.")
    for one in files:
        copy = home / given.name / one.relative_to(given)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one, copy)
    return home / given.name


def _package(copies: list[Path], packed: Path) -> Path:
    """Return the delivery as one file: itself, or a zip that depends on the parts alone."""
    if len(copies) == 1 and copies[0].is_file():
        return copies[0]
    home = copies[0].parent
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for one in sorted(home.rglob("*")):
            if one.is_file():
                info = zipfile.ZipInfo(one.relative_to(home).as_posix(), _EPOCH)
                with one.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target, _CHUNK)
    return packed


def _hash(package: Path) -> str:
    with package.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _sources(
    main: Path, target: Path, limits: ReadingLimits
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Return the datasets of a delivery, unpacking it where it is packed."""
    if main.is_dir():
        return (Source(main, main.name),), ()
    with main.open("rb") as content:
        magic = content.read(4)
    if magic[:2] == b"\x1f\x8b":
        return (_gunzip(main, target, limits),), ()
    if magic != b"PK\x03\x04" and main.suffix.lower() != ".zip":
        return (Source(main, main.name),), ()
    try:
        with zipfile.ZipFile(main) as archive:
            if main.suffix.lower() in _PACKAGES:
                _refuse_bomb(archive.infolist(), limits)
                return (Source(main, main.name),), ()
            return _unpack(archive, target, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        _refuse(
            "zip_broken", f"{main.name} cannot be unpacked: {error}.", "Pack it again as a zip."
        )


def _gunzip(main: Path, target: Path, limits: ReadingLimits) -> Source:
    target.mkdir()
    name = main.stem or "data"
    try:
        with gzip.open(main) as packed:
            _copy_limited(packed, target / name, [0], main.stat().st_size, limits)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        _refuse("zip_broken", f"{main.name} cannot be unpacked: {error}.", "Pack it again.")
    return Source(target / name, name)


def _unpack(
    archive: zipfile.ZipFile, target: Path, limits: ReadingLimits
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Unpack an archive's files under limits that do not trust what it says of itself."""
    members = [one for one in archive.infolist() if not one.is_dir()]
    members = [one for one in members if not _is_clutter(_member_name(one))]
    _refuse_bomb(members, limits)
    _refuse_members(members)
    written = [0]
    names = []
    for member in members:
        name = _member_name(member)
        place = target.joinpath(*PurePosixPath(name).parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as packed:
            _copy_limited(packed, place, written, sum(m.compress_size for m in members), limits)
        names.append(name)
    return _data_among(names, target)


def _refuse_members(members: Iterable[zipfile.ZipInfo]) -> None:
    problems = []
    for member in members:
        name = _member_name(member)
        if member.flag_bits & 1:
            text = f"{name!r} in the archive is locked with a password."
            problems.append(Problem("zip_locked", text, "Pack it again without a password."))
        elif stat.S_ISLNK(member.external_attr >> 16) or not _stays_inside(name):
            text = f"{name!r} in the archive points outside of it."
            problems.append(Problem("zip_unsafe", text, "Pack the files themselves, in a folder."))
    if problems:
        raise InputError(problems)


def _stays_inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return bool(parts) and ".." not in parts and not name.startswith("/") and "\0" not in name


def _refuse_bomb(members: list[zipfile.ZipInfo], limits: ReadingLimits) -> None:
    if len(members) > limits.zip_members:
        text = f"The archive holds {len(members):,} files, more than {limits.zip_members:,}."
        _refuse("zip_too_large", text, "Pack only the files of one delivery.")
    size, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    _refuse_ratio(size, packed, limits)


def _refuse_ratio(size: int, packed: int, limits: ReadingLimits) -> None:
    bomb = size > limits.zip_grace_bytes and size > limits.zip_ratio * max(packed, 1)
    if bomb or size > limits.unpacked_bytes:
        text = f"The archive of {packed:,} bytes unpacks to {size:,} bytes or more."
        _refuse("zip_too_large", text, "Pack only the files of one delivery, or divide it.")


def _copy_limited(
    packed: IO[bytes] | gzip.GzipFile,
    place: Path,
    written: list[int],
    size: int,
    limits: ReadingLimits,
) -> None:
    """Write what is unpacked, counting: headers may lie about the size."""
    with place.open("wb") as target:
        while chunk := packed.read(_CHUNK):
            written[0] += len(chunk)
            _refuse_ratio(written[0], size, limits)
            target.write(chunk)


def _member_name(member: zipfile.ZipInfo) -> str:
    """Return a member's name; archives made in China hold it in GBK without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    for encoding in ("ascii", "utf-8", "gbk"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _is_clutter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or any(part.startswith(".") for part in parts if part != "..")


def _data_among(names: list[str], target: Path) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Return the datasets among unpacked files and the names of the others."""
    databases = {str(folder) for name in names for folder in _geodatabases(name)}
    inside = {name for name in names if _geodatabases(name)}
    known = {name.lower() for name in names}
    found = sorted(databases)
    aside: list[str] = []
    for name in sorted(set(names) - inside):
        ending = PurePosixPath(name).suffix.lower()
        if _is_part(name, known):
            continue
        (found if ending in DATA_ENDINGS else aside).append(name)
    if not found:
        listing = ", ".join(sorted(names)[:10]) or "nothing"
        _refuse(
            "zip_without_data",
            f"The archive holds no layer in a known format; it holds {listing}.",
            "Pack the data itself, not archives or documents.",
        )
    return tuple(Source(target / name, name) for name in found), tuple(aside)


def _geodatabases(name: str) -> list[PurePosixPath]:
    parents = PurePosixPath(name).parents
    return [folder for folder in parents if folder.suffix.lower() == ".gdb"][-1:]


def _is_part(name: str, known: set[str]) -> bool:
    """Whether a file belongs to another of the archive."""
    path = PurePosixPath(name.lower())
    mains = [main for main, parts in PARTS.items() if path.suffix in parts]
    sidecar = path.name.endswith((".shp.xml", ".sbn", ".sbx", ".qix", ".qmd", ".qml", ".qpj"))
    return sidecar or any(str(path.with_suffix(main)) in known for main in mains)


def _refuse(code: str, message: str, remedy: str) -> NoReturn:
    raise InputError([Problem(code, message, remedy)])

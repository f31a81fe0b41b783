"""An uploaded picture: judged before it is decoded, read for when and where, copied without either.

Content decides what a file is, never its name. Nothing here touches files or the database.
"""

import datetime as dt
import enum
import hashlib
import io
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cases.decoding import whole_pictures_only
from gis.problems import InputError, Problem

LARGEST_BYTES = 25 * 1024 * 1024
# What a decoder may be asked to hold: 64 million pixels are some 200 MB.
LARGEST_PIXELS = 64_000_000
LONGEST_NAME = 80
# No camera wrote EXIF before.
FIRST_YEAR = 1995

PNG_END = b"IEND\xaeB`\x82"
JPEG_END = b"\xff\xd9"
# Pages, scripts and drawings hide in comments and behind the end of a picture.
FOREIGN = re.compile(
    rb"<script|<!doctype|<html|<iframe|<\?php|<svg\s[^<>]{0,400}xmlns", re.IGNORECASE
)
PDF, PDF_WITHIN = b"%PDF-", 1024
# The directory of an archive stands at its end, before a comment of at most 65,535 bytes.
ARCHIVE, ARCHIVE_WITHIN = b"PK\x05\x06", 65_557

# What broken or hostile EXIF makes its reader raise.
UNREADABLE = (
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TURNED = frozenset({5, 6, 7, 8})


class MediaType(enum.StrEnum):
    """The kinds of picture that are taken."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"


class Size(enum.StrEnum):
    """The copies that pages show; each is JPEG and carries nothing but its pixels."""

    SMALL = "small"
    LARGE = "large"


LONGEST_SIDE = {Size.SMALL: 480, Size.LARGE: 1600}


@dataclass(frozen=True)
class Taken:
    """When and where a picture was taken, as far as anybody says.

    ``at`` without an offset is the camera's local time. Degrees of WGS 84, ``bearing``
    from north; ``accuracy_m`` is how well the position is known.
    """

    at: dt.datetime | None = None
    longitude: float | None = None
    latitude: float | None = None
    accuracy_m: float | None = None
    bearing: float | None = None

    @property
    def has_position(self) -> bool:
        """Return whether a position is known."""
        return self.longitude is not None and self.latitude is not None


@dataclass(frozen=True)
class Picture:
    """A picture that may be kept: as it came, its size upright, and its copies."""

    name: str
    content: bytes
    media_type: MediaType
    width: int
    height: int
    taken: Taken
    copies: dict[Size, bytes]

    @property
    def sha256(self) -> bytes:
        """Return the hash of the picture as it came."""
        return hashlib.sha256(self.content).digest()


def read_picture(name: str, content: bytes) -> Picture:
    """Judge an uploaded file and read it; raises ``InputError`` naming the file.

    Size, kind and number of pixels are known from its first bytes, before anything
    is decoded.
    """
    shown = _shown(name)
    media_type = _kind(shown, content)
    _check_foreign(shown, content)
    if not _is_whole(content, media_type):
        raise _broken(shown)
    with whole_pictures_only():
        return _decoded(shown, content, media_type)


def _decoded(shown: str, content: bytes, media_type: MediaType) -> Picture:
    image = _opened(shown, content, media_type)
    exif = _exif(image)
    orientation = exif.get(ExifTags.Base.Orientation)
    width, height = image.size
    if orientation in TURNED:
        width, height = height, width
    copies = _copies(shown, image, UPRIGHT.get(orientation or 1))
    return Picture(shown, content, media_type, width, height, _taken(exif), copies)


def _shown(name: str) -> str:
    """Return a file's name as one short line, without folders."""
    last = re.split(r"[/\\]", name)[-1]
    line = "".join(sign for sign in last if sign.isprintable()).strip()
    return line[:LONGEST_NAME] or "?"


def _refused(code: str, message: str, remedy: str) -> InputError:
    return InputError([Problem(f"photograph_{code}", message, remedy, field="photographs")])


def _kind(name: str, content: bytes) -> MediaType:
    if not content:
        raise _refused("empty", f"{name} is empty.", "Choose the file again.")
    if len(content) > LARGEST_BYTES:
        most = LARGEST_BYTES // 1024 // 1024
        raise _refused("large", f"{name} is larger than {most} MB.", "Send a smaller one.")
    if content.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaType.PNG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return MediaType.WEBP
    message = f"{name} is no JPEG, PNG or WebP, whatever its name says."
    raise _refused("kind", message, "Send the photograph as the camera made it.")


def _check_foreign(name: str, content: bytes) -> None:
    """Refuse a picture that is a page, a document or an archive as well."""
    is_foreign = (
        FOREIGN.search(content) is not None
        or PDF in content[:PDF_WITHIN]
        or ARCHIVE in content[-ARCHIVE_WITHIN:]
    )
    if is_foreign:
        message = f"{name} is a picture and hides something else."
        raise _refused("foreign", message, "Send the photograph as the camera made it.")


def _opened(name: str, content: bytes, media_type: MediaType) -> Image.Image:
    """Return the picture with its header read and its pixels counted, not decoded."""
    if media_type is MediaType.WEBP:
        # Its reader makes room for the pixels at once.
        _check_pixels(name, *_webp_size(name, content))
    openers: dict[MediaType, Callable[[io.BytesIO], Image.Image]] = {
        MediaType.JPEG: JpegImageFile,
        MediaType.PNG: PngImageFile,
        MediaType.WEBP: WebPImageFile,
    }
    try:
        image = openers[media_type](io.BytesIO(content))
    except UNREADABLE as error:
        raise _broken(name) from error
    _check_pixels(name, *image.size)
    return image


def _broken(name: str) -> InputError:
    return _refused("broken", f"{name} is cut off or damaged.", "Choose the file again.")


def _check_pixels(name: str, width: int, height: int) -> None:
    if width * height > LARGEST_PIXELS:
        most = LARGEST_PIXELS // 1_000_000
        message = f"{name} has {width} x {height} pixels, more than {most} million."
        raise _refused("pixels", message, "Send a smaller one.")


def _webp_size(name: str, content: bytes) -> tuple[int, int]:
    """Return the size that the first chunk of a WebP declares."""
    form, least = content[12:16], 30
    if len(content) < least:
        raise _broken(name)
    if form == b"VP8X":
        return (
            int.from_bytes(content[24:27], "little") + 1,
            int.from_bytes(content[27:30], "little") + 1,
        )
    if form == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", content[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _is_whole(content: bytes, media_type: MediaType) -> bool:
    """Tell whether the end of a picture is there; its reader forgives where it is not."""
    if media_type is MediaType.WEBP:
        return len(content) >= int.from_bytes(content[4:8], "little") + 8
    return (PNG_END if media_type is MediaType.PNG else JPEG_END) in content


def _copies(name: str, image: Image.Image, turn: Image.Transpose | None) -> dict[Size, bytes]:
    """Return the copies, upright; the whole picture is decoded for them."""
    try:
        image.load()
        plain = _opaque(image)
    except UNREADABLE as error:
        raise _broken(name) from error
    copies = {}
    for size in sorted(Size, key=lambda one: -LONGEST_SIDE[one]):
        plain.thumbnail((LONGEST_SIDE[size],) * 2)
        upright = plain if turn is None else plain.transpose(turn)
        out = io.BytesIO()
        upright.save(out, "JPEG", quality=82, optimize=True, progressive=True)
        copies[size] = out.getvalue()
    return copies


def _opaque(image: Image.Image) -> Image.Image:
    """Return the pixels alone, on white where they are transparent."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        under = Image.new("RGB", image.size, "white")
        under.paste(layer, mask=layer)
        return under
    # A new image, because comments and profiles stay with a converted one.
    plain = Image.new("RGB", image.size)
    plain.paste(image.convert("RGB"))
    return plain


def _exif(image: Image.Image) -> dict[int, Any]:
    """Return the tags of the picture by number, those of its position under ``GPSInfo``."""
    try:
        exif = image.getexif()
        return {
            **exif,
            **exif.get_ifd(ExifTags.IFD.Exif),
            ExifTags.IFD.GPSInfo: dict(exif.get_ifd(ExifTags.IFD.GPSInfo)),
        }
    except UNREADABLE:
        return {}  # A picture whose notes are broken is a picture without notes.


def _taken(exif: dict[int, Any]) -> Taken:
    gps = exif.get(ExifTags.IFD.GPSInfo, {})
    latitude = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, 90)
    longitude = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, 180)
    # Cameras that have not found their place write zeros.
    if latitude is None or longitude is None or latitude == longitude == 0:
        latitude = longitude = None
    accuracy = _number(gps.get(ExifTags.GPS.GPSHPositioningError))
    bearing = _number(gps.get(ExifTags.GPS.GPSImgDirection))
    return Taken(
        _time(exif),
        longitude,
        latitude,
        accuracy if accuracy is not None and latitude is not None and accuracy < 1e5 else None,
        bearing if bearing is not None and bearing < 360 else None,
    )


def _time(exif: dict[int, Any]) -> dt.datetime | None:
    written = exif.get(ExifTags.Base.DateTimeOriginal)
    offset = exif.get(ExifTags.Base.OffsetTimeOriginal)
    if not isinstance(written, str):
        return None
    text = written.strip("\x00 ").replace(":", "-", 2).replace(" ", "T")
    if isinstance(offset, str) and re.fullmatch(r"[+-]\d\d:\d\d", offset.strip("\x00 ")):
        text += offset.strip("\x00 ")
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.year >= FIRST_YEAR else None


def _degrees(gps: dict[int, Any], tag: int, side: int, most: int) -> float | None:
    parts = gps.get(tag)
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    numbers = [_number(part) for part in parts]
    if None in numbers:
        return None
    degrees, minutes, seconds = (number or 0.0 for number in numbers)
    value = degrees + minutes / 60 + seconds / 3600
    if value > most:
        return None
    return -value if str(gps.get(side, "")).strip("\x00 ").upper() in ("S", "W") else value


def _number(value: Any) -> float | None:
    """Return a number from 0, ``None`` for whatever else stands there."""
    try:
        number = float(value)
    except UNREADABLE:
        return None
    return number if math.isfinite(number) and number >= 0 else None

"""Pictures for tests, drawn here: what a camera writes, and what pretends to be one."""

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(
    kind: str = "JPEG", size: tuple[int, int] = (64, 48), exif: Any = None, **options: Any
) -> bytes:
    """Return a picture: red above, blue below."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, size[1] // 2, *size))
    out = io.BytesIO()
    if exif is not None:
        options["exif"] = exif
    image.save(out, kind, **options)
    return out.getvalue()


def camera(
    *,
    at: str | None = "2022:04:11 09:30:00",
    offset: str | None = None,
    place: tuple[Any, Any] | None = ((37.0, 24.0, 30.0), (122.0, 12.0, 6.0)),
    sides: tuple[str, str] = ("N", "E"),
    accuracy: Any = 4.5,
    bearing: Any = 135.0,
    orientation: int = 1,
) -> Image.Exif:
    """Return what a telephone notes in a picture."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "SECRETPHONE"
    taken = exif.get_ifd(ExifTags.IFD.Exif)
    if at is not None:
        taken[ExifTags.Base.DateTimeOriginal] = at
    if offset is not None:
        taken[ExifTags.Base.OffsetTimeOriginal] = offset
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    if place is not None:
        gps[ExifTags.GPS.GPSLatitude], gps[ExifTags.GPS.GPSLongitude] = place
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef] = sides
    if accuracy is not None:
        gps[ExifTags.GPS.GPSHPositioningError] = accuracy
    if bearing is not None:
        gps[ExifTags.GPS.GPSImgDirection] = bearing
    return exif


def cut_jpeg() -> bytes:
    """Return a JPEG cut off in its pixels that holds the mark of its end before them."""
    whole = picture(size=(640, 480), comment=b"\xff\xd9", quality=95)
    return whole[: len(whole) * 2 // 3]


def vast_png(width: int, height: int) -> bytes:
    """Return a few bytes that declare very many pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def vast_webp() -> bytes:
    """Return a WebP whose canvas is declared as 16,384 x 16,384."""
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + b"\xff\x3f\x00" * 2
    return b"RIFF" + struct.pack("<I", len(body)) + body

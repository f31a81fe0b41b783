"""What an uploaded picture is, by its content alone."""

import datetime as dt
import io
import random
import zipfile
from typing import Any

import pytest
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import IFDRational

from cases import pictures
from cases.pictures import LONGEST_SIDE, MediaType, Size, read_picture
from gis.problems import InputError
from tests.pictures import SVG, camera, cut_jpeg, picture, vast_png, vast_webp


def refused(name: str, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read_picture(name, content)
    (problem,) = caught.value.problems
    assert problem.field == "photographs"
    assert name in problem.message
    return problem.code.removeprefix("photograph_")


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("JPEG", MediaType.JPEG), ("PNG", MediaType.PNG), ("WEBP", MediaType.WEBP)],
)
def test_content_decides_what_a_picture_is(kind: str, media_type: MediaType) -> None:
    read = read_picture("evil.svg", picture(kind, (2000, 1000)))
    assert read.media_type is media_type
    assert (read.width, read.height) == (2000, 1000)
    for size, copy in read.copies.items():
        with Image.open(io.BytesIO(copy)) as image:
            assert image.format == "JPEG"
            assert max(image.size) == LONGEST_SIDE[size]


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("evil.class", "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (SVG, "kind"),
        (b"GIF89a" + bytes(100), "kind"),
        (b"%PDF-1.7", "kind"),
        (picture() + b"<script>alert(1)</script>", "foreign"),
        (picture(comment=b"<HTML><body onload=alert(1)>"), "foreign"),
        (picture("PNG") + SVG, "foreign"),
        (picture() + archive(), "foreign"),
        (picture(comment=b"%PDF-1.4"), "foreign"),
        (picture(comment=b"<?php system($_GET[0]);"), "foreign"),
        (vast_png(60_000, 60_000), "pixels"),
        (vast_webp(), "pixels"),
        (b"\xff\xd8\xff", "broken"),
        (b"\xff\xd8\xff" + bytes(1000), "broken"),
        (b"\x89PNG\r\n\x1a\n", "broken"),
        (b"RIFF\x04\x00\x00\x00WEBP", "broken"),
        (vast_png(64, 64), "broken"),
    ],
)
def test_what_only_pretends_is_refused_by_name(content: bytes, code: str) -> None:
    assert refused("plan.jpg", content) == code


def test_a_file_too_large_is_refused_before_it_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pictures, "LARGEST_BYTES", 100)
    assert refused("a.jpg", picture()) == "large"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_cut_off_anywhere_is_refused(kind: str) -> None:
    noise = Image.frombytes("RGB", (90, 70), random.Random(7).randbytes(90 * 70 * 3))
    out = io.BytesIO()
    noise.save(out, kind, exif=camera())
    whole = out.getvalue()
    read_picture("whole", whole)
    for at in random.Random(1).sample(range(1, len(whole) - 2), 150):
        assert refused("cut.jpg", whole[:at]) in {"broken", "kind"}


def test_what_is_cut_off_is_refused_whatever_else_the_process_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert refused("cut.jpg", cut_jpeg()) == "broken"
    # WeasyPrint does this to the whole process, and others may.
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert refused("cut.jpg", cut_jpeg()) == "broken"
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_what_a_camera_notes_is_read() -> None:
    taken = read_picture("a.jpg", picture(exif=camera(offset="+08:00"))).taken
    assert taken.at == dt.datetime(2022, 4, 11, 1, 30, tzinfo=dt.UTC)
    assert taken.latitude == pytest.approx(37 + 24 / 60 + 30 / 3600)
    assert taken.longitude == pytest.approx(122 + 12 / 60 + 6 / 3600)
    assert (taken.accuracy_m, taken.bearing) == (4.5, 135.0)
    local = read_picture("a.webp", picture("WEBP", exif=camera())).taken
    assert local.at == dt.datetime(2022, 4, 11, 9, 30)
    south = read_picture("a.jpg", picture(exif=camera(sides=("S", "W")))).taken
    assert (south.latitude or 0) < 0
    assert (south.longitude or 0) < 0


@pytest.mark.parametrize(
    "notes",
    [
        {"place": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))},
        {"place": ((91.0, 0.0, 0.0), (122.0, 0.0, 0.0))},
        {"place": ((IFDRational(1, 0), 0.0, 0.0), (122.0, 0.0, 0.0))},
        {"place": ((37.0,), (122.0,))},
        {"place": None},
    ],
)
def test_a_place_that_is_none_is_left_out_with_its_accuracy(notes: dict[str, Any]) -> None:
    taken = read_picture("a.jpg", picture(exif=camera(**notes))).taken
    assert not taken.has_position
    assert taken.accuracy_m is None


@pytest.mark.parametrize("at", ["0000:00:00 00:00:00", "yesterday", "1904:01:01 00:00:00", None])
def test_a_time_that_is_none_is_left_out(at: str | None) -> None:
    assert read_picture("a.jpg", picture(exif=camera(at=at))).taken.at is None


def test_a_bearing_that_is_none_is_left_out() -> None:
    for bearing in (400.0, IFDRational(1, 0), None):
        assert read_picture("a.jpg", picture(exif=camera(bearing=bearing))).taken.bearing is None


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_broken_notes_do_not_spoil_a_picture() -> None:
    rng = random.Random(3)
    for _ in range(200):
        notes = bytearray(camera().tobytes())
        for _ in range(rng.randint(1, 12)):
            notes[rng.randrange(6, len(notes))] = rng.randrange(256)
        assert read_picture("a.jpg", picture(exif=bytes(notes))).width in (48, 64)


def test_copies_carry_nothing_but_pixels_and_stand_upright() -> None:
    content = picture(
        size=(1000, 500), exif=camera(orientation=6), comment=b"SECRETPHONE", dpi=(9, 9)
    )
    read = read_picture("a.jpg", content)
    assert (read.width, read.height) == (500, 1000)
    for copy in read.copies.values():
        assert b"SECRETPHONE" not in copy
        with Image.open(io.BytesIO(copy)) as image:
            assert dict(image.getexif()) == {}
            assert image.width * 2 == image.height
            # Turned clockwise, what was above is on the right.
            red, _, blue = image.convert("RGB").getpixel((image.width - 2, 5))  # type: ignore[misc]
            assert red > 200 > 50 > blue


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_of_pixels_has_copies(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (30, 20)).save(out, "PNG")
    copy = read_picture("a.png", out.getvalue()).copies[Size.SMALL]
    with Image.open(io.BytesIO(copy)) as image:
        assert image.mode == "RGB"
        shown = image.getpixel((5, 5))
    # What is transparent is paper, not black.
    assert shown == ((255, 255, 255) if mode in ("LA", "RGBA") else (0, 0, 0))


def test_a_name_is_one_line_without_folders() -> None:
    assert read_picture("C:\\secret\\a\u202e\r\n.jpg", picture()).name == "a.jpg"
    assert read_picture("../../etc/passwd", picture()).name == "passwd"
    assert len(read_picture("x" * 500, picture()).name) == 80

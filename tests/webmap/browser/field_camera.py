"""The camera screen in a browser of its own, whose camera is Chromium's test picture."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PIL import ExifTags, Image, TiffImagePlugin
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.webmap.browser.conftest import FLAGS, OWN, PHONE, Watch
from tests.webmap.browser.field_bundle import build_bundle, draft

FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
BUNDLE = build_bundle()
HERE = {"longitude": 122.1001, "latitude": 37.4501, "accuracy": 4.2}
# `kept` has what is kept, in order; blobs are read by `bytesOf`.
MOUNT = """async ([bundle, draft, language, more]) => {
  const words = await field.loadWords("/field/words/zh_Hans.json", language);
  Object.assign(window, { kept: [], removed: [], left: 0, originals: [] });
  window.bytesOf = async (blob) => [...new Uint8Array(await blob.arrayBuffer())];
  window.mounted = field.mountCamera(document.getElementById("root"), {
    bundle, draft, words, ...more,
    keep: async (photograph) => { if (more.full) throw new Error("full"); kept.push(photograph); },
    remove: async (id) => removed.push(id),
    chooseOriginals: (wanted) => originals.push(wanted),
    done: () => { window.left += 1; },
  });
}"""

OpenCamera = Callable[..., Page]


@contextmanager
def camera_browser(browser: Browser) -> Iterator[Browser]:
    """Start a browser that has a camera beside the one that has none."""
    launched = browser.browser_type.launch(executable_path=OWN, args=[*FLAGS, *FAKE_CAMERA])
    yield launched
    launched.close()


@contextmanager
def cameras(address: str, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Open camera screens in contexts of their own, closed at the end."""
    contexts: list[BrowserContext] = []

    def open_(
        browser: Browser,
        *,
        language: str = "en",
        size: ViewportSize = PHONE,  # type: ignore[assignment]
        at: dict[str, float] | None = HERE,
        **more: Any,
    ) -> Page:
        context = browser.new_context(viewport=size, has_touch=True, is_mobile=True)
        contexts.append(context)
        if at is not None:
            context.grant_permissions(["geolocation"])
            context.set_geolocation(at)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch.over(page)
        page.goto(address)
        page.wait_for_selector("html[data-ready=true]")
        page.evaluate(MOUNT, [BUNDLE, draft(BUNDLE), language, more])
        return page

    yield open_
    for context in contexts:
        context.close()


def turn_phone(page: Page, alpha: float, beta: float = 90, gamma: float = 0) -> None:
    """Let the phone's compass say how it is held; upright, it looks ``360 - alpha``."""
    page.evaluate(
        """(angles) => window.dispatchEvent(new DeviceOrientationEvent(
          "deviceorientationabsolute", { absolute: true, ...angles }))""",
        {"alpha": alpha, "beta": beta, "gamma": gamma},
    )


def jpeg(size: tuple[int, int] = (640, 480), *, exif: bool = False, tint: int = 90) -> bytes:
    """Return a photograph; with ``exif`` it was turned by a quarter and says where it was taken."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste((tint, 120, 60), (0, 0, size[0] // 2, size[1] // 2))
    said = Image.Exif()
    if exif:
        third = TiffImagePlugin.IFDRational
        said[ExifTags.Base.Orientation] = 6
        said[ExifTags.Base.DateTimeOriginal] = "2026:03:01 09:00:00"
        said[ExifTags.IFD.GPSInfo] = {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (third(37), third(27), third(1)),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (third(122), third(6), third(1)),
        }
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, exif=said)
    return out.getvalue()

"""What tests do on a map page, in words."""

import datetime as dt
from typing import Any

from playwright.sync_api import Page

EPOCH = dt.date(1970, 1, 1)


def number_of(day: str) -> int:
    """Return a day as the map counts it."""
    return (dt.date.fromisoformat(day) - EPOCH).days


def ask(page: Page, path: str) -> Any:
    """Return what the page's own server answers."""
    return page.evaluate("path => fetch(path).then(answer => answer.json())", path)


def counts(page: Page) -> dict[str, int]:
    """Return the legend: every status with its number of parcels, those without left out."""
    shown = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('#cg-statuses label')]"
        ".map(row => [row.dataset.status, Number(row.querySelector('output').textContent)]))"
    )
    return {status: number for status, number in shown.items() if number}


def figure(page: Page, name: str) -> str:
    """Return a figure of the panel as it is written."""
    return page.locator(f"#cg-figures-body [data-figure={name}]").inner_text()


def find_text(page: Page, text: str) -> None:
    """Type a text into the search, and wait until the map and its counts follow it."""
    page.fill("#cg-query", text)
    page.wait_for_function(
        "text => CommonGreen.state.filter().text === text"
        " && document.getElementById('cg-counted').textContent.includes(text)",
        arg=text,
    )
    loaded(page)


def choose_building(page: Page, ref: str) -> None:
    """Filter by a building, and wait for the counts and the figures of it."""
    page.locator("#cg-building").select_option(ref)
    loaded(page)


def set_day(page: Page, day: str) -> None:
    """Move the slider, and wait for the counts and the figures of that day."""
    page.evaluate(
        "day => { const slider = document.getElementById('cg-day'); slider.value = day;"
        " slider.dispatchEvent(new Event('input')); }",
        number_of(day),
    )
    loaded(page)


def loaded(page: Page) -> None:
    """Wait until counts and figures are of the day that the slider shows."""
    page.wait_for_selector("html:not([data-loading])")


def look_of(page: Page, ref: str) -> dict[str, Any]:
    """Return how a parcel is drawn; a hatching is not a colour but a pattern."""
    found: dict[str, Any] = page.evaluate(
        """ref => {
            let look = null;
            CommonGreen.layers.each("parcels", feature => {
                if (feature.properties.ref === ref) look = feature.options;
            });
            const { color, fillColor } = look;
            return { color, fillColor: typeof fillColor === "string" ? fillColor : "pattern" };
        }""",
        ref,
    )
    return found


def point_of(page: Page, ref: str) -> dict[str, float]:
    """Return where the middle of a parcel lies in the window."""
    point: dict[str, float] = page.evaluate(
        """ref => {
            const bounds = L.latLngBounds([]);
            CommonGreen.layers.each("parcels", (feature, tile) => {
                if (feature.properties.ref !== ref) return;
                bounds.extend(CommonGreen.tileLatLng(CommonGreen.map, tile, feature._pxBounds.min));
                bounds.extend(CommonGreen.tileLatLng(CommonGreen.map, tile, feature._pxBounds.max));
            });
            const at = CommonGreen.map.latLngToContainerPoint(bounds.getCenter());
            const box = CommonGreen.map.getContainer().getBoundingClientRect();
            return { x: box.x + at.x, y: box.y + at.y };
        }""",
        ref,
    )
    return point


def open_parcel(page: Page, ref: str) -> str:
    """Click a parcel and return what the panel says of it."""
    at = point_of(page, ref)
    page.mouse.click(at["x"], at["y"])
    page.wait_for_selector(f"#cg-detail-title:has-text({ref!r})")
    page.wait_for_selector("#cg-detail-body .cg-facts")
    return page.locator("#cg-detail-body").inner_text()

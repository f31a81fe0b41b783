"""Pages that are one file: scripts, styles and data inside, no server and no network."""

import base64
import hashlib
import json
import mimetypes
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES = Path(__file__).parent / "templates"


def template(name: str) -> Template:
    """Return a template that escapes every value and refuses a missing one."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(name)


def write_page(path: Path, page: str) -> None:
    """Write a page whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def block(value: Any) -> str:
    """Return JSON that can stand in a script element, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def script(path: Path) -> str:
    """Return a script that can stand inside an element: it never ends the element itself."""
    text = re.sub(r"^//# sourceMappingURL=.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
    return text.replace("</script", r"<\/script").replace("<!--", r"\x3c!--")


def style(path: Path) -> str:
    """Return a style sheet with the images that it names by path inside."""

    def inline(match: re.Match[str]) -> str:
        name = match[1].strip("\"'")
        if name.startswith(("data:", "#")):
            return match[0]
        return f'url("{_data_address(path.parent / name)}")'

    text = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", path.read_text(encoding="utf-8"))
    return re.sub(r"url\(((?:'[^']*'|\"[^\"]*\"|[^)'\"]+))\)", inline, text)


def policy(scripts: Sequence[str]) -> str:
    """Return the policy: these scripts by their hashes, and no connection to anywhere."""
    hashes = [hashlib.sha256(text.encode("utf-8")).digest() for text in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(one).decode('ascii')}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


def _data_address(path: Path) -> str:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"

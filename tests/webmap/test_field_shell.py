"""The phone's shell: one version of all its files, and nothing of anybody in it."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from cases.access import Role
from cases.workflow import State
from layers.config import PROJECT_ROOT
from layers.models import StructureType
from tests.webmap.conftest import Story, Web
from webmap import field_shell
from webmap.field_words import FIELD

MODULES = sorted((PROJECT_ROOT / "webmap" / "static" / "field").glob("*.js"))


def test_every_file_of_the_worker_is_served(web: Web) -> None:
    client = web.client()
    worker = client.get("/field/sw.js")
    assert worker.mimetype == "text/javascript"
    (listed,) = re.findall(r"^const FILES = (.*);$", worker.text, re.MULTILINE)
    hashes = json.loads(listed)
    assert "/field/" in hashes
    for address, expected in hashes.items():
        with client.get(address) as answer:
            assert answer.status_code == 200, address
            assert hashlib.sha256(answer.data).hexdigest() == expected, address


def test_what_a_module_imports_is_kept_with_it(web: Web) -> None:
    worker = web.client().get("/field/sw.js").text
    for module in MODULES:
        for name in re.findall(r'from "(\.[^"]+)"', module.read_text(encoding="utf-8")):
            imported = (module.parent / name).resolve()
            address = f"/static/{imported.relative_to(field_shell.STATIC).as_posix()}"
            assert f'"{address}"' in worker, (module.name, name)


def test_what_several_modules_need_is_written_once() -> None:
    """Two functions of one name soon give two answers: two radii of the earth did."""
    found = [
        name
        for module in MODULES
        for name in re.findall(
            r"^export (?:async )?function (\w+)", module.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert [name for name in set(found) if found.count(name) > 1] == []


def test_the_version_changes_with_any_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = field_shell.field_shell()
    assert field_shell.field_shell() == before
    changed = tmp_path / "worker.js"
    changed.write_text("// another\n", encoding="utf-8")
    monkeypatch.setattr(field_shell, "WORKER", changed)
    assert field_shell.field_shell().version != before.version


def test_the_shell_is_the_same_for_everybody(web: Web) -> None:
    def told(text: str) -> str:
        return re.sub(r'nonce="[^"]*"', "", text)

    stranger = web.client().get("/field/")
    known = web.login(Role.INSPECTOR).get("/field/")
    assert told(stranger.text) == told(known.text)
    assert stranger.headers["X-Field-Version"] == field_shell.field_shell().version


def test_the_session_says_who_captures_where(web: Web, story: Story) -> None:
    nobody = web.client().get("/field/session")
    assert nobody.headers["Cache-Control"] == "no-store"
    assert nobody.json is not None
    assert (nobody.json["account"], nobody.json["places"]) == (None, [])
    place = story.here
    known = web.login(Role.INSPECTOR, place).get("/field/session").json
    assert known is not None
    assert [one["code"] for one in known["places"]] == [place]
    planner = web.login(Role.PLANNER, place).get("/field/session").json
    assert planner is not None
    assert planner["account"]
    assert planner["places"] == []


def test_every_word_that_a_module_says_is_there() -> None:
    words = FIELD.source()
    said = {
        key
        for module in MODULES
        for key in re.findall(r'\bwords?\("([\w.]+)"', module.read_text(encoding="utf-8"))
    }
    assert said - words.keys() == set()


def test_every_word_that_is_made_of_a_code_is_there() -> None:
    words = FIELD.source()
    known = json.loads((PROJECT_ROOT / "tests" / "shared" / "field_cases.json").read_text())
    codes = {fault["code"] for case in known["cases"] for fault in case["expected"]["faults"]}
    codes |= {"projection_off", "too_many_corners"}
    made = {f"mark.fault.{code}" for code in codes}
    made |= {f"mark.state.{state}" for state in State}
    made |= {f"mark.structure.{kind}" for kind in StructureType if kind is not StructureType.NONE}
    made |= {f"mark.take.{kind}" for kind in ("green", "again", "unknown_title")}
    made |= {f"mark.where.{problem}" for problem in ("denied", "unavailable", "shifted")}
    assert made - words.keys() == set()

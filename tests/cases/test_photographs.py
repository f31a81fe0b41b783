"""Photographs of a case: kept once, named in the history, and their files held to their hash."""

import datetime as dt
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import GRANTS, Permission, Role
from cases.checks import check_community, check_photographs
from cases.models import Case, CaseEvent, Photograph, PhotographSubject
from cases.photograph_files import PhotographFiles
from cases.photographs import Shots, add_photographs, photographs, sweep
from cases.pictures import Taken, read_picture
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import Community
from tests import builders as make
from tests.pictures import camera, picture

BY = Signature("ana@example.org", permissions=GRANTS[Role.INSPECTOR])


@dataclass
class Scene:
    session: Session
    community: Community
    case: Case
    files: PhotographFiles

    def add(self, *contents: bytes, by: Signature = BY, **shots: Any) -> list[Photograph]:
        given = {
            "subject": PhotographSubject.BEFORE,
            "pictures": [read_picture(f"{n}.jpg", one) for n, one in enumerate(contents)],
            **shots,
        }
        return add_photographs(
            self.session, self.community, self.case.id, Shots(**given), self.files, by
        )

    def all_files(self) -> list[Path]:
        return sorted(path for path in self.files.folder.rglob("*") if path.is_file())

    def faults(self) -> list[str]:
        return [one.message for one in check_photographs(self.session, self.community, self.files)]


@pytest.fixture
def scene(session: Session, tmp_path: Path) -> Scene:
    place = make.community(session, boundary=make.square(0, 0, 9))
    case = make.case(session, make.household(session, place), make.campaign(session, place))
    make.event(session, case, make.EARLY, State.SUSPECTED)
    return Scene(session, place, case, PhotographFiles(tmp_path / "photographs"))


def test_a_photograph_lies_under_its_hash_and_is_named_in_the_history(scene: Scene) -> None:
    content = picture(exif=camera())
    (row,) = scene.add(content, note="the fence")
    sha256 = hashlib.sha256(content).hexdigest()
    path = scene.files.folder / sha256[:2] / sha256[2:]
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o600
    assert (row.sha256.hex(), row.media_type, row.size) == (sha256, "image/jpeg", len(content))
    assert len(scene.all_files()) == 3
    event = scene.session.scalars(select(CaseEvent).order_by(CaseEvent.seq.desc())).first()
    assert event is not None
    assert (event.event, event.actor) == ("case:photograph:added", "ana@example.org")
    assert event.data["photographs"] == [{"id": str(row.id), "sha256": sha256}]
    assert check_community(scene.session, scene.community) == []
    assert scene.faults() == []


def test_it_changes_nothing_that_another_editor_could_overwrite(scene: Scene) -> None:
    version = scene.case.version
    scene.add(picture())
    assert scene.case.version == version


def test_the_same_picture_again_changes_nothing(scene: Scene) -> None:
    assert len(scene.add(picture(), picture())) == 1
    assert scene.add(picture()) == []
    events = scene.session.scalars(
        select(CaseEvent.event).where(CaseEvent.case_id == scene.case.id)
    )
    assert list(events).count("case:photograph:added") == 1
    assert len(scene.add(picture(), subject=PhotographSubject.AFTER)) == 1


def test_what_is_typed_stands_in_for_what_a_picture_does_not_say(scene: Scene) -> None:
    typed = Taken(dt.datetime(2022, 5, 1, tzinfo=dt.UTC), 122.2, 37.4, 9.0, 10.0)
    said, silent = picture(exif=camera()), picture("PNG")
    scene.add(said, silent, typed=typed)
    first, second = photographs(scene.session, scene.community, scene.case)
    assert first.row.taken_at == dt.datetime(2022, 4, 11, 1, 30, tzinfo=dt.UTC)
    assert (first.row.accuracy_m, first.row.bearing) == (4.5, 135.0)
    assert second.row.taken_at == typed.at
    assert (second.row.accuracy_m, second.row.bearing) == (9.0, 10.0)
    assert second.longitude == pytest.approx(122.2)


def test_a_camera_whose_clock_runs_ahead_says_no_time(scene: Scene) -> None:
    (row,) = scene.add(picture(exif=camera(at="2999:01:01 00:00:00")))
    assert row.taken_at is None


def test_a_photograph_taken_elsewhere_is_marked(scene: Scene) -> None:
    here = ((make.SOUTH + 1e-4, 0.0, 0.0), (make.WEST + 1e-4, 0.0, 0.0))
    scene.add(picture(exif=camera(place=here)))
    scene.add(picture(exif=camera(place=((37.0, 0.0, 0.0), (122.0, 0.0, 0.0)))))
    shown = photographs(scene.session, scene.community, scene.case)
    # Both were taken at one time, so that either may stand first.
    assert sorted((one.latitude == 37.0, one.is_outside) for one in shown) == [
        (False, False),
        (True, True),
    ]


def test_everything_wrong_is_said_at_once_and_nothing_is_kept(scene: Scene) -> None:
    with pytest.raises(InputError) as caught:
        scene.add(
            by=Signature("x@example.org", permissions=GRANTS[Role.PLANNER]),
            subject=PhotographSubject.POSTING,
            note="x" * 2_001,
            typed=Taken(dt.datetime(2999, 1, 1, tzinfo=dt.UTC), 122.0, None),
        )
    assert {one.code for one in caught.value.problems} == {
        "not_permitted",
        "photograph_missing",
        "choice",
        "too_long",
        "half_position",
        "photograph_time",
    }
    assert scene.all_files() == []


def test_only_inspectors_and_those_above_have_the_original() -> None:
    allowed = {role for role, may in GRANTS.items() if Permission.PHOTOGRAPH_ORIGINAL in may}
    assert allowed == {Role.INSPECTOR, Role.SECRETARY}


def test_a_file_that_was_changed_or_lost_is_named(scene: Scene) -> None:
    rows = scene.add(picture(), picture("PNG"), picture("WEBP"))
    changed, lost, bare = (scene.files.original(row.sha256) for row in rows)
    changed.write_bytes(b"another")
    lost.unlink()
    bare.with_name(f"{bare.name}.small.jpg").unlink()
    faults = " ".join(scene.faults())
    for row, fault in zip(rows, ("was changed", "is missing", "copy for pages"), strict=True):
        assert row.sha256.hex()[:16] in faults
        assert fault in faults


def test_files_of_no_photograph_are_swept_and_no_others(scene: Scene) -> None:
    scene.add(picture())
    kept = scene.all_files()
    scene.files.keep(read_picture("orphan.png", picture("PNG")))
    cut = kept[0].with_name(f"{kept[0].name}.0123456789abcdef.partial")
    cut.write_bytes(b"half")
    foreign = scene.files.folder / "README"
    foreign.write_text("not ours to remove")
    assert len(sweep(scene.session, scene.files)) == 4
    assert scene.all_files() == sorted([*kept, foreign])
    assert sweep(scene.session, scene.files) == []


def test_a_write_that_fails_leaves_no_half_file(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        scene.add(picture())
    assert scene.all_files() == []
    assert photographs(scene.session, scene.community, scene.case) == []


def test_a_file_is_on_the_disk_before_its_row_is_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        kind = "folder" if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir() else "file"
        done.append(f"fsync {kind}")
        sync(descriptor)

    def replace(path: Path, target: Path) -> Path:
        done.append("rename")
        assert scene.session.scalars(select(Photograph)).all() == []
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    scene.add(picture())
    made = [step for step in done if step != "fsync folder"]
    assert made == ["fsync file", "rename"] * 3
    assert done[-1] == "fsync folder"

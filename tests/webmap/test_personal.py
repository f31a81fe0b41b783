"""What residents are called, and how they are rung, is on no screen and in no file of a planner."""

import gzip
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from cases.access import GRANTS, Permission, Role
from cases.account_history import OPERATOR
from cases.export_layers import register_layers
from cases.memberships import GrantForm, grant
from cases.people import open_account
from layers.db import EVERYWHERE, Scope
from layers.files.exporting import LAYERS, export
from layers.files.writing import FORMATS
from layers.models import Base, Community, Resident
from tests import builders as make
from tests.webmap.conftest import Web
from tests.webmap.routes import ROUTES
from tests.webmap.test_routes import ENDING, address, rules, samples

NAME, PHONE, MAIL = "欧阳紫藤花", "000-7319-4628", "ouyang-ziteng@example.org"


@dataclass(frozen=True)
class Planted:
    """A community whose household has people, and what addresses can name in it."""

    code: str
    id: int
    values: dict[str, object]


@pytest.fixture(scope="module")
def planted(web: Web) -> Planted:
    values = samples(web)
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = session.scalars(select(Community).where(Community.code == values["place"])).one()
        home = make.household(session, place, ref="12-1-101")
        parcel = make.parcel(session, place)
        make.link(session, parcel, home)
        case = make.case(session, home, make.campaign(session, place))
        seen = make.observation(session, place, occupier_id=home.id)
        make.encroachment(session, seen, parcel, case)
        key = {"community_id": place.id, "household_id": home.id}
        session.add(Resident(**key, name=NAME, phone=PHONE, role="owner"))
        account = open_account(session, MAIL, name=NAME, actor=OPERATOR)
        grant(session, account, GrantForm(Role.RESIDENT, place.code, home.ref), OPERATOR)
        return Planted(place.code, place.id, {**values, "parcel_id": parcel.id, "case_id": case.id})


def holds_nobody(content: bytes, where: str) -> None:
    """Fail where a planted text is in what was sent or written, packed or not."""
    for part in unpacked(content):
        for text in (NAME, PHONE, MAIL):
            escaped = text.encode("ascii", "backslashreplace")
            for form in (text.encode(), text.encode("utf-16-le"), text.encode("gb18030"), escaped):
                assert form not in part, f"{text} is in {where}"


def unpacked(content: bytes) -> list[bytes]:
    found = [content]
    if content[:2] == b"\x1f\x8b":
        found.append(gzip.decompress(content))
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found += [part for name in archive.namelist() for part in unpacked(archive.read(name))]
    return found


def test_the_planted_texts_would_be_found() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.dbf", NAME.encode("gb18030"))
    for content in (NAME.encode(), archive.getvalue(), gzip.compress(PHONE.encode())):
        with pytest.raises(AssertionError, match="is in"):
            holds_nobody(content, "here")


def test_a_planner_reads_nobody_on_any_page_tile_or_answer(web: Web, planted: Planted) -> None:
    client = web.login(Role.PLANNER, planted.code)
    seen = 0
    for rule, method in rules(web):
        gate = ROUTES[rule.endpoint]
        hidden = isinstance(gate, Permission) and gate not in GRANTS[Role.PLANNER]
        if method != "GET" or hidden or rule.endpoint in ENDING:
            continue
        # A page repeats what was searched for; an answer for programs does not.
        searches = (NAME, PHONE, MAIL) if rule.rule.startswith(("/api/", "/tiles/")) else ()
        for query in ("", *(f"?q={text}" for text in searches)):
            answer = client.get(address(web, rule, planted.values) + query)
            holds_nobody(answer.get_data(), f"{rule} {query}")
            answer.close()
            seen += answer.status_code == 200
    assert seen > 20


@pytest.mark.parametrize("ending", [form.ending for form in FORMATS])
def test_a_planner_exports_nobody(web: Web, planted: Planted, tmp_path: Path, ending: str) -> None:
    register_layers()
    written = 0
    with web.database.session(Scope(frozenset({planted.id}))) as session:
        place = session.get_one(Community, planted.id)
        for name, layer in sorted(LAYERS.items()):
            if layer.geometry_type is not None or ending == ".csv":  # A table is a CSV only.
                export(session, place, name, tmp_path / f"{name}{ending}")
                written += 1
    assert written
    for path in tmp_path.iterdir():
        holds_nobody(path.read_bytes(), path.name)


def test_people_are_in_a_schema_of_their_own() -> None:
    personal = {one.name for one in Base.metadata.tables.values() if one.schema == "personal"}
    assert personal >= {"resident", "resident_account"}
    for table in Base.metadata.tables.values():
        if table.schema != "personal":
            assert "phone" not in table.columns, table.name

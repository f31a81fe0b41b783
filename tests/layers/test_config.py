"""Settings: read once, typed, refused whole, and documented."""

import ast
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gis.problems import InputError
from layers.config import PROJECT_ROOT, VARIABLES, BaseMap, MailServer, Settings

PACKAGES = ("gis", "layers", "cases", "webmap", "migrations")


class Recorder(Mapping[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_by_name = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)


def refused(**environ: str) -> dict[str | None, str]:
    """Return the messages of what is refused, by variable."""
    with pytest.raises(InputError) as caught:
        Settings.from_environment(environ)
    return {problem.field: str(problem) for problem in caught.value.problems}


def test_an_empty_environment_means_the_private_cluster_in_the_project() -> None:
    settings = Settings.from_environment({})
    assert settings.database_url is None
    assert settings.app_database_url is None
    assert settings.var == PROJECT_ROOT / "var"
    assert settings.secret_key_file == PROJECT_ROOT / "var" / "secret_key"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.base_maps == ()
    assert settings.debug is False


def test_an_empty_value_counts_as_absent() -> None:
    nothing = {variable.name: " " for variable in VARIABLES}
    assert Settings.from_environment(nothing) == Settings.from_environment({})


def test_every_variable_is_read_and_takes_effect(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "DATABASE_URL": "postgresql://owner:secret@db.example:5433/green?sslmode=require",
            "COMMONGREEN_APP_DATABASE_URL": "postgres://app@db.example/green",
            "COMMONGREEN_DATABASE": "green_2",
            "COMMONGREEN_VAR": str(tmp_path),
            "COMMONGREEN_HOST": "0.0.0.0",
            "COMMONGREEN_PORT": "8080",
            "COMMONGREEN_SECRET_KEY_FILE": str(tmp_path / "key"),
            "COMMONGREEN_BASE_MAPS": "tianditu, openstreetmap",
            "COMMONGREEN_TIANDITU_KEY": "a1&b{x}",
            "COMMONGREEN_PUBLIC_URL": "https://green.example:8443/",
            "COMMONGREEN_SMTP_URL": "smtp://li%40a:p%2Fw@mail.example:25?from=green@example.org",
            "COMMONGREEN_SECOND_FACTOR_ROLES": "planner, admin",
            "COMMONGREEN_DEBUG": "1",
        }
    )
    url = "postgresql+psycopg://owner:secret@db.example:5433/green?sslmode=require"
    assert settings.database_url == url
    assert settings.app_database_url == "postgresql+psycopg://app@db.example/green"
    assert settings.database == "green_2"
    assert settings.var == tmp_path
    assert (settings.host, settings.port, settings.debug) == ("0.0.0.0", 8080, True)
    assert settings.secret_key_file == tmp_path / "key"
    assert [item.name for item in settings.base_maps] == ["天地图", "OpenStreetMap"]
    assert settings.public_url == "https://green.example:8443"
    assert settings.mail_server == MailServer(
        "mail.example", 25, "green@example.org", tls=False, user="li@a", password="p/w"
    )
    assert "p/w" not in repr(settings)
    assert settings.second_factor_roles == ("planner", "admin")
    assert settings.base_maps[0].url.endswith("&tk=a1%26b%7Bx%7D")


def test_a_relative_var_folder_becomes_absolute() -> None:
    settings = Settings.from_environment({"COMMONGREEN_VAR": "elsewhere"})
    assert settings.var == Path.cwd() / "elsewhere"


def test_all_bad_values_are_named_at_once() -> None:
    problems = refused(
        DATABASE_URL="mysql://user:secret@host/db",
        COMMONGREEN_APP_DATABASE_URL="secret",
        COMMONGREEN_DATABASE="Green; DROP",
        COMMONGREEN_PORT="65536",
        COMMONGREEN_BASE_MAPS="tianditu,/no/such/file.json",
        COMMONGREEN_DEBUG="maybe",
    )
    assert set(problems) == {
        "DATABASE_URL",
        "COMMONGREEN_APP_DATABASE_URL",
        "COMMONGREEN_DATABASE",
        "COMMONGREEN_PORT",
        "COMMONGREEN_BASE_MAPS",
        "COMMONGREEN_TIANDITU_KEY",
        "COMMONGREEN_DEBUG",
    }
    assert not any("secret" in message for message in problems.values())


@pytest.mark.parametrize("port", ["0", "-1", "8000.5", "65536", "http"])
def test_a_port_is_a_number_between_1_and_65535(port: str) -> None:
    assert "not a port" in refused(COMMONGREEN_PORT=port)["COMMONGREEN_PORT"]


def test_own_base_maps_come_from_a_file(tmp_path: Path) -> None:
    given = {
        "name": "城市",
        "url": "/tiles/{z}/{x}/{y}.png",
        "attribution": "测绘院",
        "datum": "gcj02",
        "offline": True,
    }
    path = tmp_path / "maps.json"
    path.write_text(json.dumps([given]), encoding="utf-8")
    settings = Settings.from_environment({"COMMONGREEN_BASE_MAPS": str(path)})
    expected = BaseMap("城市", "/tiles/{z}/{x}/{y}.png", "测绘院", "gcj02", 18, offline=True)
    assert settings.base_maps == (expected,)


def test_tiles_of_others_are_not_kept_on_phones_unless_the_operator_says_so() -> None:
    environ = {"COMMONGREEN_BASE_MAPS": "openstreetmap,tianditu", "COMMONGREEN_TIANDITU_KEY": "k"}
    settings = Settings.from_environment(environ)
    assert [one.offline for one in settings.base_maps] == [False, False]


@pytest.mark.parametrize(
    ("item", "fault"),
    [
        ("text", "not an object"),
        ({"name": "a", "attribution": "b"}, "url is missing"),
        ({"name": "a", "url": "https://h/{z}/{x}.png", "attribution": "b"}, "lacks {z}, {x}"),
        ({"name": "a", "url": "javascript:{z}{x}{y}", "attribution": "b"}, "neither http"),
        ({"name": "a", "url": "/{z}{x}{y}", "attribution": "b", "datum": "bd09"}, "'bd09'"),
        ({"name": "a", "url": "/{z}{x}{y}", "attribution": "b", "max_zoom": True}, "max_zoom"),
        ({"name": "a", "url": "/{z}{x}{y}", "attribution": "b", "offline": "yes"}, "'yes'"),
        ({"name": "a", "url": "/{z}{x}{y}", "attribution": "b", "colour": "red"}, "'colour'"),
    ],
)
def test_a_bad_base_map_is_refused_with_its_fault(tmp_path: Path, item: object, fault: str) -> None:
    path = tmp_path / "maps.json"
    path.write_text(json.dumps([item]), encoding="utf-8")
    assert fault in refused(COMMONGREEN_BASE_MAPS=str(path))["COMMONGREEN_BASE_MAPS"]


def test_settings_are_frozen() -> None:
    settings = Settings.from_environment({})
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 80  # type: ignore[misc]


def test_every_variable_that_is_read_is_declared_and_documented() -> None:
    environ = Recorder({"COMMONGREEN_BASE_MAPS": "openstreetmap"})
    Settings.from_environment(environ)
    assert environ.asked == {variable.name for variable in VARIABLES}
    documented = (PROJECT_ROOT / "docs" / "settings.md").read_text(encoding="utf-8").splitlines()
    rows = [f"| `{item.name}` | {item.default} | {item.meaning} |" for item in VARIABLES]
    assert rows == [line for line in documented if line.startswith("| `")]


def test_no_other_module_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(PROJECT_ROOT))
        for package in PACKAGES
        for path in sorted((PROJECT_ROOT / package).rglob("*.py"))
        if reads_the_environment(path)
    ]
    assert readers == ["layers/config.py"]


def reads_the_environment(path: Path) -> bool:
    """Tell whether a module names os.environ, os.getenv or their bytes forms."""
    names = {"environ", "environb", "getenv", "getenvb"}
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os")
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in names for alias in node.names)
        )
        for node in nodes
    )


@pytest.mark.parametrize(
    "address", ["green.example", "ftp://green.example", "https://a/b", "https://a b", "https://a@b"]
)
def test_an_address_for_links_is_a_server_s(address: str) -> None:
    assert list(refused(COMMONGREEN_PUBLIC_URL=address)) == ["COMMONGREEN_PUBLIC_URL"]


@pytest.mark.parametrize(
    "address",
    [
        "mail.example",
        "http://mail?from=a@b",
        "smtp://mail",
        "smtps://mail:x?from=a@b",
        "smtp://?from=a@b",
    ],
)
def test_a_mail_server_that_cannot_be_read_is_refused_without_its_password(address: str) -> None:
    address = address.replace("//mail", "//me:secret@mail")
    found = refused(COMMONGREEN_SMTP_URL=address, COMMONGREEN_PUBLIC_URL="https://a")
    assert list(found) == ["COMMONGREEN_SMTP_URL"]
    assert "secret" not in found["COMMONGREEN_SMTP_URL"]


def test_messages_need_an_address_for_their_links() -> None:
    found = refused(COMMONGREEN_SMTP_URL="smtps://mail.example?from=green@example.org")
    assert list(found) == ["COMMONGREEN_PUBLIC_URL"]


def test_second_factors_are_demanded_unless_none_is_said() -> None:
    assert Settings.from_environment({}).second_factor_roles == ("secretary", "official", "admin")
    none = Settings.from_environment({"COMMONGREEN_SECOND_FACTOR_ROLES": "none"})
    assert none.second_factor_roles == ()

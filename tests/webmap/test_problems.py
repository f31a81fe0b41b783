"""Every problem has its sentence in Chinese, with the facts that its English one has."""

import datetime as dt
import re

import numpy as np
import pytest
import shapely
from babel.messages.pofile import read_po
from flask import Flask

from cases.flag_write import NOTES
from cases.workflow import State
from gis.problems import InputError, Problem, Said, Several
from gis.validity import POLYGONS, WEB_LIMITS, check
from layers.config import PROJECT_ROOT, Settings
from tests.problems import FACT, Sentence, Unsaid, sentences
from tests.webmap.conftest import web_settings
from webmap.app import create_app
from webmap.problem_words import event_note, problem_text

API = PROJECT_ROOT / "webmap" / "api"
CATALOGUE = PROJECT_ROOT / "webmap" / "translations" / "zh_Hans" / "LC_MESSAGES" / "problems.po"


def translations() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        read = read_po(file, locale="zh_Hans", abort_invalid=True)
    return {str(one.id): str(one.string) for one in read if one.id}


ALL = list(sentences())


def test_the_source_is_read_whole() -> None:
    templates = {one.template for one in ALL}
    assert len(templates) > 300
    for known in (
        "The authority is missing.",
        "Nobody took part.",
        "{name} is empty.",
        "{at} is still to come.",
        "{value!r} is no choice.",
        "The geometry has {count:,} vertices, more than the {vertices:,} allowed.",
    ):
        assert known in templates


@pytest.mark.parametrize("sentence", ALL, ids=lambda one: one.where)
def test_a_template_holds_the_facts_that_it_is_given(sentence: Sentence) -> None:
    assert set(FACT.findall(sentence.template)) == sentence.facts


def test_every_template_has_its_chinese_with_the_same_facts() -> None:
    known = translations()
    assert {one.template for one in ALL} - known.keys() == set()
    for template, chinese in known.items():
        assert chinese, template
        assert set(FACT.findall(chinese)) == set(FACT.findall(template)), template


def test_what_values_are_called_and_flagging_notes_has_its_chinese(app: Flask) -> None:
    known = translations()
    source = "".join(one.read_text(encoding="utf-8") for one in API.rglob("*.py"))
    nouns = set(re.findall(r'noun="([^"]+)"', source))
    assert len(nouns) > 20
    assert (nouns | NOTES) - known.keys() == set()
    with app.test_request_context("/?lang=zh_Hans"):
        assert event_note("A new observation overlaps common green.") == "新图斑压占公共绿地。"
        assert event_note("What a person wrote.") == "What a person wrote."


def test_a_problem_whose_words_nobody_can_find_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import problems

    source = 'def f(who):\n    return Problem("code", f"{who} is late.", "Come earlier.")\n'
    with pytest.raises(Unsaid):
        list(problems.read(source, "example.py"))
    said = 'def f(who):\n    return Problem("code", Said("{who} is late.", whom=who), "Come.")\n'
    (first, _second) = problems.read(said, "example.py")
    assert set(FACT.findall(first.template)) != first.facts


@pytest.fixture(scope="module")
def app(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(web_settings(settings, tmp_path_factory.mktemp("problems")))


def text_of(app: Flask, problem: Problem, language: str) -> str:
    with app.test_request_context(f"/?lang={language}"):
        return problem_text(problem)


def test_facts_stand_in_the_words_of_the_page(app: Flask) -> None:
    day = dt.date(2022, 5, 10)
    ways = Several([State.VISITED, State.REFERRED])
    problem = Problem(
        "move_not_allowed",
        Said("The household has time until {deadline}.", deadline=day),
        Said("From {state} it goes to: {open_ways}.", state=State.DECLINED, open_ways=ways),
    )
    assert problem.parameters == {"deadline": day, "state": State.DECLINED, "open_ways": ways}
    english = (
        "The household has time until 2022-05-10. From declined it goes to: visited, referred."
    )
    assert text_of(app, problem, "en") == english
    chinese = text_of(app, problem, "zh_Hans")
    assert chinese.startswith("住户的期限到 2022年5月10日。从")
    assert "declined" not in chinese
    assert "referred" not in chinese


def test_what_somebody_wrote_is_never_a_template(app: Flask) -> None:
    name = "{0.__class__} {kind} {{7*7}} %(x)s"
    problem = Problem("ref_taken", Said("{ref} is there already.", ref=name), "Choose another.")
    assert text_of(app, problem, "zh_Hans") == f"{name} 已存在。请另选一个。"
    inner = Problem("x", Said("A case: {message}", message=problem.message), problem.remedy)
    assert text_of(app, inner, "zh_Hans") == f"有一案件：{name} 已存在。请另选一个。"


def test_what_is_wrong_with_an_outline_is_said_in_the_language_of_the_page(app: Flask) -> None:
    bowtie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    (problem,) = check(np.array([bowtie], dtype=object), [1], WEB_LIMITS, POLYGONS)
    assert str(problem.message) == "In this geometry the outline crosses itself at x 1, y 1."
    assert text_of(app, problem, "zh_Hans").startswith("图形有误：轮廓自相交（位于 x 1，y 1）。")


def test_programs_get_code_and_parameters() -> None:
    problem = Problem(
        "residual_too_large",
        Said("{left:.2f} m2 are still occupied; {allowed:.2f} m2 would be tolerated.",
             left=3.456, allowed=0.0),
        "Send the case back for clearing with the reason.",
        field="residual",
    )  # fmt: skip
    assert problem.as_json() == {
        "code": "residual_too_large",
        "message": "3.46 m2 are still occupied; 0.00 m2 would be tolerated.",
        "remedy": "Send the case back for clearing with the reason.",
        "row": None,
        "field": "residual",
        "parameters": {"left": 3.456, "allowed": 0.0},
    }
    assert "3.46 m2" in str(InputError([problem]))

"""What the source says of problems, read from its syntax."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from layers.config import PROJECT_ROOT

# Which arguments say what is wrong and what to do, of Problem and of what makes or changes one.
CALLS = {
    "Problem": (1, 2),
    "refused": (1, 2),
    "_refused": (1, 2),
    "wrong_time": (0,),
    "_refuse": (2, 3),
    "wrong": (2, 3),
    "replace": (),
}
# Those functions hand on what they are given.
HANDED_ON = {"message", "remedy", "detail", "text"}
# Files that people import on the command line, which is English: no page shows what is wrong
# with one.
IMPORTS = (
    "layers/door/",
    "layers/files/",
    "layers/imports/",
    "layers/config.py",
    "webmap/commands/",
    "webmap/import_map.py",
)
# Arrays that programs hand over.
ARRAYS = ("gis/encroachment.py",)
FACT = re.compile(r"(?<!\{)\{(\w+)")


@dataclass(frozen=True)
class Sentence:
    """A template as it stands in the source, with the names of the facts given to it."""

    where: str
    template: str
    facts: frozenset[str]


class Unsaid(Exception):
    """A problem whose words are neither a literal nor ``Said`` of one."""


def sentences() -> Iterator[Sentence]:
    """Yield every template of a problem; raises ``Unsaid`` where one cannot be told."""
    for package in ("gis", "layers", "cases", "webmap"):
        for path in sorted((PROJECT_ROOT / package).rglob("*.py")):
            name = str(path.relative_to(PROJECT_ROOT))
            if not name.startswith((*IMPORTS, *ARRAYS)):
                yield from read(path.read_text(), name)


def read(source: str, name: str) -> Iterator[Sentence]:
    """Yield the templates in the text of one file."""
    tree = ast.parse(source)
    constants = _assigned(tree.body)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            known = constants | _assigned(ast.walk(function))
            given = {one.arg for one in [*function.args.args, *function.args.kwonlyargs]}
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _name(call) in CALLS:
                    yield from _of_call(call, known, given & HANDED_ON, f"{name}:{call.lineno}")


def _of_call(
    call: ast.Call, known: dict[str, list[ast.expr]], given: set[str], where: str
) -> Iterator[Sentence]:
    places = CALLS[_name(call)]
    words = [call.args[place] for place in places if place < len(call.args)]
    words += [one.value for one in call.keywords if one.arg in {"message", "remedy"}]
    for word in words:
        yield from _said(word, known, given, where)


def _said(
    word: ast.expr, known: dict[str, list[ast.expr]], given: set[str], where: str
) -> Iterator[Sentence]:
    if isinstance(word, ast.Constant) and isinstance(word.value, str):
        if word.value:
            yield Sentence(where, word.value, frozenset())
    elif isinstance(word, ast.IfExp):
        yield from _said(word.body, known, given, where)
        yield from _said(word.orelse, known, given, where)
    elif isinstance(word, ast.Call) and _name(word) == "Said":
        (template,) = word.args
        if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
            raise Unsaid(where)
        facts = frozenset(one.arg for one in word.keywords if one.arg)
        yield Sentence(where, template.value, facts)
    elif isinstance(word, ast.Name) and word.id in known:
        for value in known[word.id]:
            yield from _said(value, known, given, where)
    elif not _is_handed_on(word, given):
        raise Unsaid(f"{where}: {ast.unparse(word)}")


def _is_handed_on(word: ast.expr, given: set[str]) -> bool:
    """Tell whether words come from another problem, or from whoever calls the function."""
    if isinstance(word, ast.Name):
        return word.id in given
    return isinstance(word, ast.Attribute) and word.attr in {"message", "remedy"}


def _assigned(body: object) -> dict[str, list[ast.expr]]:
    known: dict[str, list[ast.expr]] = {}
    for one in body:  # type: ignore[attr-defined]
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value:
            known.setdefault(one.target.id, []).append(one.value)
        for target in one.targets if isinstance(one, ast.Assign) else ():
            if isinstance(target, ast.Name):
                known.setdefault(target.id, []).append(one.value)
            elif isinstance(target, ast.Tuple) and isinstance(one.value, ast.Tuple):
                for name, value in zip(target.elts, one.value.elts, strict=True):
                    if isinstance(name, ast.Name):
                        known.setdefault(name.id, []).append(value)
    return known


def _name(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")

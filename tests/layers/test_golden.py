"""Every bad file ends in an acceptance or in a refusal with reason and remedy."""

from pathlib import Path

from tests.layers.golden.outcomes import GOLDEN, HEAD, table


def test_what_becomes_of_every_bad_file_is_known(shared_data: Path) -> None:
    """``python -m tests.layers.golden.outcomes`` writes the table; a person looks at it."""
    known = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert table(shared_data) == known


def test_every_bad_file_is_in_the_table(shared_data: Path) -> None:
    lines = [line.split("\t") for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    assert tuple(lines[0]) == HEAD
    assert {len(line) for line in lines} == {len(HEAD)}
    listed = {line[0] for line in lines[1:]}
    for folder in ("C_bad_inputs", "C_crs_encoding"):
        for path in (shared_data / folder).rglob("*"):
            main = (
                path.with_suffix(".shp")
                if path.suffix in (".shx", ".dbf", ".prj", ".cpg")
                else path
            )
            if path.is_file():
                assert main.relative_to(shared_data).as_posix() in listed
    for line in lines[1:]:
        outcome, codes, message = line[5:]
        assert outcome in ("accepted", "refused")
        assert message
        assert codes or outcome == "accepted"

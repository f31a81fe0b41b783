"""The papers of the own household by the API, and of no other."""

import pytest

from tests.webmap.conftest import Web
from tests.webmap.test_household_page import Home, home

__all__ = ["home"]

PAPERS = "/api/v1/household/papers"


@pytest.mark.parametrize(("kind", "begins"), [("pdf", b"%PDF"), ("docx", b"PK")])
def test_a_resident_has_the_papers_of_the_own_household(
    web: Web, home: Home, kind: str, begins: bytes
) -> None:
    (case,) = home.lives.get("/api/v1/household").get_json()
    assert [one["id"] for one in case["papers"]] == [str(home.contract)]
    assert case["papers"][0]["kind"] == "credit_contract"
    where = f"{PAPERS}/{home.contract}/file.{kind}"
    first, again = (home.lives.get(f"{where}?language=en") for _ in range(2))
    assert first.status_code == 200
    assert first.data.startswith(begins)
    assert first.data == again.data
    assert home.lives.get(f"{where}?language=tlh").status_code == 422
    # The referral goes to the authority, and a neighbour has neither.
    assert home.lives.get(f"{PAPERS}/{home.referral}/file.{kind}").status_code == 404
    assert home.neighbour.get(where).status_code == 404
    assert web.client().get(where).status_code == 401

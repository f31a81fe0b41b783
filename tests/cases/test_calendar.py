"""Working days, against the days that were published."""

import datetime as dt

import pytest

from cases.calendar import add_working_days, is_announced, is_working_day, working_days
from gis.problems import InputError


def day(month: int, number: int, year: int = 2022) -> dt.date:
    return dt.date(year, month, number)


# The General Office of the State Council on the holidays of 2022: Tomb-sweeping from 3 to
# 5 April, 2 April is worked; Labour Day from 30 April to 4 May, 24 April and 7 May are worked.
@pytest.mark.parametrize("worked", [day(4, 2), day(4, 24), day(5, 7), day(4, 1), day(10, 8)])
def test_moved_days_are_worked(worked: dt.date) -> None:
    assert is_working_day("CN", worked)


@pytest.mark.parametrize("free", [day(4, 3), day(4, 5), day(5, 2), day(4, 9), day(1, 31)])
def test_holidays_and_weekends_are_not(free: dt.date) -> None:
    assert not is_working_day("CN", free)


def test_counting_passes_over_holidays_and_over_the_turn_of_a_year() -> None:
    assert add_working_days("CN", day(4, 1), 1) == day(4, 2)
    assert add_working_days("CN", day(4, 1), 2) == day(4, 6)
    assert add_working_days("CN", day(4, 2), 0) == day(4, 2)
    # Friday 30 December; 31 December to 2 January are free.
    assert add_working_days("CN", day(12, 30), 1) == day(1, 3, 2023)
    assert working_days("CN", day(4, 1), day(4, 8)) == 4
    assert working_days("CN", day(4, 8), day(4, 1)) == 0


def test_counting_there_and_back_agrees() -> None:
    for count in range(40):
        assert working_days("CN", day(4, 1), add_working_days("CN", day(4, 1), count)) == count


def test_a_year_not_published_yet_has_its_holidays_and_says_so() -> None:
    assert is_announced("CN", 2022)
    assert not is_announced("CN", 2090)
    assert not is_working_day("CN", day(10, 2, 2090))
    assert is_working_day("CN", dt.date(2090, 6, 14))


def test_other_countries_have_their_own_days() -> None:
    assert is_working_day("DE", day(10, 5))
    assert is_working_day("DE", day(1, 6))
    assert not is_working_day("DE-BY", day(1, 6))
    assert is_announced("DE", 2090)


@pytest.mark.parametrize("unknown", ["QQ", "", "CN-XX"])
def test_an_unknown_calendar_is_said_so(unknown: str) -> None:
    with pytest.raises(InputError, match="no calendar"):
        is_working_day(unknown, day(4, 1))

"""Working days of a country, as every deadline counts them.

A day counts unless it is a weekend or a public holiday; a weekend day that was
declared a working day to make up for a holiday counts too. China publishes the moved
days of a year in the autumn before. A year that is not published yet has its holidays
by law and its plain weekends: a deadline in it holds as it was told to the household,
and :func:`is_announced` says that it was reckoned without the moved days.
"""

import datetime as dt
import functools

import holidays
from holidays import HolidayBase

from gis.problems import InputError, Problem, Said

# Every year for which any calendar could have moved days.
_KNOWN_YEARS = range(2000, 2100)


def is_working_day(country: str, day: dt.date) -> bool:
    """Return whether ``day`` is a working day of ``country`` (ISO 3166, such as CN)."""
    return bool(_year(country, day.year).is_working_day(day))


def add_working_days(country: str, day: dt.date, count: int) -> dt.date:
    """Return the ``count``-th working day after ``day``; with 0, ``day`` itself."""
    for _one in range(count):
        day += dt.timedelta(days=1)
        while not is_working_day(country, day):
            day += dt.timedelta(days=1)
    return day


def working_days(country: str, after: dt.date, until: dt.date) -> int:
    """Return how many working days follow ``after``, up to and with ``until``."""
    days = (after + dt.timedelta(days=one) for one in range(1, (until - after).days + 1))
    return sum(is_working_day(country, day) for day in days)


def is_announced(country: str, year: int) -> bool:
    """Return whether the moved working days of ``year`` are known; without any, they are."""
    last = _last_moved(country)
    return last is None or year <= last


@functools.cache
def _last_moved(country: str) -> int | None:
    moved = _calendar(country, tuple(_KNOWN_YEARS)).weekend_workdays
    return max((day.year for day in moved), default=None)


@functools.cache
def _year(country: str, year: int) -> HolidayBase:
    # Never expanded on demand: that is not safe among threads. The neighbours are
    # there because a holiday's days may lie in another year than itself.
    return _calendar(country, (year - 1, year, year + 1))


def _calendar(country: str, years: tuple[int, ...]) -> HolidayBase:
    name, _hyphen, part = country.partition("-")
    try:
        return holidays.country_holidays(name, subdiv=part or None, years=years, expand=False)
    except NotImplementedError as error:
        remedy = "Name a country by its two letters, such as CN."
        text = Said("There is no calendar {country!r}.", country=country)
        raise InputError([Problem("calendar", text, remedy, field="calendar")]) from error

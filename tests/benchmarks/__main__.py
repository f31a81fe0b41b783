"""``make bench``: ratios of one run, never seconds that another machine would not repeat."""

import argparse
import json
from dataclasses import asdict

from tests.benchmarks.city import Size, build_city
from tests.benchmarks.overlay import compare_overlay
from tests.benchmarks.scratch import link_households, scratch_database, store_city
from tests.benchmarks.single import compare_page, compare_polygon, compare_tile, settle
from tests.benchmarks.stored import compare_stored, compare_whole
from tests.benchmarks.timing import Row

VILLAGE = Size(2, 500, 203)
CITY = Size(2268)
TOWN = Size(114)


def measure(size: Size) -> list[Row]:
    """Return every comparison, on a village of 1,000 parcels and on a place of ``size``."""
    village, city = build_city(VILLAGE), build_city(size)
    small, large = (f"{one.total_parcels:,} parcels" for one in (VILLAGE, size))
    rows = compare_overlay(village, small, turns=15) + compare_overlay(city, large, turns=3)
    with scratch_database("village") as tiny, scratch_database("city") as base:
        store_city(tiny, village)
        store_city(base, city)
        with scratch_database("stored", base) as stored:
            lines, theirs = compare_stored(stored, large, slices=4)
            rows += lines
        with scratch_database("whole", base) as whole:
            link_households(whole)
            rows.append(compare_whole(whole, large, theirs, slices=4))
            rows.append(compare_tile(whole, large, turns=40))
        for settings in (tiny, base):
            settle(settings)
        rows.append(compare_polygon(tiny, base, (large, small), turns=25))
        rows.append(compare_tile(tiny, small, turns=40))
        rows.append(compare_page(tiny, base, large))
    return rows


def main() -> None:
    """Measure and print a table, or JSON with the seconds behind it."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 parcels, not 1,000,000")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = measure(TOWN if chosen.quick else CITY)
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        goal = "" if row.goal is None else f"at most {row.goal:g}"
        print(f"{row.ratio:8.3f}  {goal:<13} {row.verdict:<7} {row.name}  [{row.size}] {row.note}")


if __name__ == "__main__":
    main()

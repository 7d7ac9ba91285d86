"""Time zones: which there are, and which day it is there."""

from datetime import UTC, date, datetime

import pytest

from bot.zones import day_in, zone


@pytest.mark.parametrize(
    "name", ["Europe/Lisbon", "UTC", "Etc/UTC", "America/Argentina/Buenos_Aires", "UTC+05:30", "GMT-3"]
)
def test_zones_of_the_database_and_offsets_are_known(name: str) -> None:
    assert zone(name) is not None


@pytest.mark.parametrize(
    "name", ["", " ", "Lisbon", "Europe", "Europe/Nowhere", "../etc/passwd", "/etc/passwd", "UTC+99", "x" * 300]
)
def test_nothing_else_is(name: str) -> None:
    assert zone(name) is None


NOON = datetime(2026, 5, 11, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "name", "day"),
    [
        (NOON, "UTC", date(2026, 5, 11)),
        (NOON, "Pacific/Kiritimati", date(2026, 5, 12)),  # 14 hours ahead
        (NOON.replace(hour=10), "Pacific/Pago_Pago", date(2026, 5, 10)),  # 11 behind
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),  # the clocks go forward at 1
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 25)),  # still summer time
        (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 25)),  # not any more
        (NOON, "no such zone", date(2026, 5, 11)),
    ],
)
def test_a_moment_is_another_day_elsewhere(moment: datetime, name: str, day: date) -> None:
    assert day_in(moment, name) == day


def test_the_first_zone_that_there_is_counts() -> None:
    late = datetime(2026, 5, 11, 20, 0, tzinfo=UTC)
    assert day_in(late, "", "nowhere", "Asia/Tokyo", "UTC") == date(2026, 5, 12)

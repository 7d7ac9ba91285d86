"""Whose day today is, and what is left of a day that is over: the whole program from outside."""

from datetime import datetime
from zoneinfo import ZoneInfo

from tests.conftest import Hathi
from tests.fakes.model import FakeModel


def today(zone: str) -> str:
    now = datetime.now(ZoneInfo(zone))
    return f"Today is {now:%A}, {now.day} {now:%B %Y}."


async def test_the_operators_time_zone_says_what_today_is_until_a_person_names_their_own(
    hathi: Hathi, fake: FakeModel
) -> None:
    early, late = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # never the same day
    fake.arguments = {
        "edits": [{"field": "Facts", "value": f"time zone {late}", "message": 1, "quote": f"my time zone is {late}"}]
    }
    before = today(early), today(late)
    await hathi.but(TIMEZONE=early)("chat", "--as", "ana", stdin=f"By the way, my time zone is {late}\n")
    await hathi.but(TIMEZONE=early)("chat", "--as", "ana", stdin="What day is it?\n")
    first, second = (str(request["messages"][0]["content"]) for request in (fake.asked[0], fake.asked[-1]))
    assert before[0] in first or today(early) in first
    assert before[1] in second or today(late) in second


async def test_a_time_zone_that_is_none_ends_the_program_with_one_line(hathi: Hathi) -> None:
    ended = await hathi.but(TIMEZONE="Lisbon")("chat", stdin="Hi\n")
    assert ended.status == 1
    assert "TIMEZONE" in ended.err
    assert "Europe/Lisbon" in ended.err
    assert ended.err.count("\n") == 1

"""Days on pages: told to the keeper, named on the line, past after them; and whose day today is."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from bot.chat import Thread
from bot.ports import Recollection
from bot.prompt import compose
from memory.forgetting import Forgetting
from memory.memories import Memories
from memory.working.remembering import WorkingMemory
from memory.working.schema import SchemaTemplate
from tests.fakes.model import Status
from tests.memory.working.conftest import ANA, BOB, DM, PUBLIC, World

LONG_AGO = datetime(2026, 5, 11, 22, 30, tzinfo=UTC)  # a Monday, 40 days and more before these tests run


def noted(value: str, quote: str = "", field: str = "Events") -> dict[str, Any]:
    """What a model notes that leaves days as they were said."""
    return {"edits": [{"field": field, "value": value, "message": 1, "quote": quote or value}]}


async def test_a_line_about_tomorrow_names_its_day_and_is_past_forty_days_later(world: World) -> None:
    world.at = LONG_AGO
    world.fake.arguments = noted("driving exam tomorrow", "I have my driving exam tomorrow")
    await world.say("I have my driving exam tomorrow")
    world.at = None
    assert await world.known() == ["Events: driving exam on 12 May 2026 (past)"]
    (line,) = (await world.pages.page(ANA)).lines
    assert (line.text, line.value) == ("Events: driving exam on 12 May 2026 (past)", "driving exam on 12 May 2026")
    assert line.at == LONG_AGO
    assert "tomorrow" not in json.dumps(await world.forgetting.export(ANA)).partition('"facts"')[2].partition("]")[0]


async def test_a_line_about_a_day_that_comes_is_not_past_and_shown_with_the_month_it_was_said(world: World) -> None:
    world.fake.arguments = noted("driving exam in 3 days", "my driving exam is in 3 days")
    await world.say("my driving exam is in 3 days")
    (known,) = (await world.asked()).known
    day = datetime.now(UTC).date() + timedelta(days=3)
    assert known.lines == (f"Events: driving exam on {day.day} {day:%B %Y}",)
    assert known.months == (f"{datetime.now(UTC):%B %Y}",)
    prompt = compose("You are Hathi.", await world.asked(), 10_000)
    assert f"{known.lines[0]} [{datetime.now(UTC):%B %Y}]" in prompt[0].text


async def test_birthdays_and_what_happens_every_week_are_never_past(world: World) -> None:
    world.at = LONG_AGO
    for value, said in (
        ("birthday tomorrow", "My birthday is tomorrow"), ("choir every Monday", "I sing in a choir every Monday"),
    ):  # fmt: skip
        world.fake.arguments = noted(value, said)
        await world.say(said)
    world.at = None
    assert await world.known() == ["Events: birthday on 12 May 2026", "Events: choir every Monday"]


async def test_the_keeper_is_told_when_each_message_was_said_where_its_person_lives(world: World) -> None:
    world.at, world.zone = LONG_AGO, "Asia/Tokyo"
    await world.say("Hello there")
    world.at, world.zone = None, ""
    await world.say("And now?")
    (first, second) = (str(request["messages"][-1]["content"]) for request in world.fake.calls[-2:])
    assert "On Tuesday, 12 May 2026:\n[message 1] name-1: Hello there" in first
    today = datetime.now(UTC)
    assert first.startswith("Today is ")
    assert f"On {today:%A}, {today.day} {today:%B %Y}:\n(context) you: Fine.\n[message 1] name-1: And now?" in second
    assert "On Tuesday, 12 May 2026:\n(context) name-1: Hello there" in second


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("", "12 May 2026"),
        ("Asia/Tokyo", "13 May 2026"),  # the 12th there, already
        ("Pacific/Kiritimati", "13 May 2026"),
        ("America/Los_Angeles", "12 May 2026"),
        ("Pacific/Pago_Pago", "12 May 2026"),
        ("no such zone", "12 May 2026"),
    ],
)
async def test_tomorrow_counts_from_the_persons_own_day(world: World, zone: str, day: str) -> None:
    world.at, world.zone = LONG_AGO, zone
    world.fake.arguments = noted("driving exam tomorrow", "my driving exam is tomorrow")
    await world.say("my driving exam is tomorrow")
    assert [line.value for line in (await world.pages.page(ANA)).lines] == [f"driving exam on {day}"]


async def test_the_time_zone_that_a_person_names_goes_before_the_platforms_and_that_before_their_city(
    world: World,
) -> None:
    async def zone() -> str:
        return (await world.asked()).zone

    assert await zone() == "UTC"
    world.fake.arguments = noted("Tokyo", "I live in Tokyo", "Location")
    await world.say("I live in Tokyo")
    assert await zone() == "Asia/Tokyo"
    world.zone = "Europe/Berlin"
    assert await zone() == "Europe/Berlin"
    world.fake.arguments = noted("time zone Europe/Lisbon", "my time zone is Europe/Lisbon", "Facts")
    await world.say("my time zone is Europe/Lisbon")
    assert await zone() == "Europe/Lisbon"


async def test_a_city_told_in_a_direct_message_does_not_tell_others_what_day_it_is(world: World) -> None:
    world.fake.arguments = noted("Tokyo", "I live in Tokyo", "Location")
    await world.say("I live in Tokyo", DM)
    assert (await world.asked(room=DM)).zone == "Asia/Tokyo"
    assert (await world.asked(room=PUBLIC)).zone == "UTC"
    assert (await world.asked(room=PUBLIC, who=BOB)).zone == "UTC"


async def test_the_operators_time_zone_is_that_of_people_whose_own_is_not_known(world: World) -> None:
    pages = replace(world.pages, timezone="Pacific/Auckland")
    there = replace(
        world, pages=pages, memory=Memories([world.history, WorkingMemory(pages, Forgetting(pages), world.models, 600)])
    )
    there.at = LONG_AGO
    there.fake.arguments = noted("driving exam tomorrow", "my driving exam is tomorrow")
    await there.say("my driving exam is tomorrow")
    there.at = None
    assert await there.known() == ["Events: driving exam on 13 May 2026 (past)"]
    assert (await there.asked()).zone == "Pacific/Auckland"


async def test_lines_that_are_read_word_for_word_name_their_days_too(world: World) -> None:
    world.fake.without_tools = world.fake.without_schemas = Status(400)
    world.fake.arguments = "I am no JSON"
    world.at = LONG_AGO
    await world.say("My wedding is in June")
    await world.say("My exam is on Friday", thread=Thread("discord", "another"))
    assert [line.value for line in (await world.pages.page(ANA)).lines] == [
        "My wedding is in June 2026",
        "My exam is on 15 May 2026",
    ]


async def test_a_line_that_an_earlier_version_wrote_names_its_day(world: World) -> None:
    await world.say("I like tea")
    await world.database.fetch(
        "update hathi.facts set value = 'driving exam tomorrow', at = $1, days_named = false", LONG_AGO
    )
    await world.database.fetch(
        """
        update public.mastra_resources set "workingMemory" = replace("workingMemory", 'tea', 'driving exam tomorrow')
        """
    )
    assert await world.known() == ["Interests: driving exam on 12 May 2026 (past)"]
    await world.say("I like rain")
    (row,) = await world.database.fetch("select value, last_day from hathi.facts order by id limit 1")
    assert (row["value"], row["last_day"]) == ("driving exam on 12 May 2026", date(2026, 5, 12))


async def test_with_a_schema_days_are_named_inside_of_the_json(world: World) -> None:
    schema = '{"type": "object", "properties": {"events": {"type": "array", "items": {"type": "string"}}}}'
    pages = replace(world.pages, template=SchemaTemplate(schema))
    working = WorkingMemory(pages, Forgetting(pages), world.models, 600)
    there = replace(world, pages=pages, memory=Memories([world.history, working]))
    update = {"events": ["driving exam tomorrow"]}
    there.at = LONG_AGO
    there.fake.arguments = {"updates": [{"message": 1, "quote": "driving exam tomorrow", "update": update}]}
    await there.say("I have my driving exam tomorrow!")
    there.at = None
    assert await there.known() == ["events: driving exam on 12 May 2026 (past)"]
    (row,) = await there.database.fetch('select "workingMemory" as page from public.mastra_resources')
    assert json.loads(row["page"]) == {"events": ["driving exam on 12 May 2026"]}


async def test_what_a_person_corrects_names_its_day(world: World) -> None:
    await world.say("I like tea")
    (line,) = (await world.pages.page(ANA)).lines
    assert await world.pages.correct(ANA, line.id, "tea party tomorrow")
    (line,) = (await world.pages.page(ANA)).lines
    day = datetime.now(UTC).date() + timedelta(days=1)
    assert line.value == f"tea party on {day.day} {day:%B %Y}"


async def test_the_beginning_of_the_prompt_is_the_same_from_turn_to_turn(world: World) -> None:
    world.at = LONG_AGO
    world.fake.arguments = noted("driving exam tomorrow", "my driving exam is tomorrow")
    await world.say("my driving exam is tomorrow")
    world.at, world.fake.arguments = None, {"edits": []}
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    first = compose("You are Hathi.", await world.asked("When was my exam?"), 10_000, now)
    await world.say("How did it go?")
    second = compose("You are Hathi.", await world.asked("What do I like?"), 10_000, now)
    assert first[0] == second[0]
    assert re.search(r"- Events: driving exam on 12 May 2026 \(past\) \[May 2026\]", first[0].text)


def test_nothing_is_recalled_of_nobody() -> None:
    assert Recollection().zone == ""

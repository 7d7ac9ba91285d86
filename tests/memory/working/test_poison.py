"""Poisoned messages and models that are talked into things, or talk nonsense: refused, or stored harmlessly."""

import logging
from typing import Any

import pytest

from bot.prompt import compose
from tests.memory.working.conftest import ANA, DM, World
from tests.memory.working.poison import POISON


@pytest.mark.parametrize(("text", "edits", "page"), [case[1:] for case in POISON], ids=[case[0] for case in POISON])
async def test_a_poisoned_message_leaves_nothing_harmful_on_the_page(
    world: World, caplog: pytest.LogCaptureFixture, text: str, edits: Any, page: list[str]
) -> None:
    world.fake.arguments = {"edits": edits} if edits is not None else {"something": "else"}
    with caplog.at_level(logging.INFO):
        await world.say(text, DM)
    lines = [line.text for line in (await world.pages.page(ANA)).lines]
    assert lines == page
    assert all("\n" not in line for line in lines)
    assert await world.known(DM) == lines
    recollection = await world.asked("So?")
    instructions = compose("You are Hathi.", recollection, 10_000)[0].text
    assert instructions.count("\n- ") == len(lines)  # nothing on the page looks like a line of its own
    for line in text.splitlines():
        assert len(line) < 8 or line not in caplog.text


async def test_two_hundred_facts_in_one_message_cost_a_page_and_a_prompt_no_more_than_their_bounds(
    world: World,
) -> None:
    things = [f"thing{n}" for n in range(200)]
    text = f"I like {', '.join(things)}"
    world.fake.arguments = {
        "edits": [{"field": "Interests", "value": thing, "message": 1, "quote": thing} for thing in things][:20]
    }
    await world.say(text)
    assert len((await world.pages.page(ANA)).lines) == 20
    world.fake.arguments = {
        "edits": [{"field": "Interests", "value": thing, "message": 1, "quote": thing} for thing in things]
    }
    await world.say(text)  # more than the tool takes: refused as a whole, and nothing is lost
    assert len((await world.pages.page(ANA)).lines) == 20
    assert len("".join(await world.known())) < 600 * 4

"""The small button under an answer that says what was noted, and takes it back."""

import asyncio

import pytest

from adapters.discord import buttons
from adapters.discord.noting import Button, with_notice
from bot.chat import Resource, Thread
from bot.ports import Noted
from tests.adapters.discord.conftest import AT, House
from tests.fakes import discord_rules as rules
from tests.fakes import model as faults
from tests.fakes.discord_api import Post
from tests.fakes.learner import learner

ANA, BOB = "1234567890123456789", "9876543210987654321"


def labels(post: Post) -> list[str]:
    return [button["label"] for button in rules.inside(post.components)]


def undo(post: Post, label: str) -> str:
    return next(str(button["custom_id"]) for button in rules.inside(post.components) if label in button["label"])


def noted(*texts: str, lines: int | None = None, person: str = ANA, first: int = 1, gone: int = 0) -> Noted:
    ids = tuple(range(first, first + (len(texts) if lines is None else lines)))
    return Noted(Resource("discord", person), Thread("discord", "7"), "discord:8", "discord:9", ids, texts, gone)


# Over the wire


async def test_what_was_noted_stands_small_under_the_answer_and_is_taken_back_by_whose_it_is(house: House) -> None:
    await house.start()
    post = await house.learn(f"{AT} I live in Lisbon")
    (button,) = rules.inside(post.components)
    assert (button["label"], button["style"]) == ("Noted: Location: Lisbon · Undo", 2)
    assert [text for _, text in post.texts] == ["You said: I live in Lisbon"]  # the words were not touched
    theirs = await house.discord.press(house.bob, house.channel, button["custom_id"], post=post.id)
    assert "somebody else" in await house.told(theirs)
    assert theirs.ephemeral
    assert await house.facts() == ["Lisbon"]
    await house.stop()
    await house.start()
    mine = await house.discord.press(house.ana, house.channel, button["custom_id"], post=post.id)
    assert await house.told(mine) == "Done: it is not on your page."
    assert mine.ephemeral
    await house.discord.until(lambda: post.components == [])
    assert [text for _, text in post.texts] == ["You said: I live in Lisbon"]
    assert await house.facts() == []


async def test_several_things_are_one_notice_and_what_is_forgotten_is_one_too(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    assert labels(await house.learn("I live in Lisbon and I like tea", direct)) == ["Noted 2 things · Undo"]
    post = await house.learn("forget that I like tea", direct)
    (button,) = rules.inside(post.components)
    assert (button["label"], button["disabled"]) == ("Forgotten: 1 line and 3 messages", True)
    assert await house.facts() == ["Lisbon"]


async def test_two_people_who_are_answered_at_once_have_a_button_each(house: House) -> None:
    await house.start()
    house.model.arguments = learner
    go = asyncio.Event()
    house.model.answers = [faults.Held("One moment.", go)]
    await house.discord.say(house.ana, house.channel, f"{AT} hello")
    await house.discord.until(lambda: house.model.asked)
    await house.discord.say(house.ana, house.channel, f"{AT} I live in Lisbon")
    await house.discord.say(house.bob, house.channel, f"{AT} I live in Porto")
    await house.quiet()
    go.set()
    await house.discord.until(lambda: len(house.discord.posts(house.channel)) == 2)
    post = house.discord.posts(house.channel)[-1]
    await house.discord.until(lambda: len(labels(post)) == 2)
    assert labels(post) == ["Noted: Location: Lisbon · Undo", "Noted: Location: Porto · Undo"]
    pressed = await house.discord.press(house.ana, house.channel, undo(post, "Lisbon"), post=post.id)
    await house.told(pressed)
    await house.discord.until(lambda: labels(post) == ["Noted: Location: Porto · Undo"])
    assert await house.facts() == ["Porto"]


async def test_a_button_stays_while_its_work_is_not_done(house: House) -> None:
    await house.start()
    post = await house.learn(f"{AT} I live in Lisbon")
    await house.transcript.database.fetch("alter table hathi.facts rename to away")
    pressed = await house.discord.press(house.ana, house.channel, undo(post, "Lisbon"), post=post.id)
    assert "Done" not in await house.told(pressed)
    await house.quiet()
    assert labels(post) == ["Noted: Location: Lisbon · Undo"]
    await house.transcript.database.fetch("alter table hathi.away rename to facts")
    again = await house.discord.press(house.ana, house.channel, undo(post, "Lisbon"), post=post.id)
    assert await house.told(again) == "Done: it is not on your page."


async def test_who_is_left_out_does_not_change_what_others_read(house: House) -> None:
    await house.start()
    post = await house.learn(f"{AT} I live in Lisbon")
    await house.stop()
    await house.start(discord_deny=str(house.ana))
    pressed = await house.discord.press(house.ana, house.channel, undo(post, "Lisbon"), post=post.id)
    assert "not to talk with you" in await house.told(pressed)
    assert post.text == "You said: I live in Lisbon"
    assert labels(post) == ["Noted: Location: Lisbon · Undo"]


@pytest.mark.parametrize("how", ["gone", "gone meanwhile", "refused", "not readable"])
async def test_a_notice_that_cannot_be_shown_costs_nothing(house: House, how: str) -> None:
    await house.start()
    house.model.arguments = learner
    pattern, status = {
        "gone": (r"GET /channels/\d+/messages/\d+", 404),
        "gone meanwhile": (r"PATCH /channels/\d+/messages/\d+", 404),
        "refused": (r"PATCH /channels/\d+/messages/\d+", 403),
        "not readable": (r"GET /channels/\d+/messages/\d+", 403),
    }[how]
    house.model.answers = ["ok"]  # in one piece: the only edit is the notice
    house.discord.fail(pattern, status=status)
    await house.ask(f"{AT} I live in Lisbon")
    await house.discord.until(lambda: not house.discord.faults)
    await house.quiet()
    post = house.discord.posts(house.channel)[-1]
    assert labels(post) == (["Noted: Location: Lisbon · Undo"] if how == "not readable" else [])
    assert await house.facts() == ["Lisbon"]
    house.model.arguments = None
    assert await house.ask(f"{AT} still there?") == "You said: still there?"


async def test_what_only_one_person_sees_gets_no_notice(house: House) -> None:
    await house.start()
    house.model.arguments = learner
    message = await house.discord.say(house.bob, house.channel, "I live in Lisbon")
    asked = await house.discord.menu(house.ana, house.channel, "Ask Hathi about this", message)
    await house.told(asked)
    await house.quiet()
    assert not house.model.calls
    assert await house.facts() == []  # nor is anything learned of Ana from what Bob said
    assert house.discord.posts(house.channel) == []
    assert asked.components == []


# What it says


@pytest.mark.parametrize(
    ("notice", "label"),
    [
        (noted("Location: Lisbon"), "Noted: Location: Lisbon · Undo"),
        (noted("a", "b", "c"), "Noted 3 things · Undo"),
        (noted(lines=1), "Noted: no longer so · Undo"),
        (noted(lines=2), "Noted: no longer so · Undo"),
        (noted("a", lines=2), "Noted 2 things · Undo"),
        (noted("Facts: " + "x" * 200), f"Noted: Facts: {'x' * 58}… · Undo"),
        (noted("two\nlines"), "Noted: two lines · Undo"),
    ],
)
async def test_what_a_notice_says(notice: Noted, label: str) -> None:
    (button,) = with_notice([], notice)
    assert (button.label, button.disabled) == (label, False)
    assert button.custom_id == f"hathi:{ANA}:memory undo {' '.join(map(str, notice.lines))}"
    rules.components(buttons.view(button).to_components())


async def test_notices_of_one_post_are_one_button_for_each_person() -> None:
    there: list[Button] = []
    for each in (noted("a"), noted("b", person=BOB, first=5), noted("c", first=2), noted(gone=3, person=BOB)):
        there = with_notice(there, each)
    assert [(button.label, button.custom_id) for button in there] == [
        ("Noted: b · Undo", f"hathi:{BOB}:memory undo 5"),
        ("Noted 2 things · Undo", f"hathi:{ANA}:memory undo 1 2"),
        ("Forgotten: 3 messages", f"hathi:{BOB}:forgotten"),
    ]
    assert len(with_notice(there, noted(gone=1, person=BOB))) == 3


async def test_what_does_not_hold_any_more_and_then_is_forgotten_is_said_once() -> None:
    there = with_notice(with_notice([], noted(lines=1)), noted(gone=2))
    assert [button.label for button in there] == ["Forgotten: 2 messages"]


async def test_a_button_says_how_many_of_many_lines_it_takes_back() -> None:
    (button,) = with_notice([], noted(*"abcdefghij", first=10**8))
    assert button.label == "Noted 10 things · Undo 6"
    assert len((button.custom_id or "").split()) == 2 + 6
    rules.components(buttons.view(button).to_components())

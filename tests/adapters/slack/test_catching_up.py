"""After an outage longer than Slack's own retries: what was said meanwhile is found, bounded, and answered once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.slack import catching_up
from tests.adapters.slack.conftest import House


async def test_what_was_said_while_the_bot_was_away_is_answered_once_it_is_back(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, root)
    first = await house.slack.say(house.ana, house.dm, "hello")
    await house.answer(house.dm, first)
    await house.stop()
    say = house.slack.say
    thread = await say(house.bob, house.channel, "in the thread", thread_ts=root, announce=False)
    direct = await say(house.ana, house.dm, "directly", announce=False)
    mention = await say(house.bob, house.channel, f"{house.at} somewhere new", announce=False)
    await say(house.bob, house.channel, "not for you", announce=False)
    await house.start()
    assert await house.answer(house.channel, thread) == "You said: Bob the Builder: in the thread"
    assert await house.answer(house.dm, direct) == "You said: directly"
    assert await house.answer(house.channel, mention) == "You said: somewhere new"
    await house.quiet()
    await house.stop()
    await house.start()
    await house.quiet()
    assert len(house.slack.posts(house.channel)) == 3


async def test_threads_and_direct_messages_that_began_meanwhile_are_found_too(house: House) -> None:
    await house.start()
    await house.ask("hello")
    await house.stop()
    say = house.slack.say
    root = await say(house.bob, house.channel, "a problem", announce=False)
    thread = await say(house.bob, house.channel, f"{house.at} what now?", thread_ts=root, announce=False)
    dm = house.slack.dm(house.bob)
    direct = await say(house.bob, dm, "are you there?", announce=False)
    await house.start()
    await house.answer(house.channel, thread)
    assert await house.answer(dm, direct) == "You said: are you there?"
    assert "a problem" in " ".join(" ".join(house.asked(request)) for request in (1, 2))


async def test_what_is_heard_while_looking_back_hides_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, root)
    await house.stop()
    missed = await house.slack.say(house.ana, house.channel, "missed", thread_ts=root, announce=False)
    look, go = catching_up.missed, asyncio.Event()

    async def late(*arguments: Any) -> AsyncIterator[Any]:
        await go.wait()
        async for found in look(*arguments):
            yield found

    monkeypatch.setattr(catching_up, "missed", late)
    await house.start()
    await house.ask("heard", thread_ts=root)
    go.set()
    await house.answer(house.channel, missed)


async def test_of_an_app_that_gets_few_messages_at_a_time_none_is_lost(house: House) -> None:
    house.slack.history_limit = (1000, 15)
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, root)
    await house.stop()
    say = house.slack.say
    missed = [await say(house.ana, house.channel, f"{n}", thread_ts=root, announce=False) for n in range(40)]
    await house.start(last_messages=100)
    await house.answer(house.channel, missed[-1])
    assert [line for line in house.asked() if line.isdigit()] == [str(number) for number in range(40)]


async def test_what_a_process_did_not_get_to_read_is_left_to_the_next_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "OVERLAP", 0.0)  # else that minute covers for it
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, root)
    await house.stop()
    missed = await house.slack.say(house.ana, house.channel, "missed", thread_ts=root, announce=False)
    house.slack.fail("conversations", times=10_000, status=500)
    await house.start()
    await house.ask("heard", thread_ts=root)  # what is heard last says no longer since when something is missing
    await house.stop()
    house.slack.faults.clear()
    await house.start()
    await house.answer(house.channel, missed)
    await house.quiet()
    assert await house.rows("select 1 from hathi.looking_back") == []


async def test_a_bot_that_has_never_been_here_answers_nothing_old(house: House) -> None:
    await house.slack.say(house.ana, house.channel, f"{house.at} long ago", announce=False)
    await house.start()
    await house.quiet()
    assert house.slack.posts(house.channel) == []


async def test_looking_back_can_be_switched_off(house: House) -> None:
    await house.start()
    await house.ask("hello")
    await house.stop()
    await house.slack.say(house.ana, house.channel, f"{house.at} missed", announce=False)
    await house.start(catch_up_hours=0)
    await house.quiet()
    assert len(house.model.asked) == 1


async def test_what_slack_does_not_show_at_once_is_read_later(house: House) -> None:
    await house.start()
    await house.ask("hello")
    await house.stop()
    missed = await house.slack.say(house.ana, house.channel, f"{house.at} missed", announce=False)
    house.slack.fail("conversations", times=2, status=500)
    house.slack.fail("conversations.history", times=1, status=429, headers={"Retry-After": "1"})
    await house.start()
    assert await house.answer(house.channel, missed) == "You said: missed"


async def test_a_connection_that_was_away_for_long_is_followed_by_a_look_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.adapter.GIVEN_UP_SECONDS", 0.1)
    monkeypatch.setattr("adapters.slack.connecting.WATCH_SECONDS", 0.05)
    monkeypatch.setattr("adapters.slack.connecting.PING_SECONDS", 0.2)
    monkeypatch.setattr("adapters.slack.connecting.HELLO_SECONDS", 0.5)
    monkeypatch.setattr("adapters.slack.connecting.DEAF_SECONDS", 0.3)
    await house.start()
    await house.ask("hello")
    house.slack.refuse_sockets = True
    await house.slack.drop()
    missed = await house.slack.say(house.ana, house.channel, f"{house.at} missed", announce=False)
    await house.quiet(0.6)
    house.slack.refuse_sockets = False
    assert await house.answer(house.channel, missed) == "You said: missed"

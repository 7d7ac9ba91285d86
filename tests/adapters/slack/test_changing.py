"""What is edited or deleted on Slack is so in memory, whether the bot has seen it before or not."""

import asyncio
import json
from typing import Any

import pytest

from bot.chat import Thread
from tests.adapters.slack.conftest import House
from tests.fakes import model as faults


async def said(house: House, text: str, channel: str = "", thread_ts: str | None = None) -> str:
    """Say something to the bot and wait for its answer; the ts of the message."""
    channel = channel or house.channel
    ts = await house.slack.say(house.ana, channel, f"{house.at} {text}", thread_ts=thread_ts)
    await house.answer(channel, ts)
    return ts


async def lines(house: House, root: str, channel: str = "") -> list[str]:
    thread = Thread("slack", f"{house.slack.team}:{channel or house.channel}:{root}")
    return [line.text for line in await house.transcript.read(thread, 100)]


async def until_lines(house: House, root: str, expected: list[str]) -> None:
    async def same() -> None:
        while await lines(house, root) != expected:
            await house.quiet(0.02)

    await asyncio.wait_for(same(), 10)


async def everything(house: House) -> dict[str, list[str]]:
    """All rows of all tables of conversations, and of all that is remembered about them, once it is digested."""
    while await house.rows("select from public.mastra_threads where digested < answered"):
        await house.quiet(0.02)
    tables = ("public.mastra_threads", "public.mastra_messages", "public.mastra_resources", "hathi.posts",
              "hathi.feedback", "hathi.deleted", "hathi.resets", "hathi.given_up")  # fmt: skip
    return {
        table: sorted(row["row"] for row in await house.rows(f"select to_jsonb(t)::text as row from {table} as t"))
        for table in tables
    }


def as_event(house: House, channel: str, ts: str) -> dict[str, Any]:
    """A message as it is told, to be told again later."""
    message = json.loads(json.dumps(house.slack.messages[channel][ts]))
    return {**message, "channel": channel, "channel_type": "channel", "event_ts": ts}


# Edits


async def test_an_edit_reaches_memory_and_the_next_prompt_after_a_restart_too(house: House) -> None:
    await house.start()
    root = await said(house, "my colour is blue")
    await house.stop()
    await house.start()
    await house.slack.edit(house.channel, root, f"{house.at} my colour is red &amp; green")
    await until_lines(house, root, ["my colour is red & green", "You said: my colour is blue"])
    await house.ask("which is it?", thread_ts=root)
    assert house.asked() == ["my colour is red & green", "You said: my colour is blue", "which is it?"]
    assert len(house.model.asked) == 2


async def test_a_preview_of_a_link_changes_nothing(house: House) -> None:
    await house.start()
    root = await said(house, "look at <https://example.org>")
    reply = await said(house, "and again at <https://example.org>", thread_ts=root)
    await house.quiet()
    before = await everything(house)
    await house.slack.unfurl(house.channel, root)
    await house.slack.unfurl(house.channel, reply)
    await house.quiet()
    assert await everything(house) == before
    assert len(house.model.asked) == 2


async def test_an_edit_that_brings_the_mention_is_answered_once(house: House) -> None:
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, "what time is it?")
    await house.slack.edit(house.channel, ts, f"{house.at} what time is it?")
    assert await house.answer(house.channel, ts) == "You said: what time is it?"
    await house.slack.edit(house.channel, ts, f"{house.at} what time is it, please?")
    await until_lines(house, ts, ["what time is it, please?", "You said: what time is it?"])
    await house.quiet()
    assert len(house.model.asked) == 1
    assert len(house.texts(house.channel, ts)) == 1


@pytest.mark.parametrize("edited", ["old", "not to the bot", "of another bot"])
async def test_an_edit_of_what_is_not_known_begins_nothing(house: House, edited: str) -> None:
    await house.start()
    user = house.slack.person("robot", bot=True) if edited == "of another bot" else house.ana
    more: dict[str, Any] = {"ts": "1700000000.000100"} if edited == "old" else {}
    ts = await house.slack.say(user, house.channel, "what time is it?", **more)
    await house.slack.edit(house.channel, ts, f"{house.at if edited == 'old' else ''} what time is it now?")
    await house.quiet()
    assert house.model.asked == []
    assert not any((await everything(house)).values())


# Deletions


async def test_a_deleted_message_takes_the_answer_to_it_along(house: House) -> None:
    await house.start()
    root = await said(house, "one")
    second = await said(house, "two", thread_ts=root)
    await said(house, "three", thread_ts=root)
    await house.stop()
    await house.start()
    await house.slack.delete(house.channel, second)
    await until_lines(house, root, ["one", "You said: one", "three", "You said: three"])
    await house.slack.delete(house.channel, root)
    await until_lines(house, root, ["three", "You said: three"])


async def test_a_deleted_direct_message_is_gone(house: House) -> None:
    await house.start()
    ts = await house.slack.say(house.ana, house.dm, "one")
    await house.answer(house.dm, ts)
    await house.slack.delete(house.dm, ts)

    async def gone() -> None:
        while (await everything(house))["public.mastra_messages"]:
            await house.quiet(0.02)

    await asyncio.wait_for(gone(), 10)
    assert (await everything(house))["public.mastra_threads"] == []


async def test_a_deleted_answer_is_forgotten_with_what_was_said_of_it(house: House) -> None:
    await house.start()
    root = await said(house, "one")
    (post,) = house.slack.posts(house.channel, root)
    asked = await house.slack.press(house.ana, house.channel, post["ts"], "hathi:feedback", "good")
    await house.slack.until(lambda: asked.answers)
    assert len((await everything(house))["hathi.feedback"]) == 1
    await house.slack.delete(house.channel, post["ts"])
    await until_lines(house, root, ["one"])
    assert (await everything(house))["hathi.feedback"] == []


@pytest.mark.parametrize("restart", [False, True])
async def test_a_deletion_that_overtakes_its_message_holds(house: House, restart: bool) -> None:
    await house.start()
    root = await said(house, "one")
    for thread in (None, root):
        ts = await house.slack.say(house.ana, house.channel, f"{house.at} never mind", thread_ts=thread, announce=False)
        event = as_event(house, house.channel, ts)
        await house.slack.delete(house.channel, ts)
        if restart:
            await house.stop()
            await house.start(catch_up_hours=0)
        await house.slack.event({**event, "type": "app_mention"})
        await house.slack.event(event)
    await house.quiet()
    assert len(house.model.asked) == 1
    assert len((await everything(house))["public.mastra_messages"]) == 2


async def test_what_was_deleted_does_not_come_back_with_a_redelivery(house: House) -> None:
    await house.start()
    root = await said(house, "one")
    event = as_event(house, house.channel, root)
    await house.slack.delete(house.channel, root)
    await until_lines(house, root, [])
    await house.stop()
    await house.start()
    await house.slack.event(event)
    await house.quiet()
    assert await lines(house, root) == []
    assert len(house.model.asked) == 1


async def test_a_deleted_message_that_leaves_a_sign_behind_is_gone(house: House) -> None:
    await house.start()
    root = await said(house, "one")
    await said(house, "two", thread_ts=root)
    before = as_event(house, house.channel, root)
    tombstone = {
        "type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.",
        "hidden": True, "ts": root, "thread_ts": root, "reply_count": 2,
    }  # fmt: skip
    await house.slack.event({
        "type": "message", "subtype": "message_changed", "hidden": True, "channel": house.channel,
        "channel_type": "channel", "ts": "1.0", "message": tombstone, "previous_message": before,
    })  # fmt: skip
    await until_lines(house, root, ["two", "You said: two"])


async def test_deletions_of_what_the_bot_never_knew_leave_no_trace(house: House) -> None:
    await house.start()
    await said(house, "one")
    root = await house.slack.say(house.bob, house.channel, "lunch?")
    reply = await house.slack.say(house.ana, house.channel, "at noon", thread_ts=root)
    alone = await house.slack.say(house.bob, house.channel, "rain again")
    robot = await house.slack.say(house.slack.person("robot", bot=True), house.channel, "build failed")
    await house.quiet()
    before = await everything(house)
    for ts in (reply, root, alone, robot):
        await house.slack.delete(house.channel, ts)
    await house.quiet()
    assert await everything(house) == before
    assert before["hathi.deleted"] == []


async def test_what_others_said_before_the_bot_came_is_deleted_too(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.bob, house.channel, "lunch?")
    reply = await house.slack.say(house.bob, house.channel, "at noon", thread_ts=root)
    await said(house, "what do you think?", thread_ts=root)
    assert (await lines(house, root))[:2] == ["lunch?", "at noon"]
    await house.stop()
    await house.start()
    await house.slack.delete(house.channel, reply)
    await house.slack.delete(house.channel, root)
    await until_lines(house, root, ["what do you think?", "You said: Ana: what do you think?"])


async def test_what_the_bot_writes_and_changes_itself_changes_nothing_in_memory(house: House) -> None:
    house.slack.close_streams_after = 1
    house.model.answers = [faults.Slow("An answer that takes its time, word by word.", first=0, each=0.3)]
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, root)
    await house.slack.until(lambda: house.slack.calls("chat.update"))
    await house.quiet()
    changes = [d for d in house.slack.deliveries if d.payload.get("event", {}).get("subtype") == "message_changed"]
    assert changes
    assert all(change.status == 200 for change in changes)
    assert await lines(house, root) == ["hello", "An answer that takes its time, word by word."]
    assert (await everything(house))["hathi.deleted"] == []
    assert len(house.model.asked) == 1


@pytest.mark.parametrize("kind", ["public", "private"])
async def test_a_deleted_channel_is_forgotten_with_all_its_conversations(house: House, kind: str) -> None:
    channel = house.slack.channel("secrets", kind)
    await house.start()
    roots = [await said(house, f"number {number}", channel) for number in range(2)]
    other = await said(house, "elsewhere")
    await house.stop()
    await house.start(catch_up_hours=0)
    await house.slack.delete_channel(channel)
    await house.quiet()
    assert [await lines(house, root, channel) for root in roots] == [[], []]
    assert await lines(house, other) == ["elsewhere", "You said: elsewhere"]
    assert house.slack.deliveries[-1].payload["event"]["type"] in {"channel_deleted", "group_deleted"}


# While the answer is being written


async def test_an_answer_to_what_was_deleted_meanwhile_is_not_shown(house: House) -> None:
    go = asyncio.Event()
    house.model.answers = ["Hello.", faults.Held("never to be read", go)]
    await house.start()
    root = await said(house, "hello")
    slip = await house.slack.say(house.ana, house.channel, "a slip of the tongue", thread_ts=root)
    await house.slack.until(lambda: len(house.model.asked) == 2)
    await house.slack.until(lambda: house.slack.status_now)
    await house.slack.delete(house.channel, slip)
    await house.quiet(0.2)
    go.set()
    await house.slack.until(lambda: not house.slack.status_now)
    await house.quiet()
    assert house.texts(house.channel, root) == ["Hello."]
    assert await lines(house, root) == ["hello", "Hello."]


@pytest.mark.parametrize("streams", [True, False])
async def test_an_answer_to_what_is_deleted_while_it_grows_is_withdrawn(house: House, streams: bool) -> None:
    house.slack.streaming = streams
    house.model.answers = [faults.Slow("one word after the other and so on " * 2, first=0, each=0.15)]
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} first")
    await house.slack.until(lambda: house.slack.posts(house.channel, root))
    await house.slack.delete(house.channel, root)
    await house.slack.until(lambda: not house.slack.posts(house.channel, root))
    await house.quiet()
    assert house.slack.posts(house.channel) == []
    assert house.slack.calls("chat.delete")
    assert not (await everything(house))["public.mastra_messages"]
    assert await house.ask("and now?") == "You said: and now?"

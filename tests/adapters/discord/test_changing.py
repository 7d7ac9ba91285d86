"""What is edited or deleted on Discord is so in memory, whether the client has seen it before or not."""

import asyncio
import json

import pytest

from bot.chat import Thread
from tests.adapters.discord.conftest import AT, House


async def lines(house: House, channel: int = 0) -> list[str]:
    found = await house.transcript.read(Thread("discord", str(channel or house.channel)), 100)
    return [line.text for line in found]


async def said(house: House, text: str, channel: int = 0) -> int:
    message = await house.discord.say(house.ana, channel or house.channel, f"{AT} {text}")
    await house.answer(channel or house.channel, message)
    return message


async def until_lines(house: House, expected: list[str], channel: int = 0) -> None:
    async def same() -> None:
        while await lines(house, channel) != expected:
            await house.quiet(0.02)

    await asyncio.wait_for(same(), 10)


async def test_an_edit_reaches_memory_after_a_restart_too_and_a_preview_does_not(house: House) -> None:
    await house.start()
    message = await said(house, "my colour is blue https://example.org")
    await house.stop()
    await house.start()
    await house.discord.edit(house.channel, message, None)
    await house.discord.edit(house.channel, message, f"{AT} my colour is red")
    await until_lines(house, ["my colour is red", "You said: my colour is blue https://example.org"])
    assert len(house.model.asked) == 1


async def test_an_edit_that_brings_the_mention_is_answered_once(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.ana, house.channel, "what time is it?")
    await house.quiet(0.2)
    await house.discord.edit(house.channel, message, f"{AT} what time is it?")
    assert await house.answer(house.channel, message) == "You said: what time is it?"
    await house.discord.edit(house.channel, message, f"{AT} what time is it, please?")
    await until_lines(house, ["what time is it, please?", "You said: what time is it?"])
    assert len(house.model.asked) == 1


async def test_a_deleted_message_takes_the_answer_to_it_along(house: House) -> None:
    await house.start()
    first = await said(house, "one")
    await said(house, "two")
    await house.discord.delete(house.channel, first)
    await until_lines(house, ["two", "You said: two"])


async def test_many_messages_deleted_at_once_are_gone(house: House) -> None:
    await house.start()
    messages = [await said(house, f"number {n}") for n in range(3)]
    await house.stop()
    await house.start()
    await house.discord.delete(house.channel, *messages[:2])
    await until_lines(house, ["number 2", "You said: number 2"])


async def test_a_deleted_answer_is_forgotten(house: House) -> None:
    await house.start()
    await said(house, "one")
    await house.discord.delete(house.channel, house.discord.posts(house.channel)[0].id)
    await until_lines(house, ["one"])


async def test_a_deletion_that_overtakes_its_message_holds(house: House) -> None:
    await house.start()
    await said(house, "one")
    message = house.discord.say_unheard(house.ana, house.channel, f"{AT} never mind")
    payload = house.discord.messages[house.channel][message]
    await house.discord.delete(house.channel, message)
    await house.discord.dispatch("MESSAGE_CREATE", payload, house.guild)
    await house.quiet()
    assert await lines(house) == ["one", "You said: one"]


async def test_what_was_deleted_does_not_come_back_with_a_repeated_dispatch(house: House) -> None:
    await house.start()
    message = await said(house, "one")
    payload = json.loads(json.dumps(house.discord.messages[house.channel][message]))
    await house.discord.delete(house.channel, message)
    await until_lines(house, [])
    await house.stop()
    await house.start()
    await house.discord.dispatch("MESSAGE_CREATE", payload, house.guild)
    await house.quiet()
    assert await lines(house) == []


async def test_a_proxy_bot_that_deletes_and_posts_again_leaves_no_second_memory(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.ana, house.channel, f"{AT} I am Tupper")
    await house.discord.delete(house.channel, message)
    await house.discord.say(house.ana, house.channel, f"{AT} I am Tupper", webhook_id="77")
    await house.quiet()
    assert await lines(house) == []


@pytest.mark.parametrize("kind", ["thread", "channel"])
async def test_a_deleted_thread_or_channel_is_forgotten(house: House, kind: str) -> None:
    await house.start()
    place = await house.discord.thread(house.channel) if kind == "thread" else house.channel
    await said(house, "one", place)
    await house.discord.delete_channel(place)
    await until_lines(house, [], place)


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_guild_that_the_bot_leaves_is_forgotten_if_the_operator_wants_it(house: House, wanted: bool) -> None:
    await house.start(discord_forget_on_leave=wanted)
    await said(house, "one")
    direct = house.discord.direct(house.ana)
    await said(house, "two", direct)
    await house.discord.remove_bot(house.guild)
    await house.quiet()
    assert await lines(house) == ([] if wanted else ["one", "You said: one"])
    assert await lines(house, direct) == ["two", "You said: two"]

"""Outages, restarts and lost sessions: each message answered once; and errors that nobody can wait out."""

import asyncio
import logging
from functools import partial
from pathlib import Path

import pytest

from bot.errors import PlatformRefused
from memory.pool import open_database
from tests.adapters.discord.conftest import AT, READY_SECONDS, House
from tests.conftest import Hathi, Server
from tests.fakes import model as faults
from tests.fakes.discord_api import FakeDiscord
from tests.fakes.model import FakeModel
from tests.fakes.proxy import Proxy


async def test_a_repeated_dispatch_is_one_turn(house: House) -> None:
    await house.start()
    house.discord.twice = True
    assert await house.ask(f"{AT} hello") == "You said: hello"
    await house.quiet()
    assert house.discord.texts(house.channel) == ["You said: hello"]


async def test_events_that_overtake_each_other_are_answered_once_each(house: House) -> None:
    await house.start()
    house.discord.reordered = True
    for number in range(6):
        last = await house.discord.say(house.ana, house.channel, f"{AT} {number}")
    await house.answer(house.channel, last)
    await house.quiet()
    found = await house.transcript.database.fetch("select count(*) as n from public.mastra_messages where addressed")
    assert found[0]["n"] == 6
    assert len(house.discord.posts(house.channel)) == len(house.model.asked)


async def test_a_burst_is_answered_in_its_order_by_at_most_two_turns(house: House) -> None:
    await house.start()
    for number in range(6):
        last = await house.discord.say(house.ana, house.channel, f"{AT} {number}")
    await house.answer(house.channel, last)
    assert len(house.model.asked) <= 3
    assert [text for text in house.asked() if text.isdigit()] == [str(number) for number in range(6)]


@pytest.mark.parametrize("how", ["dropped", "op 7", "4000"])
async def test_a_connection_that_ends_is_resumed_and_misses_nothing(house: House, how: str) -> None:
    await house.start()
    await house.ask(f"{AT} before")
    if how == "op 7":
        await house.discord.tell_to_reconnect()
    else:
        await house.discord.drop(4000 if how == "4000" else None)
    message = await house.discord.say(house.ana, house.channel, f"{AT} during")
    assert await house.answer(house.channel, message, 1) == "You said: during"
    assert house.discord.resumes == 1
    await house.quiet()
    assert house.discord.texts(house.channel) == ["You said: before", "You said: during"]


async def test_a_lost_session_is_begun_anew_and_what_was_said_meanwhile_is_found(house: House) -> None:
    other = house.discord.channel(house.guild, "other")
    await house.start()
    await house.ask(f"{AT} before")
    direct = house.discord.direct(house.bob)
    await house.ask("before", channel=direct, user=house.bob)
    await house.discord.say(house.ana, other, "not for the bot")
    await asyncio.sleep(READY_SECONDS + 0.5)  # then it catches up
    house.discord.lose_sessions()
    await house.discord.drop()
    missed = [
        house.discord.say_unheard(house.ana, house.channel, f"{AT} known channel"),
        house.discord.say_unheard(house.ana, other, f"{AT} another channel"),
        house.discord.say_unheard(house.bob, direct, "direct message"),
    ]
    house.discord.say_unheard(house.ana, other, "still not for the bot")
    for channel, message in zip((house.channel, other, direct), missed, strict=True):
        await house.answer(channel, message)
    await house.quiet()
    assert house.discord.texts(house.channel)[1:] == ["You said: known channel"]
    assert house.discord.texts(other) == ["You said: another channel"]
    assert house.discord.texts(direct)[1:] == ["You said: direct message"]


async def test_after_a_restart_it_catches_up_once_and_not_with_what_was_deleted(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} before")
    gone = await house.discord.say(house.ana, house.channel, f"{AT} forget this")
    await house.answer(house.channel, gone)
    asked = await house.discord.menu(house.ana, house.channel, "Forget this message", gone)
    await house.discord.until(lambda: asked.texts)
    await house.stop()
    missed = [house.discord.say_unheard(house.ana, house.channel, f"{AT} missed {n}") for n in range(2)]
    house.discord.say_unheard(house.bob, house.channel, "small talk")
    for _ in range(2):
        await house.start()
        await house.answer(house.channel, missed[-1])
        await asyncio.sleep(READY_SECONDS + 0.5)  # then it catches up
        await house.stop()
    assert len(house.model.asked) == 3
    assert house.asked()[-2:] == ["missed 0", "missed 1"]
    assert len(house.discord.posts(house.channel)) == 3


async def test_it_looks_no_further_back_than_it_is_told_to(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} before")
    await house.stop()
    house.discord.say_unheard(house.ana, house.channel, f"{AT} missed")
    await house.start(catch_up_hours=0)
    await house.quiet(READY_SECONDS + 0.5)
    assert len(house.model.asked) == 1


async def test_an_event_that_the_library_cannot_read_costs_a_reconnect(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start()
    await house.ask(f"{AT} before")
    await house.discord.dispatch("MESSAGE_CREATE", {}, house.guild, raw={"id": "1"})
    await house.discord.until(lambda: len(house.discord.identifies) == 2)
    await house.quiet(0.1)
    assert await house.ask(f"{AT} after") == "You said: after"
    assert "discord.py ended with" in caplog.text


async def test_a_gateway_that_is_down_at_the_start_is_tried_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.discord.deaf = True
    starting = asyncio.create_task(house.start())
    await house.discord.until(lambda: "trying again" in caplog.text)
    house.discord.deaf = False
    await starting
    assert await house.ask(f"{AT} hello") == "You said: hello"


async def test_a_database_that_is_away_when_something_is_said_costs_a_delay_and_a_sentence(
    house: House, server: Server, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.wiring.open_database", partial(open_database, patience=0.3))
    async with Proxy(server.socket_file) as proxy:
        await house.start(database_url=server.through(proxy, database_name))
        await house.ask(f"{AT} before")
        await proxy.shut()
        message = await house.discord.say(house.ana, house.channel, f"{AT} during")
        await house.discord.until(lambda: len(house.discord.posts(house.channel)) == 2)
        await proxy.open()
        assert await house.answer(house.channel, message, 2) == "You said: during"
        texts = house.discord.texts(house.channel)
        assert texts[1].startswith("My memory is out of reach right now.")
        assert texts[2:] == ["You said: during"]
        await house.stop()


async def test_told_to_stop_in_the_middle_of_an_answer_it_finishes_it_before_it_hangs_up(house: House) -> None:
    await house.start()
    text = "one two three four five six"
    house.model.answers = [faults.Slow(text, first=0.1, each=0.2)]
    await house.discord.say(house.ana, house.channel, f"{AT} count")
    await house.discord.until(lambda: house.discord.posts(house.channel))
    await house.stop()
    assert house.discord.texts(house.channel) == [text]


async def test_start_up_work_is_done_once_however_often_it_connects(house: House) -> None:
    await house.start()
    await house.discord.until(lambda: house.discord.commands)
    house.discord.lose_sessions()
    await house.discord.drop()
    await house.discord.until(lambda: len(house.discord.identifies) == 2)
    await asyncio.sleep(READY_SECONDS + 0.5)  # then it catches up
    assert [path for _, _, path, _, _ in house.discord.requests].count("/applications/1000/commands") == 2  # GET, PUT


async def test_a_token_that_only_the_gateway_refuses_ends_it_too(house: House) -> None:
    await house.start()
    await house.discord.drop(4004)
    with pytest.raises(BaseExceptionGroup) as raised:
        await asyncio.wait_for(house.running.pop(), 20)
    assert "DISCORD_TOKEN" in str(raised.value.exceptions[0])


async def test_two_people_and_a_restart_read_as_they_should(house: House) -> None:
    """The conversation that stands in the README."""
    await house.start()
    await house.ask(f"{AT} I work on payments.")
    await house.ask(f"{AT} and I on search.", user=house.bob)
    direct = house.discord.direct(house.ana)
    await house.ask("My favourite colour is blue.", channel=direct)
    await house.stop()
    await house.start()
    await house.ask(f"{AT} who works on what?")
    assert house.asked() == [
        "Ana: I work on payments.", "You said: I work on payments.",
        "Bob the Builder: and I on search.", "You said: Bob the Builder: and I on search.",
        "Ana: who works on what?",
    ]  # fmt: skip
    await house.ask("What is my favourite colour?", channel=direct)
    assert house.asked() == [
        "My favourite colour is blue.", "You said: My favourite colour is blue.", "What is my favourite colour?",
    ]  # fmt: skip


async def test_a_wrong_token_ends_it_with_one_line_that_says_what_to_do(house: House) -> None:
    house.settings["discord_token"] = "wrong"
    house.running.append(asyncio.create_task(_serve(house)))
    with pytest.raises(PlatformRefused, match="DISCORD_TOKEN"):
        await house.running.pop()


async def _serve(house: House) -> None:
    from bot import wiring
    from bot.settings import Settings

    try:
        await wiring.serve(Settings(**house.settings, _env_file=None), ["discord"])
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


async def test_without_the_intent_it_says_what_to_do_and_goes_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    house.discord.content_intent_allowed = False
    await house.start()
    assert "Switch on Message Content Intent" in caplog.text
    assert await house.ask(f"{AT} hello") == "You said: hello"


@pytest.fixture
async def program(hathi: Hathi, tmp_path: Path) -> Hathi:
    return hathi.but(PORT="0")


async def test_the_program_with_a_wrong_token_and_with_discord_out_of_reach(program: Hathi, fake: FakeModel) -> None:
    async with FakeDiscord() as discord:
        wrong = program.but(
            DISCORD_TOKEN="wrong", DISCORD_API_URL=discord.api_url, DISCORD_GATEWAY_URL=discord.gateway_url
        )
        ended = await wrong("run", "discord")
        assert ended.status == 1
        assert ended.err.splitlines()[-1].startswith("hathi: Discord refuses DISCORD_TOKEN: copy it again from")
        assert "wrong" not in ended.err
        assert "Traceback" not in ended.err
    process = await wrong.start("run")
    assert process.stderr is not None
    while b"trying again" not in (line := await asyncio.wait_for(process.stderr.readline(), 20)):
        assert line
    assert b"DISCORD_API_URL" in line
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_the_doctor_sees_token_intent_and_invites(program: Hathi, fake: FakeModel) -> None:
    async with FakeDiscord() as discord:
        program = program.but(
            DISCORD_TOKEN=discord.token, DISCORD_API_URL=discord.api_url, DISCORD_GATEWAY_URL=discord.gateway_url
        )
        ended = await program("doctor")
        (line,) = [line for line in ended.out.splitlines() if line.startswith("discord")]
        assert ended.status == 0
        assert "logged in as Hathi" in line
        assert "https://discord.com/oauth2/authorize?client_id=1000" in line
        discord.application_flags = 0
        ended = await program("doctor")
        assert "Message Content Intent" in ended.out
        ended = await program.but(DISCORD_TOKEN="wrong")("doctor")
        assert ended.status == 1
        assert "Discord refuses DISCORD_TOKEN" in ended.out


async def test_disjoint_shards_in_two_processes_answer_each_message_once(house: House) -> None:
    other = house.discord.guild()
    while (other >> 22) % 2 == (house.guild >> 22) % 2:
        other = house.discord.guild()
    there = house.discord.channel(other)
    for shard in ("0", "1"):
        await house.start(discord_shard_count=2, discord_shard_ids=shard)
    assert await house.ask(f"{AT} here") == "You said: here"
    assert await house.ask(f"{AT} there", channel=there) == "You said: there"
    assert await house.ask("direct", channel=house.discord.direct(house.ana)) == "You said: direct"
    assert sorted(shard for _, shard in house.discord.identifies) == [(0, 2), (1, 2)]
    first, second = sorted(at for at, _ in house.discord.identifies)
    assert second - first > 4.5  # they introduce themselves one after the other

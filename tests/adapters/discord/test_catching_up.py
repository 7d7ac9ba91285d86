"""What was said while no session was open is heard however badly the next one begins."""

import asyncio
from functools import partial

import pytest

from memory.pool import open_database
from tests.adapters.discord.conftest import AT, READY_SECONDS, House
from tests.conftest import Server
from tests.fakes.proxy import Proxy


@pytest.fixture
async def missed(house: House) -> tuple[int, int]:
    """A channel where the bot never spoke, and what was said to it there between two sessions."""
    await house.start()
    await house.ask(f"{AT} before")
    other = house.discord.channel(house.guild, "other")
    await house.stop()
    return other, house.discord.say_unheard(house.ana, other, f"{AT} missed")


@pytest.mark.parametrize("resumed_after", [0.0, READY_SECONDS + 1], ids=["before it is ready", "after that"])
async def test_a_session_that_is_interrupted_as_it_begins_still_catches_up(
    house: House, missed: tuple[int, int], resumed_after: float
) -> None:
    await house.start()
    house.discord.deaf = True
    await house.discord.drop()
    await asyncio.sleep(resumed_after)
    house.discord.deaf = False
    await house.answer(*missed)
    assert house.discord.texts(missed[0]) == ["You said: missed"]
    await house.discord.until(lambda: house.discord.resumes == 1)
    assert len(house.discord.identifies) == 2


async def test_a_session_that_is_lost_as_it_begins_leaves_it_to_the_next(house: House, missed: tuple[int, int]) -> None:
    await house.start()
    house.discord.lose_sessions()
    await house.discord.drop()
    await house.answer(*missed)
    assert house.discord.texts(missed[0]) == ["You said: missed"]


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429, "body": {"message": "Cloudflare"}}, {}], ids=["503", "429", "reset"]
)
async def test_a_channel_that_cannot_be_read_now_is_read_later(
    house: House, missed: tuple[int, int], fault: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.posting.BANNED_SECONDS", 0.5)
    house.discord.fail(rf"GET /channels/{missed[0]}/messages", 2, **fault)  # type: ignore[arg-type]
    await house.start()
    await house.answer(*missed)
    assert house.discord.faults == []


async def test_a_channel_that_may_not_be_read_keeps_no_other_one_waiting(house: House, missed: tuple[int, int]) -> None:
    house.discord.fail(rf"GET /channels/{house.channel}/messages", 99, 403)
    await house.start()
    await house.answer(*missed)
    assert house.discord.faults[0].times == 98, "it was asked for again"


async def test_a_database_that_is_away_as_a_session_begins_costs_a_delay(
    house: House, missed: tuple[int, int], server: Server, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.wiring.open_database", partial(open_database, patience=0.3))
    async with Proxy(server.socket_file) as proxy:
        await house.start(database_url=server.through(proxy, database_name))
        await proxy.shut()
        await asyncio.sleep(READY_SECONDS + 1)
        await proxy.open()
        await house.answer(*missed)
        await house.stop()


async def test_what_a_process_did_not_get_to_read_is_left_to_the_next_one(
    house: House, missed: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.catching_up.SLACK", 0)  # else that minute covers for it
    house.discord.fail(rf"GET /channels/{missed[0]}/messages", 10_000, 503)
    await house.start()
    await house.ask(f"{AT} heard", channel=missed[0])  # the last that is heard says no longer since when it is
    await house.stop()
    house.discord.faults.clear()
    await house.start()
    await house.answer(*missed)

"""App Home and the messages of the app: what is kept of whom, and buttons to forget it or to take it along."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.slack import home, page
from adapters.slack.asking import at_home
from bot.chat import Resource, Thread
from bot.ports import Kept, Page, Remembered
from tests.adapters.slack.conftest import House
from tests.fakes.slack_rules import check_view

FORGET, EXPORT, FORGET_ALL = "hathi:home-forget", "hathi:home-export", "hathi:home-forget-all"


async def opened(house: House, user: str = "") -> list[dict[str, Any]]:
    """Open the home; its blocks."""
    user = user or house.ana
    house.slack.homes.pop(user, None)
    await house.slack.home(user)
    return await renewed(house, user)


async def renewed(house: House, user: str = "") -> list[dict[str, Any]]:
    await house.slack.until(lambda: (user or house.ana) in house.slack.homes)
    blocks: list[dict[str, Any]] = house.slack.homes[user or house.ana]["blocks"]
    return blocks


async def pressed(house: House, action: str, value: str = "all", user: str = "") -> list[dict[str, Any]]:
    """Press a button of the home; the blocks of the page that comes then."""
    user = user or house.ana
    house.slack.homes.pop(user)
    asked = await house.slack.press(user, house.dm, None, action, value, view=True)
    assert asked.acked is not None
    return await renewed(house, user)


def words(blocks: list[dict[str, Any]]) -> str:
    return " ".join(re.findall(r'"text": "([^"]*)"', json.dumps(blocks, ensure_ascii=False)))


def forgettable(blocks: list[dict[str, Any]]) -> list[str]:
    """The conversations with a button to forget them."""
    return [block["accessory"]["value"] for block in blocks if block.get("accessory", {}).get("action_id") == FORGET]


async def talk(house: House) -> tuple[str, str]:
    """Ana and Bob talk in one thread, each in a direct message, and Bob in another thread; both roots."""
    shared = await house.slack.say(house.ana, house.channel, f"{house.at} from ana")
    await house.answer(house.channel, shared)
    await house.ask(f"{house.at} from bob", user=house.bob, thread_ts=shared)
    bobs = await house.slack.say(house.bob, house.channel, f"{house.at} from bob alone")
    await house.answer(house.channel, bobs)
    await house.ask("a secret of ana", channel=house.dm)
    await house.ask("a secret of bob", user=house.bob, channel=house.slack.dm(house.bob))
    return shared, bobs


async def texts(house: House) -> list[str]:
    rows = await house.rows("select content::text as content from public.mastra_messages order by seq")
    return [row["content"] for row in rows]


async def test_the_home_of_whom_nothing_is_kept_says_so(house: House) -> None:
    await house.start()
    blocks = await opened(house)
    assert "Nothing yet." in words(blocks)
    assert forgettable(blocks) == []
    assert "Conversations" not in words(blocks)


async def test_the_home_shows_ones_own_conversations_the_latest_first(house: House) -> None:
    await house.start()
    shared, _ = await talk(house)
    blocks = await opened(house)
    assert "*4* messages" in words(blocks)
    assert "Our direct message" in words(blocks)
    assert f"<#{house.channel}>*, the thread of <!date^" in words(blocks)
    team = house.slack.team
    assert forgettable(blocks) == [f"slack:{team}:{house.dm}", f"slack:{team}:{house.channel}:{shared}"]
    assert len(forgettable(await opened(house, house.bob))) == 3
    confirmations = [block["accessory"]["confirm"] for block in blocks if "accessory" in block]
    assert all("no way back" in each["text"]["text"] for each in confirmations)


async def test_forgetting_a_conversation_of_a_channel_forgets_ones_own_part(house: House) -> None:
    await house.start()
    shared, _ = await talk(house)
    thread = f"slack:{house.slack.team}:{house.channel}:{shared}"
    blocks = await pressed_after_opening(house, FORGET, thread)
    assert forgettable(blocks) == [f"slack:{house.slack.team}:{house.dm}"]
    assert "*2* messages" in words(blocks)
    left = await texts(house)
    assert len(left) == 8
    assert not [text for text in left if "from ana" in text]
    assert len(forgettable(await opened(house, house.bob))) == 3


async def pressed_after_opening(house: House, action: str, value: str = "all") -> list[dict[str, Any]]:
    await opened(house)
    return await pressed(house, action, value)


async def test_forgetting_a_direct_message_forgets_it_whole(house: House) -> None:
    await house.start()
    await talk(house)
    blocks = await pressed_after_opening(house, FORGET, f"slack:{house.slack.team}:{house.dm}")
    assert "Our direct message" not in words(blocks)
    assert not [text for text in await texts(house) if "secret of ana" in text]
    assert [text for text in await texts(house) if "secret of bob" in text]


async def test_forgetting_everything_works_after_a_restart_and_leaves_what_is_others(house: House) -> None:
    await house.start()
    await talk(house)
    await opened(house)
    await house.stop()
    await house.start()
    blocks = await pressed(house, FORGET_ALL)
    assert "Nothing yet." in words(blocks)
    left = await texts(house)
    assert len(left) == 6
    assert not [text for text in left if "ana" in text]


async def test_an_export_is_a_file_in_the_direct_message_with_ones_own_messages_alone(house: House) -> None:
    await house.start()
    await talk(house)
    blocks = await pressed_after_opening(house, EXPORT)
    assert "*4* messages" in words(blocks)
    ((channel, name, content),) = house.slack.uploads
    assert (channel, name) == (house.dm, "hathi.json")
    export = json.loads(content)
    assert export["resource"] == f"slack:{house.slack.team}:{house.ana}"
    assert [message["text"] for message in export["messages"]] == [
        "from ana", "You said: from ana", "a secret of ana", "You said: a secret of ana",
    ]  # fmt: skip
    assert "bob" not in content.decode()
    await house.quiet()
    assert len(await texts(house)) == 10  # the file is no message to the bot


@pytest.mark.parametrize("value", ["nowhere", "", "all", "console:ana"])
async def test_a_broken_button_of_the_home_forgets_nothing(
    house: House, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start()
    await house.ask("hello", channel=house.dm)
    blocks = await pressed_after_opening(house, FORGET, value)
    assert "*2* messages" in words(blocks)
    assert len(await texts(house)) == 2
    assert "a bug" not in caplog.text


async def test_the_words_of_the_home_call_the_command_as_it_is_called_here(house: House) -> None:
    await house.start(slack_command_prefix="elephant-")
    assert "/elephant-forget" in words(await opened(house))


def test_a_home_with_much_in_it_is_no_longer_than_slack_takes_and_says_what_it_leaves_out() -> None:
    at = datetime.now(UTC)
    kept = [Kept(Thread("slack", f"T1:C1:{n}.000100"), 2, at) for n in range(40)]
    lines = tuple(Remembered(n, "Facts: " + "<&>" * 400, "x", at, "public") for n in range(300))
    held = Page(lines, paused=True, linked=(Resource("discord", "1"),))
    asked = at_home("T1", Resource("slack", "T1:U1"))
    seen = page.seen(held, most=home.LINES, room=None)
    shown = home.Shown(held, page.sections(seen, {}, asked), page.pausing(held, asked), "Done.")
    view = home.view({"mastra_messages": 80, "mastra_threads": 0, "mastra_resources": 0}, kept, shown, "/forget")
    check_view(view, "home")
    assert len(forgettable(view["blocks"])) == 30
    assert "and 20 more in older conversations" in words(view["blocks"])
    assert "and 260 older lines" in words(view["blocks"])
    assert "You are one person here and as discord:1." in words(view["blocks"])


async def test_the_messages_of_the_app_come_with_prompts(house: House) -> None:
    await house.start()
    await house.slack.home(house.ana, "messages")
    await house.slack.until(lambda: house.slack.prompts)
    (given,) = house.slack.prompts
    assert given["channel_id"] == house.dm
    assert 1 <= len(given["prompts"]) <= 4
    await house.quiet()
    assert house.slack.homes == {}


async def test_a_direct_message_is_called_what_it_begins_with(house: House) -> None:
    await house.start()
    ts = await house.slack.say(house.ana, house.dm, "What  is\n&lt;that&gt; <https://example.org|over there>?")
    long = await house.slack.say(house.ana, house.dm, "word " * 40)
    inside = await house.slack.say(house.ana, house.dm, "and more", thread_ts=ts)
    await house.slack.until(lambda: len(house.slack.titles) == 2)
    await house.answer(house.dm, inside)
    assert house.slack.titles[house.dm, ts] == "What is <that> over there (https://example.org)?"
    assert house.slack.titles[house.dm, long] == f"{('word ' * 40)[:60]}…"
    assert (house.dm, inside) not in house.slack.titles


async def test_a_direct_message_without_words_has_no_title(house: House) -> None:
    await house.start()
    picture = house.slack.file("elephant.zip", b"zip", "application/zip")
    await house.ask("", channel=house.dm, files=[picture])
    await house.quiet()
    assert house.slack.titles == {}


async def test_nobody_forgets_somebody_elses_conversation(house: House) -> None:
    await house.start()
    shared, bobs = await talk(house)
    before = await texts(house)
    team, theirs = house.slack.team, house.slack.dm(house.bob)
    await opened(house)
    for value in (
        f"slack:{team}:{theirs}",
        f"slack:{team}:{house.channel}:{bobs}",
        f"slack:T0X:{house.channel}:{shared}",
    ):
        await pressed(house, FORGET, value)
    assert await texts(house) == before

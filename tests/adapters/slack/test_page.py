"""A person's page on Slack: in a message and at home, corrected, forgotten, paused, taken away; and the quiet note."""

import json
import re
from typing import Any

from adapters.slack.page import LINE
from tests.adapters.slack.conftest import House
from tests.fakes.learner import learner
from tests.fakes.slack_delivery import Asked

COMMAND = "hathi:command"


async def learn(house: House, text: str, channel: str = "", user: str = "") -> dict[str, Any]:
    """Say something that is noted; the note."""
    house.model.arguments = learner
    before = len(house.slack.ephemerals)
    await house.ask(text, channel=channel or house.dm, user=user or house.ana)
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    return house.slack.ephemerals[-1]


async def facts(house: House) -> list[str]:
    rows = await house.transcript.database.fetch("select value from hathi.facts order by id")
    return [row["value"] for row in rows]


async def answered(house: House, asked: Asked) -> dict[str, Any]:
    """The last answer to a click or a command."""
    await house.slack.until(lambda: asked.answers)
    return asked.answers[-1]


def button(message: dict[str, Any], label: str) -> tuple[str, str]:
    """The action and the value of a button."""
    elements = [
        element for block in message["blocks"] for element in block.get("elements", []) if "action_id" in element
    ]
    return next((each["action_id"], each["value"]) for each in elements if each["text"]["text"] == label)


def entry(blocks: list[dict[str, Any]], text: str, label: str) -> str:
    """The value of an entry in the menu of the line with this text."""
    (menu,) = [block["accessory"] for block in blocks if text in json.dumps(block.get("text", ""), ensure_ascii=False)]
    assert menu["action_id"] == LINE
    return next(str(option["value"]) for option in menu["options"] if option["text"]["text"] == label)


async def page(house: House, channel: str = "") -> dict[str, Any]:
    """What `/memory` shows."""
    return await answered(house, await house.slack.slash(house.ana, channel or house.channel, "/memory"))


async def form(house: House, value: str, *, home: bool = False) -> dict[str, Any]:
    """The form that opens when an entry is chosen."""
    before = len(house.slack.forms)
    await house.slack.press(house.ana, house.channel, None, LINE, value, view=home, menu=True)
    await house.slack.until(lambda: len(house.slack.forms) > before)
    return house.slack.forms[-1]


async def test_what_was_noted_is_said_to_its_person_alone_and_taken_back(house: House) -> None:
    await house.start()
    note = await learn(house, f"{house.at} I live in Lisbon", house.channel)
    assert note["user"] == house.ana
    assert note["channel"] == house.channel
    assert note["thread_ts"]
    assert note["text"] == "Noted: Location: Lisbon"
    action, value = button(note, "Undo")
    theirs = await house.slack.press(house.bob, house.channel, None, action, value)
    await house.quiet()
    assert theirs.answers == []
    assert await facts(house) == ["Lisbon"]
    await house.stop()
    await house.start()
    mine = await answered(house, await house.slack.press(house.ana, house.channel, None, action, value))
    assert mine["text"] == "Done: it is not on your page."
    assert mine["replace_original"] is True
    assert await facts(house) == []


async def test_what_is_forgotten_on_request_is_said_too(house: House) -> None:
    await house.start()
    await learn(house, "My favourite colour is blue")
    note = await learn(house, "forget my favourite colour")
    assert re.fullmatch(r"Forgotten: \d+ lines and messages\.", note["text"])
    assert not any(block["type"] == "actions" for block in note["blocks"])
    assert await facts(house) == []


async def test_a_page_links_each_line_to_where_it_was_said(house: House) -> None:
    await house.start()
    await learn(house, "My favourite colour is blue")
    await learn(house, f"{house.at} I work on payments", house.channel)
    shown = await page(house)
    assert shown["response_type"] == "ephemeral"
    lines = [block["text"]["text"] for block in shown["blocks"] if "accessory" in block]
    assert [line.partition("\n")[0] for line in lines] == [
        "Preferences: favourite colour blue",
        "Projects: works on payments",
    ]
    assert re.search(rf"_<https://\S+/archives/{house.dm}/p\d+\|in a direct message, \d", lines[0])
    assert re.search(rf"_<https://\S+/archives/{house.channel}/p\d+\|in public, \d", lines[1])


async def test_without_links_a_page_is_shown_all_the_same(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    house.slack.fail(r"chat\.getPermalink", error="internal_error", times=5)
    shown = await page(house)
    assert [block["text"]["text"].partition("\n")[0] for block in shown["blocks"] if "accessory" in block] == [
        "Location: Lisbon"
    ]


async def test_a_line_is_corrected_in_a_form(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    opened = await form(house, entry((await page(house))["blocks"], "Lisbon", "Correct"))
    assert opened["blocks"][0]["element"]["initial_value"] == "Lisbon"
    await house.stop()
    await house.start()
    before = len(house.slack.ephemerals)
    await house.slack.submit(house.ana, opened, "Porto by the <!channel> Sea")
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    assert house.slack.ephemerals[-1]["text"].startswith("Done. ")
    assert "Porto by the &lt;!channel&gt; Sea" in json.dumps(house.slack.ephemerals[-1]["blocks"])
    assert await facts(house) == ["Porto by the <!channel> Sea"]


async def test_a_line_is_forgotten_in_a_form_that_says_what_goes(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    await learn(house, "I like tea")
    opened = await form(house, entry((await page(house))["blocks"], "Lisbon", "Forget"))
    assert "This deletes “Lisbon”, and every message of yours" in opened["blocks"][0]["text"]["text"]
    before = len(house.slack.ephemerals)
    await house.slack.submit(house.ana, opened)
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    assert house.slack.ephemerals[-1]["text"].startswith("Done: forgotten, 1 line and ")
    assert await facts(house) == ["tea"]


async def test_somebody_elses_form_changes_nothing(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    opened = await form(house, entry((await page(house))["blocks"], "Lisbon", "Correct"))
    before = len(house.slack.ephemerals)
    await house.slack.submit(house.bob, opened, "the moon")
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    assert house.slack.ephemerals[-1]["text"].startswith("That line is not on your page")
    assert await facts(house) == ["Lisbon"]


async def test_the_home_shows_the_page_and_does_the_same(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    blocks = await _home(house)
    opened = await form(house, entry(blocks, "Lisbon", "Correct"), home=True)
    house.slack.homes.clear()
    await house.slack.submit(house.ana, opened, "Porto")
    blocks = await _home_again(house)
    assert "Location: Porto" in json.dumps(blocks)
    house.slack.homes.clear()
    await house.slack.press(house.ana, house.dm, None, "hathi:home-command", "memory pause", view=True)
    blocks = await _home_again(house)
    assert "You are *off the record*" in json.dumps(blocks)
    assert button({"blocks": blocks}, "Resume") == ("hathi:home-command", "memory resume")


async def test_one_goes_off_the_record_and_takes_everything_away(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    shown = await page(house)
    paused = await answered(house, await house.slack.press(house.ana, house.channel, None, *button(shown, "Pause")))
    assert paused["text"].startswith("Off the record from now on")
    await house.slack.say(house.ana, house.dm, "I like pangolins")
    await house.slack.until(lambda: "You said: I like pangolins" in str(house.slack.messages[house.dm]))
    await house.quiet()
    assert await facts(house) == ["Lisbon"]
    export = await house.slack.press(house.ana, house.channel, None, *button(paused, "Export"))
    assert (await answered(house, export))["text"].startswith("All that I keep about you is in our direct message")
    house.slack.fail(r"files\.getUploadURLExternal", error="internal_error", times=9)
    failed = await house.slack.press(house.ana, house.channel, None, *button(paused, "Export"))
    assert (await answered(house, failed))["text"] == "Slack does not take the file right now. Please try again later."


async def test_what_is_typed_behind_a_command_keeps_its_capitals(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    (row,) = await house.transcript.database.fetch("select id from hathi.facts")
    asked = await house.slack.slash(house.ana, house.dm, "/memory", f"Correct {row['id']} Vila Nova")
    assert (await answered(house, asked))["text"].startswith("Done. ")
    assert await facts(house) == ["Vila Nova"]


async def test_something_is_forgotten_by_what_it_is_about(house: House) -> None:
    await house.start()
    await learn(house, "My favourite colour is blue")
    asked = await answered(house, await house.slack.slash(house.ana, house.dm, "/forget", "about my favourite colour"))
    done = await house.slack.press(house.ana, house.dm, None, *button(asked, "Delete"))
    assert (await answered(house, done))["text"].startswith("Done: forgotten, 1 line and ")
    assert await facts(house) == []


async def test_two_accounts_become_one_person(house: House) -> None:
    await house.start()
    given = await answered(house, await house.slack.slash(house.ana, house.dm, "/link"))
    code = given["text"].partition("/link ")[2][:9]
    dm = house.slack.dm(house.bob)
    asked = await answered(house, await house.slack.slash(house.bob, dm, "/link", code))
    assert "This makes you and slack:" in asked["text"]
    done = await house.slack.press(house.bob, dm, None, *button(asked, "Both are me"))
    assert "are one person" in (await answered(house, done))["text"]
    parted = await house.slack.slash(house.bob, dm, "/unlink")
    assert "stand alone" in (await answered(house, parted))["text"]


async def _home(house: House) -> list[dict[str, Any]]:
    house.slack.homes.clear()
    await house.slack.home(house.ana)
    return await _home_again(house)


async def _home_again(house: House) -> list[dict[str, Any]]:
    await house.slack.until(lambda: house.ana in house.slack.homes)
    blocks: list[dict[str, Any]] = house.slack.homes[house.ana]["blocks"]
    return blocks

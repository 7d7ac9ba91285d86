"""A person's page on Slack: shown, turned, corrected, forgotten, paused, taken away; and the note below an answer."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.slack import forms, page
from adapters.slack.asking import chosen, given, in_channel, kept, option
from adapters.slack.reading import Workspace
from bot.chat import Resource, Thread
from bot.commands import Asked as Command
from bot.ports import Noted, Page, Remembered
from memory.working.loading import read_template
from memory.working.pages import Pages
from tests.adapters.slack.conftest import House
from tests.fakes.learner import learner
from tests.fakes.model import Held
from tests.fakes.slack_api import Asked
from tests.fakes.slack_rules import check_blocks, check_view

COMMAND, LINE, UNDO = "hathi:command", "hathi:line", "hathi:undo"
JSON = dict[str, Any]


async def learn(house: House, text: str, channel: str = "", thread_ts: str | None = None, user: str = "") -> JSON:
    """Say something that is noted; the note."""
    house.model.arguments = learner
    before = len(house.slack.ephemerals)
    await house.ask(text, user=user, channel=channel, thread_ts=thread_ts)
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    return house.slack.ephemerals[-1]


async def facts(house: House) -> list[str]:
    return [row["value"] for row in await house.rows("select value from hathi.facts order by id")]


async def write(house: House, values: Sequence[str]) -> None:
    """Lines on Ana's page that she said in no message."""
    database, person = house.transcript.database, f"slack:{house.slack.team}:{house.ana}"
    async with database.transaction() as connection, Pages(database, read_template(None)).changing(
        connection, [person]
    ):  # fmt: skip
        await connection.execute(
            """
            insert into hathi.facts (page, person, field, value, audience)
            select $1, $1, 'Interests', value, 'public:x' from unnest($2::text[]) as value
            """,
            person,
            list(values),
        )


async def answered(house: House, asked: Asked) -> JSON:
    """What somebody was shown who used a command or pressed something."""
    await house.slack.until(lambda: asked.answers)
    answer: JSON = asked.answers[-1]
    assert answer["response_type"] == "ephemeral"
    return answer


async def memory(house: House, channel: str = "") -> JSON:
    """Ana's page, as `/memory` shows it."""
    return await answered(house, await house.slack.slash(house.ana, channel or house.channel, "/memory"))


async def press(house: House, shown: JSON, label: str, user: str = "") -> Asked:
    """Press the button with this label, of something that only Ana sees."""
    buttons = [each for block in shown["blocks"] if block["type"] == "actions" for each in block["elements"]]
    (one,) = [each for each in buttons if each["text"]["text"] == label]
    return await house.slack.press(user or house.ana, house.channel, None, one["action_id"], one["value"])


async def pick(house: House, blocks: list[JSON], line: str, label: str, user: str = "", *, view: bool = False) -> Asked:
    """Choose something from the menu of a line."""
    (menu,) = [block["accessory"] for block in blocks if line in (block.get("text") or {}).get("text", "")]
    assert (menu["type"], menu["action_id"]) == ("overflow", LINE)
    value = next(each["value"] for each in menu["options"] if each["text"]["text"] == label)
    channel = house.dm if view else house.channel
    return await house.slack.press(user or house.ana, channel, None, LINE, value, view=view, overflow=True)


async def form(house: House) -> JSON:
    """The form that was opened, when it is filled."""
    await house.slack.until(lambda: house.slack.calls("views.update"))
    return house.slack.form()


def lines(shown: JSON) -> list[str]:
    """The lines of a page, with where they were learned."""
    return [block["text"]["text"] for block in shown["blocks"] if block.get("accessory", {}).get("action_id") == LINE]


def labels(shown: JSON) -> list[str]:
    return [each["text"]["text"] for block in shown["blocks"] for each in block.get("elements", ()) if "value" in each]


# What was noted


async def test_what_was_noted_stands_below_the_answer_for_the_person_alone_and_is_taken_back(house: House) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon")
    (root,) = [post["thread_ts"] for post in house.slack.posts(house.channel)]
    assert (note["channel"], note["user"], note["thread_ts"]) == (house.channel, house.ana, root)
    assert note["text"] == note["blocks"][0]["elements"][0]["text"] == "Noted: Location: Lisbon"
    assert note["blocks"][0]["type"] == "context"
    await house.stop()
    await house.start()
    undone = await press(house, note, "Undo")
    answer = await answered(house, undone)
    assert answer["replace_original"] is True
    assert answer["text"] == "Done: it is not on your page."
    assert await facts(house) == []
    again = await answered(house, await press(house, note, "Undo"))
    assert again["text"] == "That is not on your page any more."


async def test_a_note_is_taken_back_by_nobody_else(house: House) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon")
    pressed = await press(house, note, "Undo", user=house.bob)
    assert pressed.acked is not None
    await house.quiet()
    assert pressed.answers == []
    assert await facts(house) == ["Lisbon"]


async def test_several_things_are_one_note_and_what_is_forgotten_is_one_too(house: House) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon and I like tea", house.dm)
    assert note["text"] == "Noted: Location: Lisbon; Interests: tea"
    note = await learn(house, "forget that I like tea", house.dm)
    assert re.fullmatch(r"Forgotten: 1 line and \d messages: Interests: tea", note["text"])
    assert [block["type"] for block in note["blocks"]] == ["context"]
    assert await facts(house) == ["Lisbon"]


async def test_that_something_holds_no_more_is_noted_and_taken_back(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    house.model.arguments = {"edits": [{"field": "Location", "value": "", "message": 1, "quote": "I moved out",
                                        "replaces": [1], "forget": False}]}  # fmt: skip
    before = len(house.slack.ephemerals)
    await house.ask("I moved out of Lisbon")
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    note = house.slack.ephemerals[-1]
    assert note["text"] == "Noted: that does not hold any more"
    assert lines(await memory(house)) == []
    await answered(house, await press(house, note, "Undo"))
    assert lines(await memory(house))[0].startswith("Location: Lisbon")


async def test_in_a_direct_message_the_note_stands_in_the_thread_with_the_answer(house: House) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon", house.dm)
    (post,) = house.slack.posts(house.dm)
    assert (note["channel"], note["thread_ts"]) == (house.dm, post["thread_ts"])
    inside = await learn(house, "I like tea", house.dm, post["thread_ts"])
    assert inside["thread_ts"] == post["thread_ts"]


async def test_what_was_said_while_the_bot_was_thinking_is_noted_where_the_answer_stands(house: House) -> None:
    house.model.arguments = learner
    go = asyncio.Event()
    house.model.answers = [Held("First.", go), "Both."]
    await house.start()
    await house.slack.say(house.ana, house.dm, "hello")
    await house.slack.until(lambda: house.model.asked)
    await house.slack.say(house.ana, house.dm, "I live in Lisbon")
    last = await house.slack.say(house.ana, house.dm, "and you?")
    go.set()
    await house.slack.until(lambda: house.slack.ephemerals)
    assert house.texts(house.dm, last) == ["Both."]
    assert house.slack.ephemerals[-1]["thread_ts"] == last


@pytest.mark.parametrize("error", ["channel_not_found", "user_not_in_channel"])
async def test_a_note_that_cannot_be_shown_costs_nothing(house: House, error: str) -> None:
    await house.start()
    house.model.arguments = learner
    house.slack.fail("chat.postEphemeral", error=error)
    await house.ask("I live in Lisbon")
    await house.slack.until(lambda: house.slack.calls("chat.postEphemeral"))
    assert await house.ask("still there?") == "You said: still there?"
    assert await facts(house) == ["Lisbon"]


async def test_what_was_noted_pings_nobody(house: House) -> None:
    await house.start()
    house.model.arguments = {"edits": [{"field": "Interests", "value": "<!channel> & <https://evil.example|tea>",
                                        "message": 1, "quote": "tea", "replaces": [], "forget": False}]}  # fmt: skip
    await house.ask("I like channel, https, evil example and tea")
    await house.slack.until(lambda: house.slack.ephemerals)
    escaped = "&lt;!channel&gt; &amp; &lt;https://evil.example|tea&gt;"
    assert house.slack.ephemerals[-1]["text"] == f"Noted: Interests: {escaped}"
    assert lines(await memory(house))[0].partition("\n")[0] == f"Interests: {escaped}"


def test_a_long_note_is_cut_and_its_button_holds_as_many_lines_as_it_can() -> None:
    person, thread = Resource("slack", "T1:U1"), Thread("slack", "T1:C1:1.000100")
    many = Noted(person, thread, "", "", tuple(range(10**17, 10**17 + 200)), ("Facts: " + "&" * 100,) * 20)
    text, blocks = page.note(many)
    check_blocks(blocks)
    assert text.count("&amp;") < 300
    assert text.endswith("…")
    value = blocks[1]["elements"][0]["value"]
    order = given(value, person, Workspace("T1"))
    assert order is not None
    assert order.asked.words[:2] == ("undo", str(10**17))
    assert len(order.asked.words) > 50


# The page


async def test_a_page_links_each_line_to_where_it_was_said_the_newest_first(house: House) -> None:
    await house.start()
    await learn(house, "My favourite colour is blue", house.dm)
    await learn(house, "I work on payments")
    shown = await memory(house)
    found = [
        re.fullmatch(r"(.+)\n_<https://t0porch\.slack\.com/archives/(\w+)/p\d+\S*\|in (.+), .+>_", line)
        for line in lines(shown)
    ]
    assert [match.groups() if match else None for match in found] == [
        ("Projects: works on payments", house.channel, "public"),
        ("Preferences: favourite colour blue", house.dm, "a direct message"),
    ]
    assert labels(shown) == ["Pause", "Export"]
    assert len(house.slack.calls("chat.getPermalink")) == 3  # one of them tells in which thread the answer stands
    await memory(house)
    assert len(house.slack.calls("chat.getPermalink")) == 3


@pytest.mark.parametrize("seconds", [0.0, 5.0])
async def test_a_line_whose_message_slack_does_not_find_is_shown_without_a_link(
    house: House, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.permalinks.SECONDS", 0.3)
    await house.start()
    await learn(house, "I live in Lisbon")
    house.slack.fail("chat.getPermalink", error="" if seconds else "message_not_found", seconds=seconds)
    assert re.fullmatch(r"Location: Lisbon\n_in public, .+_", lines(await memory(house))[0])
    assert "|in public" in lines(await memory(house))[0]


async def test_a_typed_command_shows_the_same_page(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    for line in ("!memory", f"{house.at} memory"):
        before = len(house.slack.ephemerals)
        await house.slack.say(house.ana, house.channel, line, thread_ts=house.slack.ephemerals[0]["thread_ts"])
        while len(house.slack.ephemerals) == before:
            await house.quiet(0.02)
        assert lines(house.slack.ephemerals[-1])[0].startswith("Location: Lisbon")


async def test_a_long_page_is_turned_and_the_home_shows_more_of_it(house: House) -> None:
    await house.start()
    await write(house, [f"thing {n}" for n in range(1, 46)])
    shown = await memory(house)
    assert len(lines(shown)) == 20
    assert lines(shown)[0].startswith("Interests: thing 45\n")
    assert "Lines 1 to 20 of 45, the newest first. My Home tab shows more" in json.dumps(shown)
    assert labels(shown) == ["Pause", "Export", "Older"]
    turned = await answered(house, await press(house, shown, "Older"))
    assert turned["replace_original"] is True
    assert lines(turned)[0].startswith("Interests: thing 25\n")
    assert labels(turned) == ["Pause", "Export", "Newer", "Older"]
    last = await answered(house, await press(house, turned, "Older"))
    assert [line.partition("\n")[0] for line in lines(last)] == [f"Interests: thing {n}" for n in (5, 4, 3, 2, 1)]
    back = await answered(house, await press(house, last, "Newer"))
    assert lines(back)[0].startswith("Interests: thing 25\n")
    blocks = await opened(house)
    assert len(lines({"blocks": blocks})) == 40
    assert "and 5 older lines" in json.dumps(blocks)


def test_a_page_of_the_longest_lines_is_no_longer_than_slack_takes() -> None:
    at = datetime.now(UTC)
    held = Page(tuple(Remembered(10**17 + n, "&" * 900, "&", at, "public", f"m{n}") for n in range(300)))
    asked = in_channel("T0123456789A", "C0123456789A", Resource("slack", "E0123456789A:U0123456789A"))
    seen = page.seen(held)
    links = {line.message: "https://a-workspace-with-a-long-name.enterprise.slack.com/archives/C0123456789A/p1" for line
             in seen}  # fmt: skip
    blocks = page.shown(held, seen, links, asked, 0)
    check_blocks([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}, *blocks])
    assert 1 <= len(seen) < 20
    assert labels({"blocks": blocks})[-1] == "Older"


def test_what_buttons_and_menus_keep_is_read_again_by_whom_it_belongs_to_alone() -> None:
    us, person = Workspace("T1"), Resource("slack", "T1:U1")
    asked = Command(person, Thread("slack", "T1:C1:17.000100"), ("correct", "7"), shared=True, manages=False)
    order = chosen(option("correct", 7, asked, 20), person, us)
    assert order is not None
    assert (order.asked, order.at) == (asked, 20)
    line = "forget R&D <b> yes"
    value = kept(line, asked)
    assert not set("&<>") & set(value)
    read = given(value, person, us)
    assert read is not None
    assert (read.name, " ".join(read.asked.words)) == ("forget", line.removeprefix("forget "))
    for somebody, there in ((Resource("slack", "T1:U2"), us), (person, Workspace("T2"))):
        assert given(value, somebody, there) is None
    assert chosen(option("correct", 7, asked, 20), Resource("slack", "T1:U2"), us) is None
    for broken in ("", "correct", "correct 7 x 1 T1:U1 C1", "correct 7 0 1 T1:U1 C1 more"):
        assert chosen(broken, person, us) is None


# Correcting


async def test_a_line_is_corrected_in_a_form_and_the_page_shown_in_its_place(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    shown = await memory(house)
    await pick(house, shown["blocks"], "Lisbon", "Correct")
    view = await form(house)
    (field,) = [block for block in view["blocks"] if block["type"] == "input"]
    assert (field["element"]["initial_value"], field["element"]["max_length"]) == ("Lisbon", 200)
    assert "Location: Lisbon\n_in public" in view["blocks"][0]["text"]["text"]
    await house.stop()
    await house.start()
    sent = await house.slack.submit(house.ana, "Porto, at R&D by the <!here> Sea")
    assert sent.acked is not None
    assert house.slack.views == {}
    (asked,) = [one for one in house.slack.asked.values() if one.payload.get("actions")]
    answer = await answered(house, asked)
    assert answer["replace_original"] is True
    assert answer["text"].startswith("Done. ")
    assert lines(answer)[0].startswith("Location: Porto, at R&amp;D by the &lt;!here&gt; Sea\n")
    assert await facts(house) == ["Porto, at R&D by the <!here> Sea"]


async def test_a_form_is_filled_with_the_line_and_closed_without_harm(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    shown = await memory(house)
    house.slack.fail("views.update", error="not_found")  # they closed it before it was filled
    await pick(house, shown["blocks"], "Lisbon", "Correct")
    await house.slack.until(lambda: house.slack.calls("views.update"))
    house.slack.close()
    await pick(house, shown["blocks"], "Lisbon", "Correct")
    await house.slack.until(lambda: len(house.slack.calls("views.update")) == 2)
    house.slack.close()
    assert await facts(house) == ["Lisbon"]


async def test_a_form_that_slack_does_not_open_in_time_is_regretted(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    shown = await memory(house)
    house.slack.trigger_seconds = 0
    late = await pick(house, shown["blocks"], "Lisbon", "Correct")
    answer = await answered(house, late)
    assert answer["text"] == "Slack did not open the form in time. Please try again."
    assert answer["replace_original"] is False


async def test_a_form_about_a_line_that_is_gone_says_so(house: House) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon")
    shown = await memory(house)
    await answered(house, await press(house, note, "Undo"))
    for label in ("Correct", "Forget"):
        updates = len(house.slack.calls("views.update"))
        await pick(house, shown["blocks"], "Lisbon", label)
        while len(house.slack.calls("views.update")) == updates:
            await house.quiet(0.02)
        view = house.slack.form()
        assert view["blocks"][0]["text"]["text"] == "That line is not on your page any more."
        assert view["submit"] is None
        house.slack.close()


async def test_nobody_else_corrects_a_line(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    shown = await memory(house)
    theirs = await pick(house, shown["blocks"], "Lisbon", "Correct", user=house.bob)
    await house.quiet()
    assert (theirs.answers, house.slack.views) == ([], {})
    await pick(house, shown["blocks"], "Lisbon", "Correct")
    await form(house)
    await house.slack.submit(house.bob, "Nowhere")
    await house.quiet()
    assert await facts(house) == ["Lisbon"]


@pytest.mark.parametrize("how", ["/memory", "!memory", "!MEMORY"])
async def test_a_line_is_corrected_by_typing_with_the_letters_as_they_are_written(house: House, how: str) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon")
    (line,) = await house.rows("select id from hathi.facts")
    text = f"Correct {line['id']} São Paulo & R&D"
    if how.startswith("/"):
        answer = await answered(house, await house.slack.slash(house.ana, house.channel, how, text))
    else:
        before = len(house.slack.ephemerals)
        escaped = text.replace("&", "&amp;")
        await house.slack.say(house.ana, house.channel, f"{how} {escaped}", thread_ts=note["thread_ts"])
        await house.slack.until(lambda: len(house.slack.ephemerals) > before)
        answer = house.slack.ephemerals[-1]
    assert lines(answer)[0].startswith("Location: São Paulo &amp; R&amp;D\n")
    assert await facts(house) == ["São Paulo & R&D"]


# Forgetting


async def test_a_line_is_forgotten_with_its_messages_once_somebody_is_sure(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    await learn(house, "I like tea")
    shown = await memory(house)
    picked = await pick(house, shown["blocks"], "Lisbon", "Forget")
    view = await form(house)
    assert "This deletes “Location: Lisbon”" in view["blocks"][0]["text"]["text"]
    assert (view["submit"]["text"], view["close"]["text"]) == ("Delete", "Keep")
    await house.stop()
    await house.start()
    await house.slack.submit(house.ana)
    answer = await answered(house, picked)
    assert answer["replace_original"] is True
    assert answer["text"].startswith("Done: forgotten, 1 line and 2 messages. ")
    assert [line.partition("\n")[0] for line in lines(answer)] == ["Interests: tea"]
    assert await facts(house) == ["tea"]


@pytest.mark.parametrize(
    ("how", "words"), [("/forget", ""), ("/forget", "about "), ("!forget", ""), ("!forget", "About ")]
)
async def test_something_is_forgotten_by_what_it_is_about(house: House, how: str, words: str) -> None:
    await house.start()
    note = await learn(house, "My favourite colour is blue", house.dm)
    if how.startswith("/"):
        asked = await house.slack.slash(house.ana, house.dm, how, f"{words}My favourite Colour")
        answer = await answered(house, asked)
    else:
        before = len(house.slack.ephemerals)
        await house.slack.say(house.ana, house.dm, f"{how} {words}My favourite Colour", thread_ts=note["thread_ts"])
        await house.slack.until(lambda: len(house.slack.ephemerals) > before)
        answer = house.slack.ephemerals[-1]
    assert f"“{'My' if words else 'my'} favourite Colour”" in answer["text"]
    done = await answered(house, await press(house, answer, "Delete"))
    assert done["text"] == "Done: forgotten, 1 line and 2 messages."
    assert await facts(house) == []


async def test_behind_a_mention_what_is_to_be_forgotten_is_a_sentence(house: House) -> None:
    await house.start()
    assert await house.ask(f"{house.at} forget my favourite colour") == "You said: forget my favourite colour"


# Off the record, and taken along


async def test_one_goes_off_the_record_and_on_it_again(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    paused = await answered(house, await press(house, await memory(house), "Pause"))
    assert paused["replace_original"] is True
    assert paused["text"].startswith("Off the record from now on")
    assert labels(paused) == ["Resume", "Export"]
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} I like pangolins")
    await house.slack.until(lambda: house.texts(house.channel, ts) == ["You said: I like pangolins"])
    await house.ended()
    await house.quiet()
    assert await facts(house) == ["Lisbon"]
    resumed = await answered(house, await press(house, paused, "Resume"))
    assert resumed["text"].startswith("On the record again")


@pytest.mark.parametrize("how", ["button", "slash", "typed"])
async def test_all_of_it_is_taken_along_as_a_file(house: House, how: str) -> None:
    await house.start()
    note = await learn(house, "I live in Lisbon")
    if how == "button":
        answer = await answered(house, await press(house, await memory(house), "Export"))
        assert answer["replace_original"] is False
    elif how == "slash":
        answer = await answered(house, await house.slack.slash(house.ana, house.channel, "/memory", "Export"))
    else:
        await house.slack.say(house.ana, house.channel, "!memory export", thread_ts=note["thread_ts"])
        await house.slack.until(lambda: len(house.slack.ephemerals) > 1)
        answer = house.slack.ephemerals[-1]
    assert answer["text"] == "It is in a file in our direct message."
    ((channel, name, content),) = house.slack.uploads
    assert (channel, name) == (house.dm, "hathi.json")
    assert [fact["value"] for fact in json.loads(content)["facts"]] == ["Lisbon"]


@pytest.mark.parametrize("call", ["conversations.open", "files.getUploadURLExternal", "^upload$"])
async def test_a_file_that_slack_does_not_take_is_regretted(house: House, call: str) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    shown = await memory(house)
    house.slack.fail(call, status=500)
    answer = await answered(house, await press(house, shown, "Export"))
    assert answer["text"] == "Slack does not take the file right now. Please try again in a minute."
    assert house.slack.uploads == []


# One person, two accounts


@pytest.mark.parametrize("how", ["/link", "!link"])
async def test_two_accounts_become_one_person_and_two_again(house: House, how: str) -> None:
    await house.start()
    offered = await answered(house, await house.slack.slash(house.ana, house.channel, "/link"))
    found = re.search(r"Type /link ([0-9A-Z]{4}-[0-9A-Z]{4}) where", offered["text"])
    assert found
    there = house.slack.dm(house.bob)
    if how == "/link":
        question = await answered(house, await house.slack.slash(house.bob, there, "/link", found[1]))
    else:
        await house.slack.say(house.bob, there, f"!link {found[1]}")
        await house.slack.until(lambda: house.slack.ephemerals)
        question = house.slack.ephemerals[-1]
    assert f"This makes you and slack:{house.slack.team}:{house.ana} one person" in question["text"]
    assert labels(question) == ["Both are me"]
    sure = await answered(house, await press(house, question, "Both are me", user=house.bob))
    assert "Now say /link where the code came from" in sure["text"]
    named = await answered(house, await press(house, offered, "I have typed it"))
    assert f"Your code was typed by slack:{house.slack.team}:{house.bob}" in named["text"]
    done = await answered(house, await press(house, named, "That is me"))
    assert "are one person" in done["text"]
    parted = await answered(house, await house.slack.slash(house.bob, there, "/unlink"))
    assert "stand alone" in parted["text"]


async def test_a_code_that_is_typed_where_others_read_is_worth_nothing_to_them(house: House) -> None:
    await house.start()
    offered = await answered(house, await house.slack.slash(house.ana, house.channel, "/link"))
    code = offered["text"].partition("/link ")[2][:9]
    root = await house.slack.say(house.bob, house.channel, "hello")
    await house.slack.say(house.bob, house.channel, f"{house.at} !link {code}", thread_ts=root)
    await house.slack.until(lambda: house.slack.ephemerals)
    assert "not good any more" in house.slack.ephemerals[-1]["text"]
    eve = house.slack.person("eve")
    told = await answered(house, await house.slack.slash(eve, house.channel, "/link", code))
    assert "wrong or has expired" in told["text"]


# In the home


async def opened(house: House) -> list[JSON]:
    """Open Ana's home; its blocks."""
    house.slack.homes.pop(house.ana, None)
    await house.slack.home(house.ana)
    return await renewed(house)


async def renewed(house: House) -> list[JSON]:
    await house.slack.until(lambda: house.ana in house.slack.homes)
    blocks: list[JSON] = house.slack.homes.pop(house.ana)["blocks"]
    return blocks


async def press_at_home(house: House, blocks: list[JSON], label: str) -> list[JSON]:
    buttons = [each for block in blocks for each in block.get("elements", ())]
    (one,) = [each for each in buttons if each.get("type") == "button" and each["text"]["text"] == label]
    await house.slack.press(house.ana, house.dm, None, one["action_id"], one["value"], view=True)
    return await renewed(house)


def words(blocks: list[JSON]) -> str:
    return " ".join(re.findall(r'"text": "([^"]*)"', json.dumps(blocks, ensure_ascii=False)))


async def test_the_home_shows_the_page_and_a_line_is_corrected_there(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    await house.stop()
    await house.start()
    blocks = await opened(house)
    assert re.fullmatch(r"Location: Lisbon\n_<https://\S+\|in public, .+>_", lines({"blocks": blocks})[0])
    await pick(house, blocks, "Lisbon", "Correct", view=True)
    await form(house)
    await house.slack.submit(house.ana, "Porto")
    blocks = await renewed(house)
    assert lines({"blocks": blocks})[0].startswith("Location: Porto\n")
    assert " Done. " in words(blocks)
    assert house.slack.ephemerals[1:] == []


async def test_what_cannot_stand_on_a_line_is_refused_in_the_home_too(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    await pick(house, await opened(house), "Lisbon", "Correct", view=True)
    await form(house)
    await house.slack.submit(house.ana, "N/A")
    blocks = await renewed(house)
    assert " That line is not on your page, or cannot be changed to that. " in words(blocks)
    assert lines({"blocks": blocks})[0].startswith("Location: Lisbon\n")


async def test_a_line_is_forgotten_in_the_home(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    await pick(house, await opened(house), "Lisbon", "Forget", view=True)
    await form(house)
    await house.slack.submit(house.ana)
    blocks = await renewed(house)
    assert "Done: forgotten, 1 line and 2 messages." in words(blocks)
    assert lines({"blocks": blocks}) == []
    assert await facts(house) == []


async def test_one_goes_off_the_record_in_the_home_and_on_it_again(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    blocks = await press_at_home(house, await opened(house), "Pause")
    assert "Off the record from now on: I answer each message by itself" in words(blocks)
    assert "You are off the record: I keep nothing of what you say." in words(blocks)
    blocks = await press_at_home(house, blocks, "Resume")
    assert "On the record again" in words(blocks)
    assert "You are off the record" not in words(blocks)


async def test_a_file_that_slack_does_not_take_is_regretted_in_the_home(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    blocks = await opened(house)
    house.slack.fail("files.completeUploadExternal", error="internal_error")
    blocks = await press_at_home(house, blocks, "Export")
    assert "Slack does not take the file right now." in words(blocks)
    blocks = await press_at_home(house, blocks, "Export")
    assert "It is in a file in our direct message." in words(blocks)
    assert len(house.slack.uploads) == 1


async def test_a_form_that_is_not_opened_in_time_is_regretted_in_the_home(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    blocks = await opened(house)
    house.slack.trigger_seconds = 0
    await pick(house, blocks, "Lisbon", "Correct", view=True)
    assert "Slack did not open the form in time." in words(await renewed(house))


def test_a_form_takes_the_longest_value_and_names() -> None:
    asked = in_channel("T0123456789A", "C0123456789A", Resource("slack", "E0123456789A:U0123456789A"))
    line = Remembered(1, "Facts: " + "<&>" * 400, "<&>" * 400, datetime.now(UTC), "direct")
    url = "https://hooks.slack.com/actions/T0123456789A/1234567890123/" + "x" * 200
    check_view(forms.correcting(line, kept("memory correct 1", asked, channel="C1", url=url)), "modal")


async def test_a_form_with_a_bent_value_sends_nothing_to_another_address_and_does_nothing_else(house: House) -> None:
    await house.start()
    await learn(house, "I live in Lisbon")
    asked = await house.slack.slash(house.ana, house.channel, "/memory")
    await pick(house, (await answered(house, asked))["blocks"], "Lisbon", "Correct")
    view = await form(house)
    metadata = json.loads(view["private_metadata"])
    before = len(house.model.asked)
    for bent in (
        {**metadata, "url": house.model.base_url},
        {**metadata, "line": "reset yes", "thread": f"slack:{house.slack.team}:{house.slack.dm(house.bob)}"},
        {**metadata, "owner": f"slack:{house.slack.team}:{house.bob}"},
    ):
        await house.slack.submit(house.ana, "Porto", metadata=json.dumps(bent))
    await house.quiet()
    assert await facts(house) == ["Lisbon"]
    assert len(house.model.asked) == before

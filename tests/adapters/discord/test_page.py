"""A person's page on Discord: shown, turned, corrected, forgotten, paused, taken away; and the note under an answer."""

import json
import re

import pytest

from memory.working.pages import Pages
from tests.adapters.discord.conftest import AT, House
from tests.adapters.discord.test_interacting import told
from tests.fakes.discord_api import Asked, Post
from tests.fakes.learner import learner


async def learn(house: House, text: str, channel: int = 0, user: int = 0) -> Post:
    """Say something that is noted; the answer with the note under it."""
    channel = channel or house.channel
    house.model.arguments = learner
    await house.ask(text, user=user or house.ana, channel=channel)
    post = house.discord.posts(channel)[-1]
    await house.discord.until(lambda: post.components)
    return post


async def facts(house: House) -> list[str]:
    rows = await house.transcript.database.fetch("select value from hathi.facts order by id")
    return [row["value"] for row in rows]


async def test_what_was_noted_stands_small_under_the_answer_and_is_taken_back_by_whose_it_is(house: House) -> None:
    await house.start()
    post = await learn(house, f"{AT} I live in Lisbon")
    (row,) = post.components
    (button,) = row["components"]
    assert (button["label"], button["style"]) == ("Noted: Location: Lisbon · Undo", 2)
    assert post.text == "You said: I live in Lisbon"
    theirs = await house.discord.press(house.bob, house.channel, button["custom_id"], post=post.id)
    await house.discord.until(lambda: theirs.follow_ups)
    assert "somebody else" in theirs.follow_ups[0]["content"]
    assert await facts(house) == ["Lisbon"]
    await house.stop()
    await house.start()
    mine = await house.discord.press(house.ana, house.channel, button["custom_id"], post=post.id)
    await house.discord.until(lambda: mine.follow_ups)
    assert mine.follow_ups[0]["content"] == "Done: it is not on your page."
    assert mine.follow_ups[0]["flags"] == 64
    assert post.components == []
    assert post.text == "You said: I live in Lisbon"
    assert await facts(house) == []


async def test_several_things_are_one_note_and_what_is_forgotten_is_one_too(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    post = await learn(house, "I live in Lisbon and I like tea", direct)
    assert [b["label"] for row in post.components for b in row["components"]] == ["Noted: 2 things · Undo"]
    post = await learn(house, "forget that I like tea", direct)
    (button,) = post.components[0]["components"]
    assert (button["label"], button["disabled"]) == ("Forgotten", True)
    assert await facts(house) == ["Lisbon"]


async def test_a_page_links_each_line_to_where_it_was_said(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    await learn(house, "My favourite colour is blue", direct)
    await learn(house, f"{AT} I work on payments")
    asked = await house.discord.slash(house.ana, house.channel, "memory")
    text = await told(house, asked)
    assert asked.ephemeral
    found = re.findall(
        r"^- (.+) \(\[in (.+?), \d.*\]\(https://discord.com/channels/(\S+)/(\d+)/\d+\)\)$", text, re.MULTILINE
    )
    assert found == [
        ("Preferences: favourite colour blue", "a direct message", "@me", str(direct)),
        ("Projects: works on payments", "public", str(house.guild), str(house.channel)),
    ]
    assert "Pause" in str(asked.components)


async def test_a_line_is_picked_and_corrected_in_a_form(house: House) -> None:
    await house.start()
    await learn(house, f"{AT} I live in Lisbon")
    picked = await _pick(house, "Lisbon")
    opened = await house.discord.press(house.ana, house.channel, picked.button("Correct"))
    await house.discord.until(lambda: opened.form)
    assert opened.form is not None
    assert opened.form["components"][0]["components"][0]["value"] == "Lisbon"
    await house.stop()
    await house.start()
    sent = await house.discord.submit(house.ana, house.channel, opened.form, "Porto *by* the @everyone sea")
    text = await told(house, sent)
    assert text.startswith("Done. ")
    assert "Location: Porto \\*by\\* the @\u200beveryone sea" in text
    assert await facts(house) == ["Porto *by* the @everyone sea"]


async def test_a_line_is_picked_and_forgotten_with_its_messages(house: House) -> None:
    await house.start()
    await learn(house, f"{AT} I live in Lisbon")
    await learn(house, f"{AT} I like tea")
    picked = await _pick(house, "Lisbon")
    asked = await house.discord.press(house.ana, house.channel, picked.button("Forget"))
    assert "This deletes “Location: Lisbon”" in await told(house, asked)
    done = await house.discord.press(house.ana, house.channel, asked.button("Delete"))
    assert await told(house, done) == "Done: forgotten, 1 line and 2 messages."
    assert await facts(house) == ["tea"]


async def test_a_long_page_is_turned(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} hello")
    await house.transcript.database.fetch(
        """
        insert into hathi.facts (page, person, field, value, audience)
        select $1, $1, 'Interests', 'thing ' || n, 'public:x' from generate_series(1, 20) as n
        """,
        f"discord:{house.ana}",
    )
    await _write(house)
    asked = await house.discord.slash(house.ana, house.channel, "memory")
    assert "Lines 1 to 8 of 20:" in await told(house, asked)
    turned = await house.discord.press(house.ana, house.channel, asked.button("›"))
    assert "Lines 9 to 16 of 20:" in await told(house, turned)
    last = await house.discord.press(house.ana, house.channel, turned.button("›"))
    assert "- Interests: thing 20" in await told(house, last)
    assert "Lines 9 to 16" in await told(house, await house.discord.press(house.ana, house.channel, last.button("‹")))


async def test_one_goes_off_the_record_and_takes_everything_away(house: House) -> None:
    await house.start()
    await learn(house, f"{AT} I live in Lisbon")
    asked = await house.discord.slash(house.ana, house.channel, "memory")
    await told(house, asked)
    paused = await house.discord.press(house.ana, house.channel, asked.button("Pause"))
    assert (await told(house, paused)).startswith("Off the record from now on")
    await house.discord.say(house.ana, house.channel, f"{AT} I like pangolins")
    await house.discord.until(lambda: "You said: I like pangolins" in house.discord.texts(house.channel))
    await house.quiet()
    assert await facts(house) == ["Lisbon"]
    export = await house.discord.press(house.ana, house.channel, paused.button("Export"))
    await house.discord.until(lambda: export.follow_ups)
    (answer,) = export.follow_ups
    assert answer["flags"] == 64
    assert "pangolins" not in answer["files"]["files[0]"]
    assert [fact["value"] for fact in json.loads(answer["files"]["files[0]"])["facts"]] == ["Lisbon"]
    resumed = await house.discord.press(house.ana, house.channel, paused.button("Resume"))
    assert (await told(house, resumed)).startswith("On the record again")


async def test_something_is_forgotten_by_what_it_is_about(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    await learn(house, "My favourite colour is blue", direct)
    asked = await house.discord.slash(house.ana, direct, "forget", "about", what="my favourite colour")
    assert "“my favourite colour”" in await told(house, asked)
    done = await house.discord.press(house.ana, direct, asked.button("Delete"))
    assert await told(house, done) == "Done: forgotten, 1 line and 2 messages."
    assert await facts(house) == []


async def test_two_accounts_become_one_person(house: House) -> None:
    await house.start()
    code = await told(house, await house.discord.slash(house.ana, house.channel, "link"))
    asked = await house.discord.slash(house.bob, house.channel, "link", code=code.partition("/link ")[2][:9])
    assert f"This makes you and discord:{house.ana} one person" in await told(house, asked)
    done = await house.discord.press(house.bob, house.channel, asked.button("Both are me"))
    assert "are one person" in await told(house, done)
    assert "stand alone" in await told(house, await house.discord.slash(house.bob, house.channel, "unlink"))


@pytest.mark.parametrize("gone", [True, False])
async def test_a_note_that_cannot_be_shown_costs_nothing(house: House, gone: bool) -> None:
    await house.start()
    house.model.arguments = learner
    house.discord.fail(r"PATCH /channels/\d+/messages", status=404 if gone else 403, times=3)
    await house.ask(f"{AT} I live in Lisbon")
    await house.quiet()
    assert await house.ask(f"{AT} still there?") == "You said: still there?"


async def _pick(house: House, text: str) -> Asked:
    """Choose a line of Ana's page."""
    asked = await house.discord.slash(house.ana, house.channel, "memory")
    await told(house, asked)
    (menu,) = [part for row in asked.components for part in row["components"] if part["type"] == 3]
    line = next(option["value"] for option in menu["options"] if text in option["label"])
    picked = await house.discord.press(house.ana, house.channel, menu["custom_id"], picks=line)
    assert text in await told(house, picked)
    return picked


async def _write(house: House) -> None:
    """Write the text of Ana's page as it follows from its lines."""
    database, person = house.transcript.database, f"discord:{house.ana}"
    from memory.working.loading import read_template

    pages = Pages(database, read_template(None))
    sheet = (await pages._load(database, [person]))[person]
    await database.fetch(
        """insert into public.mastra_resources (id, "workingMemory", "createdAt", "updatedAt")
           values ($1, $2, now(), now())""",
        person,
        pages.template.render(sheet.facts),
    )

"""A person's page on Discord: shown, turned, corrected, forgotten, paused, taken away."""

import gzip
import json
import re
from datetime import UTC, datetime

import discord
import pytest

from adapters.discord import page as pages
from bot.chat import Resource, Thread
from bot.ports import Page, Remembered
from tests.adapters.discord.conftest import AT, House
from tests.fakes import discord_rules as rules
from tests.fakes.discord_api import Asked
from tests.stores import pages_in

AT_NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)


async def shown(house: House, channel: int = 0) -> Asked:
    """Ana's page."""
    asked = await house.discord.slash(house.ana, channel or house.channel, "memory")
    await house.told(asked)
    return asked


async def press(house: House, asked: Asked, label: str) -> Asked:
    return await house.discord.press(house.ana, house.channel, asked.button(label))


async def choose(house: House, asked: Asked, text: str) -> Asked:
    """Choose a line of Ana's page."""
    line = next(option["value"] for option in asked.menu["options"] if text in option["label"])
    chosen = await house.discord.press(house.ana, house.channel, asked.menu["custom_id"], picks=line)
    await house.told(chosen)
    return chosen


async def wait_for_form(house: House, opened: Asked) -> str:
    """What stands in a form when it is opened."""
    await house.discord.until(lambda: opened.form)
    assert opened.form is not None
    return str(opened.form["components"][0]["component"]["value"])


async def fill(house: House, values: list[str]) -> None:
    """Put lines on Ana's page."""
    await house.ask(f"{AT} hello")
    database, person = house.transcript.database, f"discord:{house.ana}"
    async with database.transaction() as connection, pages_in(database).changing(connection, [person]):
        await connection.execute(
            """
            insert into hathi.facts (page, person, field, value, audience)
            select $1, $1, 'Interests', value, 'public:x' from unnest($2::text[]) as value
            """,
            person,
            values,
        )


async def take_away(house: House, value: str) -> None:
    """Take a line from Ana's page, as if somewhere else."""
    store = pages_in(house.transcript.database)
    person = Resource("discord", str(house.ana))
    lines = [line.id for line in (await store.page(person)).lines if line.value == value]
    assert await store.undo(person, lines) == 1


# Shown


async def test_a_page_links_each_line_to_where_it_was_said(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    await house.learn("My favourite colour is blue", direct)
    await house.learn(f"{AT} I work on payments")
    asked = await shown(house)
    assert asked.ephemeral
    found = re.findall(
        r"^- (.+) \(\[in (.+?), \d.*\]\(https://discord.com/channels/(\S+)/(\d+)/\d+\)\)$", asked.texts[-1], re.M
    )
    assert found == [
        ("Preferences: favourite colour blue", "a direct message", "@me", str(direct)),
        ("Projects: works on payments", "public", str(house.guild), str(house.channel)),
    ]
    assert asked.labels == ["Pause", "Export"]
    assert [option["label"] for option in asked.menu["options"]] == [text for text, *_ in found]


async def test_what_was_said_in_an_unknown_channel_is_not_linked(house: House) -> None:
    await house.start()
    left = house.discord.channel(house.guild)  # the bot is never told of this one
    for channel in (house.channel, left):
        await house.learn(f"{AT} I like {'tea' if channel == left else 'coffee'}", channel)
    texts = (await shown(house)).texts[-1].splitlines()
    assert "(https://discord.com/channels/" in next(line for line in texts if "coffee" in line)
    assert re.fullmatch(r"- Interests: tea \(in .+ 2\d\d\d\)", next(line for line in texts if "tea" in line))


@pytest.mark.parametrize(
    ("message", "thread"),
    [
        ("slack:C1:17.4", Thread("slack", "C1")),
        ("discord:12", Thread("discord", "7:8")),  # asked about in private: no such message
        ("discord:12:answer", Thread("discord", "7")),
        ("", None),
    ],
)
async def test_what_is_no_message_of_discord_gets_no_link(message: str, thread: Thread | None) -> None:
    client = discord.Client(intents=discord.Intents.none())
    link = pages.link_with(client)
    assert link(Remembered(1, "a", "a", AT_NOON, "direct", message, thread)) is None
    assert link(Remembered(1, "a", "a", AT_NOON, "direct", "discord:12", Thread("discord", "7"))) == (
        "https://discord.com/channels/@me/7/12"
    )
    assert link(Remembered(1, "a", "a", AT_NOON, "public", "discord:12", Thread("discord", "7"))) is None


async def test_a_long_page_is_turned_on_any_replica(house: House) -> None:
    await house.start()
    await fill(house, [f"thing {n}" for n in range(1, 24)])
    first = await shown(house)
    assert "Lines 1 to 10 of 23:\n- Interests: thing 1 (" in first.texts[-1]
    assert first.labels == ["›", "Pause", "Export"]
    await house.stop()
    await house.start()
    second = await press(house, first, "›")
    assert "Lines 11 to 20 of 23:" in await house.told(second)
    assert second.response == {"type": 6}  # in place
    await take_away(house, "thing 21")  # where the next leaf was to begin
    last = await press(house, second, "›")
    assert "Lines 21 to 22 of 22:\n- Interests: thing 22 (" in await house.told(last)
    assert last.labels == ["‹", "Pause", "Export"]
    assert "Lines 11 to 20" in await house.told(await press(house, last, "‹"))


async def test_the_longest_page_fits_and_mentions_nobody() -> None:
    evil = "@everyone <@123456789012345678> <#1> </a:1> *`_[x](y) " * 4
    lines = tuple(
        Remembered(10**18 + n, f"Facts: {evil}{n}", evil[:200], AT_NOON, "public", "discord:1") for n in range(60)
    )
    address = f"https://discord.com/channels/{'9' * 20}/{'9' * 20}/{'9' * 20}"
    page, owner, seen, at = Page(lines, paused=True), "9" * 20, 0, 0
    while True:
        look = pages.Looking(at, at)
        text, view = pages.shown(page, "a long introduction " * 200, lambda _: address, look, owner)
        assert len(text) <= 2000
        assert not re.search(r"@everyone|<@\d|<#\d|</a", text)
        components = view.to_components()
        rules.components(components)
        seen += text.count(address)
        turn = next((b for b in rules.inside(components) if b.get("label") == "›"), None)
        if turn is None or turn["disabled"]:
            break
        at = int(turn["custom_id"].split()[-1])
    assert seen == 60


# Corrected, forgotten


async def test_a_line_is_chosen_and_corrected_in_a_form(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    chosen = await choose(house, await shown(house), "Lisbon")
    assert [option["default"] for option in chosen.menu["options"]] == [True]
    assert "- Location: Lisbon (" in chosen.texts[-1]
    opened = await press(house, chosen, "Correct")
    assert await wait_for_form(house, opened) == "Lisbon"
    await house.stop()
    await house.start()
    assert opened.form is not None
    sent = await house.discord.submit(house.ana, house.channel, opened.form, "Porto *by* the @everyone sea")
    text = await house.told(sent)
    assert text.startswith("Done. ")
    assert "- Location: Porto \\*by\\* the @\u200beveryone sea (" in text
    assert sent.labels == ["Correct", "Forget", "Pause", "Export"]  # the line is still chosen
    assert await house.facts() == ["Porto *by* the @everyone sea"]
    again = await house.discord.submit(house.ana, house.channel, opened.form, "  ")
    assert "Porto" in await house.told(again)


async def test_a_form_of_a_line_that_went_meanwhile_is_the_page(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    chosen = await choose(house, await shown(house), "Lisbon")
    await take_away(house, "Lisbon")
    opened = await press(house, chosen, "Correct")
    assert "There is nothing on your page yet." in await house.told(opened)
    assert opened.form is None
    assert await house.told(await press(house, chosen, "Forget")) == "That line is not on your page."


async def test_two_processes_open_one_form(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    await house.start()
    opened = await press(house, await choose(house, await shown(house), "Lisbon"), "Correct")
    assert await wait_for_form(house, opened) == "Lisbon"
    await house.quiet()
    callbacks = [status for _, _, path, _, status in house.discord.requests if f"/{opened.id}/" in path]
    assert sorted(callbacks) == [200, 400]
    assert opened.texts == []


async def test_a_line_is_forgotten_with_its_messages_once_one_is_sure(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    await house.learn(f"{AT} I like tea")
    chosen = await choose(house, await shown(house), "Lisbon")
    asked = await press(house, chosen, "Forget")
    assert "This deletes “Location: Lisbon”" in await house.told(asked)
    assert asked.labels == ["Delete", "Back"]
    back = await press(house, asked, "Back")
    assert "- Location: Lisbon (" in await house.told(back)
    assert back.labels == ["Correct", "Forget", "Pause", "Export"]
    await house.stop()
    await house.start()
    done = await press(house, asked, "Delete")
    assert await house.told(done) == "Done: forgotten, 1 line and 2 messages."
    assert await house.facts() == ["tea"]
    assert "- Interests: tea (" in await house.told(await press(house, done, "Back"))


async def test_something_is_forgotten_by_what_it_is_about(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    await house.learn("My favourite colour is blue", direct)
    asked = await house.discord.slash(house.ana, direct, "forget", "about", what="my favourite colour, yes yes")
    assert "“my favourite colour,”" in await house.told(asked)  # a yes that is typed is none
    assert await house.facts() == ["favourite colour blue"]
    done = await house.discord.press(house.ana, direct, asked.button("Delete"))
    assert await house.told(done) == "Done: forgotten, 1 line and 2 messages."
    assert await house.facts() == []


async def test_the_longest_that_can_be_forgotten_fits_its_button(house: House) -> None:
    await house.start()
    what = "ü" * 50 + " öö öö"
    await house.ask(f"{AT} {what}")
    asked = await house.discord.slash(house.ana, house.channel, "forget", "about", what=what)
    assert f"“{what}”" in await house.told(asked)
    assert asked.buttons[0].endswith(f"forget about {what} yes")
    assert await house.told(await press(house, asked, "Delete")) == "Done: forgotten, 0 lines and 2 messages."
    longer = await house.discord.slash(house.ana, house.channel, "forget", "about", what=what + "ö")
    assert "in fewer words" in await house.told(longer)


# Off the record, and taken away


async def test_one_goes_off_the_record_and_takes_everything_away(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    asked = await shown(house)
    paused = await press(house, asked, "Pause")
    assert (await house.told(paused)).startswith("Off the record from now on")
    await house.discord.say(house.ana, house.channel, f"{AT} I like pangolins")
    await house.discord.until(lambda: "You said: I like pangolins" in house.discord.texts(house.channel))
    await house.quiet()
    assert await house.facts() == ["Lisbon"]
    export = await press(house, paused, "Export")
    await house.discord.until(lambda: export.follow_ups)
    (answer,) = export.follow_ups
    assert answer["flags"] == 64
    assert export.texts == []  # the page stays
    ((name, data),) = answer["files"].values()
    assert name == "hathi.json"
    assert b"pangolins" not in data
    assert [fact["value"] for fact in json.loads(data)["facts"]] == ["Lisbon"]
    assert json.loads(data)["off_record"]
    resumed = await press(house, paused, "Resume")
    assert (await house.told(resumed)).startswith("On the record again")


@pytest.mark.parametrize("most", [1500, 10])
async def test_what_is_too_large_for_discord_is_packed_or_handed_over_by_the_operator(house: House, most: int) -> None:
    await house.start()
    await house.ask(f"{AT} {'hello ' * 300}")
    asked = await shown(house)
    house.discord.file_bytes = most
    export = await press(house, asked, "Export")
    await house.discord.until(lambda: export.follow_ups)
    (answer,) = export.follow_ups
    if most == 10:
        assert "too large for Discord" in answer["content"]
        return
    ((name, data),) = answer["files"].values()
    assert name == "hathi.json.gz"
    assert "hello hello" in gzip.decompress(data).decode()


async def test_while_the_database_refuses_the_page_stays_and_says_so_beside(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    chosen = await choose(house, await shown(house), "Lisbon")
    await house.transcript.database.fetch("alter table hathi.facts rename to away")
    for label in ("Correct", "Pause"):
        pressed = await press(house, chosen, label)
        await house.discord.until(lambda pressed=pressed: pressed.follow_ups)  # type: ignore[misc]
        assert pressed.follow_ups[0]["flags"] == 64
        assert (pressed.texts, pressed.form) == ([], None)
    await house.transcript.database.fetch("alter table hathi.away rename to facts")
    assert await wait_for_form(house, await press(house, chosen, "Correct")) == "Lisbon"


async def test_whom_the_operator_leaves_out_gets_no_form(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I live in Lisbon")
    chosen = await choose(house, await shown(house), "Lisbon")
    await house.stop()
    await house.start(discord_deny=str(house.ana))
    pressed = await press(house, chosen, "Correct")
    await house.discord.until(lambda: pressed.follow_ups)
    assert "not to talk with you" in pressed.follow_ups[0]["content"]
    assert pressed.form is None


async def test_a_bent_button_does_nothing_to_somebody_elses_lines_or_words(house: House) -> None:
    await house.start()
    await house.learn(f"{AT} I like trains", user=house.bob)
    direct = house.discord.direct(house.bob)
    await house.ask("a secret of bob", user=house.bob, channel=direct)
    (line,) = await house.transcript.database.fetch("select id from hathi.facts")
    real = (await shown(house)).button("Pause")
    for does in ("undo {}", "forget {} yes", "correct {} planes", "choose {}"):
        bent = f"hathi:{house.ana}:memory {does.format(line['id'])}"
        await house.told(await house.discord.press(house.ana, house.channel, real, bent=bent))
    theirs = await house.discord.press(house.ana, house.channel, real, bent=f"hathi:{house.bob}:forget me yes")
    assert "only they can press it" in await house.told(theirs)
    own = await house.discord.press(house.ana, house.channel, real, bent=f"hathi:{house.ana}:reset yes {direct}")
    assert "Done: your part of this conversation is deleted, 0 messages." in await house.told(own)
    assert await house.facts() == ["trains"]
    rows = await house.transcript.database.fetch("select 1 from public.mastra_messages")
    assert len(rows) == 4


# One person, two accounts


async def test_two_accounts_become_one_person(house: House) -> None:
    await house.start()
    offered = await house.discord.slash(house.ana, house.channel, "link")
    code = await house.told(offered)
    typed = code.partition("/link ")[2][:9]
    asked = await house.discord.slash(house.bob, house.channel, "link", code=f"{typed.lower()} yes")
    assert f"This makes you and discord:{house.ana} one person" in await house.told(asked)
    assert asked.labels == ["Both are me"]
    sure = await house.discord.press(house.bob, house.channel, asked.button("Both are me"))
    assert "Now say /link where the code came from" in await house.told(sure)
    shown_to_ana = await house.discord.press(house.ana, house.channel, offered.button("I have typed it"))
    assert f"Your code was typed by discord:{house.bob}" in await house.told(shown_to_ana)
    done = await house.discord.press(house.ana, house.channel, shown_to_ana.button("That is me"))
    assert "are one person" in await house.told(done)
    assert f"one person here and as discord:{house.bob}" in (await shown(house)).texts[-1]
    assert "stand alone" in await house.told(await house.discord.slash(house.bob, house.channel, "unlink"))


# The fake


@pytest.mark.parametrize(
    "components",
    [
        [{"type": 2, "style": 2, "label": "no row", "custom_id": "a"}],
        [{"type": 1, "components": []}],
        [{"type": 1, "components": [{"type": 2, "style": 2, "label": "a", "custom_id": "a" * 101}]}],
        [{"type": 1, "components": [{"type": 2, "style": 2, "label": "a" * 81, "custom_id": "a"}]}],
        [{"type": 1, "components": [{"type": 2, "style": 2, "label": "twice", "custom_id": "a"}] * 2}],
        [{"type": 1, "components": [{"type": 3, "custom_id": "a", "options": []}]}],
        [{"type": 1, "components": [{"type": 3, "custom_id": "a", "options": [{"label": "b", "value": ""}]}]}],
    ],
)
def test_the_fake_refuses_what_discord_refuses(components: list[rules.JSON]) -> None:
    with pytest.raises(rules.Refused):
        rules.components(components)

"""What the bot reads: names for ids, and words for what is no text; over the wire, with the real client."""

from typing import Any

import pytest

from adapters.discord.reading import plain
from bot.chat import Thread
from tests.adapters.discord.conftest import AT, House
from tests.fakes.discord_api import FORUM, PUBLIC_THREAD, STAGE, VOICE


def test_markup_of_discord_is_read_as_a_person_sees_it() -> None:
    names = {("@", 1): "Ana", ("@&", 2): "mods", ("#", 3): "general"}
    text = "<@1> <@!1> <@&2> <#3> <@9> <:wave:5> <a:dance:6> </help:7> <t:0:R> a < b > c"
    assert plain(text, lambda kind, id_: names.get((kind, id_))) == (
        "@Ana @Ana @mods #general @unknown :wave: :dance: /help 1970-01-01 00:00 UTC a < b > c"
    )


@pytest.mark.parametrize(
    "text", ["<@", "<@1", "<@&>", "<t:99999999999999:R>", "<t:-999999999999>", "<:x:>", "<" * 2000]
)
def test_broken_markup_stays_as_it_is(text: str) -> None:
    assert plain(text, lambda kind, id_: None)


async def test_names_stand_for_ids_and_speakers_are_told_apart(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} <@{house.bob}> is here, see <#{house.channel}>")
    await house.ask(f"hey {AT}, and <@1>?", user=house.bob)
    assert house.asked()[0] == "Ana: @Bob the Builder is here, see #general"
    assert house.asked()[-1] == "Bob the Builder: hey @Hathi, and @unknown?"


@pytest.mark.parametrize(
    ("more", "heard"),
    [
        ({}, "(says nothing, but calls you)"),
        ({"sticker_items": [{"id": "1", "name": "Wave", "format_type": 1}]}, "[sticker: Wave]"),
        (
            {"poll": {"question": {"text": "Tea?"}, "expiry": "2026-12-01T00:00:00+00:00", "allow_multiselect": False,
                      "layout_type": 1, "answers": [{"answer_id": 1, "poll_media": {"text": "Yes"}}]}},
            "[poll: Tea? / Yes]",
        ),
        (
            {"message_snapshots": [{"message": {"content": "old news", "embeds": [], "attachments": [], "mentions": [],
                                                "type": 0, "timestamp": "2026-01-01T00:00:00+00:00",
                                                "edited_timestamp": None, "flags": 0}}],
             "message_reference": {"type": 1, "message_id": "1", "channel_id": "2"}},
            "[forwarded: old news]",
        ),
    ],
)  # fmt: skip
async def test_a_message_without_text_still_says_what_it_is(house: House, more: dict[str, Any], heard: str) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    await house.ask("", channel=direct, **more)
    assert house.asked() == [heard]


async def test_text_files_are_read_and_the_rest_is_named(house: House) -> None:
    await house.start()
    files = [
        house.discord.file("notes.md", "## Üben\nTäglich.".encode(), "text/markdown; charset=utf-8"),
        house.discord.file("long.txt", b"x" * 30_000, "text/plain"),
        house.discord.file("big.log", b"y" * 300_000, "text/plain"),
        house.discord.file("app.exe", b"MZ", "application/octet-stream"),
        house.discord.file("gone.txt", b"gone", "text/plain"),
    ]
    house.discord.expire(files[-1])
    house.model.answers = ["Thank you."]
    await house.ask(f"{AT} look", attachments=files)
    (text,) = house.asked()
    assert "look\n[file: notes.md]\n## Üben\nTäglich.\n[file: long.txt]\nxxx" in text
    assert "x" * 20_000 in text
    assert "x" * 20_001 not in text
    assert "[… cut here]" in text
    assert "[file: big.log, 300,000 bytes, which you cannot read]" in text
    assert "[file: app.exe, 2 bytes, which you cannot read]" in text
    assert "[file: gone.txt, which could not be read]" in text


async def test_pictures_are_shown_to_the_model_and_a_voice_message_is_owned_up_to(house: House) -> None:
    await house.start()
    cat = house.discord.file("cat.png", b"meow", "image/png")
    gone = house.discord.file("gone.png", b"gone", "image/png")
    house.discord.expire(gone)
    await house.ask(f"{AT} what is it?", attachments=[cat, gone])
    content = house.model.asked[-1]["messages"][-1]["content"]
    assert content[0]["text"] == "what is it?\n[image: cat.png]\n[image: gone.png]"
    assert [part["image_url"]["url"] for part in content[1:]] == ["data:image/png;base64,bWVvdw=="]
    voice = house.discord.file("voice-message.ogg", b"...", "audio/ogg") | {"duration_secs": 2, "waveform": "AA=="}
    await house.ask("", channel=house.discord.direct(house.ana), attachments=[voice], flags=1 << 13)
    assert house.asked() == ["[voice message, which you cannot hear]"]


async def test_a_reply_is_read_with_the_chain_that_it_stands_in(house: House) -> None:
    await house.start()
    first = await house.discord.say(house.bob, house.channel, "The build is red.")
    second = await house.discord.say(house.ana, house.channel, "Since when?", reply_to=first)
    await house.discord.say(house.bob, house.channel, "something else")
    await house.ask(f"{AT} can you help?", reply_to=second)
    assert house.asked() == [
        "Bob the Builder: The build is red.",
        "Ana: Since when?",
        "Ana: can you help?",
    ]
    stored = await house.transcript.database.fetch(
        "select author, addressed, audience from public.mastra_messages where role = 'user' order by seq"
    )
    assert [(row["author"], row["addressed"]) for row in stored] == [
        (f"discord:{house.bob}", False), (f"discord:{house.ana}", False), (f"discord:{house.ana}", True),
    ]  # fmt: skip
    assert {row["audience"] for row in stored} == {f"public:discord:{house.guild}"}


async def test_called_into_a_thread_it_reads_it_once_with_its_starter(house: House) -> None:
    await house.start(catch_up_hours=0)  # which reads too
    starter = await house.discord.say(house.bob, house.channel, "Shall we move?")
    thread = await house.discord.thread(house.channel, message=starter)
    for number in range(35):
        await house.discord.say(house.bob, thread, f"argument {number}")
    await house.ask(f"{AT} what do you think?", channel=thread)
    lines = await house.transcript.read(Thread("discord", str(thread)), 100)
    assert [line.text for line in lines][:3] == ["Shall we move?", "argument 5", "argument 6"]
    assert [line.text for line in lines][-3:-1] == ["argument 34", "what do you think?"]
    reads = [path for _, method, path, _, _ in house.discord.requests if method == "GET" and "/messages" in path]
    await house.ask("and now?", channel=thread)
    assert [p for _, m, p, _, _ in house.discord.requests if m == "GET" and "/messages" in p] == reads


@pytest.mark.parametrize("starter", [True, False])
async def test_a_post_in_a_forum_is_read_with_its_beginning_or_without(house: House, starter: bool) -> None:
    forum = house.discord.channel(house.guild, "forum", type_=FORUM)
    await house.start()
    post = await house.discord.thread(forum)
    if starter:
        await house.discord.say(house.bob, post, "How do I begin?", id=str(post))
    await house.ask(f"{AT} help", channel=post)
    assert house.asked() == (["bob_1987: How do I begin?", "Ana: help"] if starter else ["help"])


async def test_after_a_reset_a_thread_is_not_read_in_again(house: House) -> None:
    await house.start()
    thread = await house.discord.thread(house.channel)
    await house.discord.say(house.bob, thread, "an old secret")
    await house.ask(f"{AT} hello", channel=thread)
    asked = await house.discord.slash(house.ana, thread, "reset", manages=True)
    await house.discord.until(lambda: asked.texts)
    pressed = await house.discord.press(house.ana, thread, asked.buttons[0], manages=True)
    await house.discord.until(lambda: pressed.texts)
    await house.ask(f"{AT} what do you know?", channel=thread)
    assert house.asked() == ["what do you know?"]


async def test_without_the_intent_it_reads_what_mentions_it_and_direct_messages(house: House) -> None:
    house.discord.content_intent_allowed = False
    await house.start()
    await house.discord.until(lambda: house.discord.identifies)
    thread = await house.discord.thread(house.channel, joined=True)
    await house.discord.say(house.ana, thread, "this cannot be read")
    assert await house.ask(f"{AT} hello") == "You said: hello"
    assert await house.ask("hello", channel=house.discord.direct(house.ana)) == "You said: hello"
    await house.quiet()
    assert house.discord.posts(thread) == []


async def test_rooms_are_as_private_as_their_channels(house: House) -> None:
    await house.start()
    hidden = house.discord.channel(house.guild, "staff", private=True)
    await house.stop()
    await house.start()  # it learns of its channels when it connects
    private = await house.discord.thread(house.channel, private=True, joined=True)
    for channel in (house.channel, hidden, private, house.discord.direct(house.ana)):
        await house.ask(f"{AT} hello", channel=channel)
    rows = await house.transcript.database.fetch(
        "select thread_id, audience, space from public.mastra_messages as m join public.mastra_threads as t"
        " on t.id = m.thread_id where m.role = 'user'"
    )
    direct = house.discord.direct(house.ana)
    space = f"discord:{house.guild}"
    assert {row["thread_id"]: (row["audience"], row["space"]) for row in rows} == {
        f"discord:{house.channel}": (f"public:{space}", space),
        f"discord:{hidden}": (f"private:discord:{hidden}", space),
        f"discord:{private}": (f"private:discord:{private}", space),
        f"discord:{direct}": (f"direct:discord:{direct}", None),
    }
    assert house.discord.channels[private]["type"] != PUBLIC_THREAD


VIEW, HISTORY, CONNECT = 1 << 10, 1 << 16, 1 << 20


async def labels(house: House) -> list[str]:
    """Of what people said, in its order."""
    rows = await house.transcript.database.fetch(
        "select audience from public.mastra_messages where role = 'user' order by seq"
    )
    return [row["audience"] for row in rows]


@pytest.mark.parametrize(
    ("type_", "deny", "public"),
    [
        (0, 0, True),
        (0, VIEW, False),
        (0, HISTORY, False),
        (0, CONNECT, True),
        (VOICE, 0, True),
        (VOICE, CONNECT, False),
        (VOICE, HISTORY, False),
        (STAGE, CONNECT, False),
    ],
)
async def test_public_is_where_everyone_may_see_and_read_back_and_enter(
    house: House, type_: int, deny: int, public: bool
) -> None:
    place = house.discord.channel(house.guild, "somewhere", type_=type_)
    house.discord.channels[place]["permission_overwrites"] = [
        {"id": str(house.guild), "type": 0, "allow": "0", "deny": str(deny)}
    ]
    await house.start()
    await house.ask(f"{AT} hello", channel=place)
    assert await labels(house) == [f"public:discord:{house.guild}" if public else f"private:discord:{place}"]


async def test_a_channel_that_becomes_private_is_so_from_then_on_with_its_threads_and_edits(house: House) -> None:
    await house.start()
    thread = await house.discord.thread(house.channel, joined=True)
    first = await house.discord.say(house.ana, house.channel, f"{AT} one")
    await house.answer(house.channel, first)
    await house.ask("two", channel=thread)
    await house.discord.permit(house.channel, deny=HISTORY)
    await house.ask(f"{AT} three")
    await house.ask("four", channel=thread)
    await house.discord.edit(house.channel, first, f"{AT} one, but secret")
    for _ in range(200):
        if (await labels(house))[0].startswith("private:"):
            break
        await house.quiet(0.05)
    await house.discord.permit(house.channel)
    await house.ask(f"{AT} five")
    await house.discord.edit(house.channel, first, f"{AT} one, and no secret")
    await house.quiet()
    public, private = f"public:discord:{house.guild}", f"private:discord:{house.channel}"
    assert await labels(house) == [private, public, private, private, public]


async def test_a_server_that_lets_not_everyone_in_has_no_public_rooms(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} one")
    await house.discord.permit_everywhere(house.guild, 0)
    await house.ask(f"{AT} two")
    assert await labels(house) == [f"public:discord:{house.guild}", f"private:discord:{house.channel}"]


async def test_a_thread_that_is_moved_is_as_private_as_where_it_stands_now(house: House) -> None:
    staff = house.discord.channel(house.guild, "staff", private=True)
    await house.start()
    thread = await house.discord.thread(house.channel, joined=True)
    await house.ask("one", channel=thread)
    await house.discord.move(thread, staff)
    await house.ask("two", channel=thread)
    await house.discord.move(thread, 4242)  # nobody knows that channel
    await house.ask("three", channel=thread)
    await house.discord.move(thread, house.channel)
    await house.ask("four", channel=thread)
    public = f"public:discord:{house.guild}"
    assert await labels(house) == [public, f"private:discord:{staff}", f"private:discord:{thread}", public]


async def test_a_guest_of_a_voice_channel_is_told_nothing_of_the_rest_of_the_server(house: House) -> None:
    voice = house.discord.channel(house.guild, "voice", type_=VOICE)
    await house.start()
    await house.ask(f"{AT} the launch is on Friday")
    guest = {"roles": [], "joined_at": "2026-01-01T00:00:00Z", "deaf": False, "mute": False, "flags": 16}
    await house.ask(f"{AT} when is the launch?", channel=voice, member=guest)
    assert (await labels(house))[-1] == f"private:discord:{voice}:closed"


async def test_nothing_is_fetched_but_from_discord(house: House) -> None:
    await house.start()
    notes = house.discord.file("notes.txt", b"buy milk", "text/plain")
    elsewhere = {**notes, "url": notes["url"].replace("127.0.0.1", "localhost")}
    await house.ask(f"{AT} what does it say?", attachments=[elsewhere])
    assert "[file: notes.txt, which could not be read]" in house.asked()[-1]
    await house.ask(f"{AT} and now?", attachments=[notes])
    assert "buy milk" in house.asked()[-1]


async def test_a_private_channel_is_named_in_itself_alone(house: House) -> None:
    secret = house.discord.channel(house.guild, "merger", private=True)
    await house.start()
    await house.ask(f"{AT} <#{secret}> or <#{house.channel}>?")
    assert house.asked()[-1] == "#a private channel or #general?"
    await house.ask(f"{AT} <#{secret}> or <#{house.channel}>?", channel=secret)
    assert house.asked()[-1] == "#merger or #general?"

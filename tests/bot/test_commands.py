"""What people can ask of the bot itself, as a platform with buttons and rights asks it."""

from datetime import UTC, datetime

import pytest

from bot.chat import Answer, Message, Resource, Room, Thread, Turn
from bot.commands import Asked, Commands, Told
from bot.ports import Recollection
from memory.privacy import stored
from memory.transcript import PostgresTranscript
from memory.working.pages import Learned
from tests.stores import commands_in, pages_in

ANA, BOB, EVE = Resource("stage", "ana"), Resource("stage", "bob"), Resource("stage", "eve")
PORCH = Thread("stage", "porch")


@pytest.fixture
async def commands(transcript: PostgresTranscript) -> Commands:
    """After Ana and Bob have each said something in the same place, and were answered."""
    for number, person in enumerate((ANA, BOB)):
        room = Room("public", "stage:guild", "stage:guild")
        message = Message(f"stage:{number}", PORCH, person, room, f"I am {person.id}", datetime.now(UTC))
        await transcript.hear(message)
        (row,) = await transcript.database.fetch(
            "select id, attempts from public.procrastinate_fetch_job_v2(array['stage']::varchar[], null)"
        )
        lines = await transcript.read(PORCH, 0)
        turn = Turn(row["id"], PORCH, row["attempts"])
        await transcript.answer(turn, Recollection(tuple(lines)), Answer(f"Hello {person.id}", "a/b"))
        await transcript.record(turn, 0, f"stage:post-{number}")
        await transcript.database.fetch("select public.procrastinate_finish_job_v1($1, 'succeeded', true)", turn.id)
    return commands_in(transcript.database, 10)


async def texts(transcript: PostgresTranscript) -> list[str]:
    return [line.text for line in await transcript.read(PORCH, 10)]


async def test_who_manages_a_shared_conversation_resets_it_after_a_confirmation(
    commands: Commands, transcript: PostgresTranscript
) -> None:
    told = await commands.run("reset", Asked(ANA, PORCH, shared=True))
    assert "for everybody in it" in told.text
    assert told.confirm == "reset yes"
    assert len(await texts(transcript)) == 4
    done = await commands.run("reset", Asked(ANA, PORCH, ("yes",), shared=True))
    assert (done.text, done.confirm) == ("Done: this conversation is deleted, 4 messages.", "")
    assert await texts(transcript) == []


async def test_who_does_not_resets_their_own_part_of_it(commands: Commands, transcript: PostgresTranscript) -> None:
    told = await commands.run("reset", Asked(BOB, PORCH, shared=True, manages=False))
    assert "the right to manage messages" in told.text
    assert "2 messages" in told.text
    done = await commands.run("reset", Asked(BOB, PORCH, tuple(told.confirm.split()[1:]), shared=True, manages=False))
    assert done.text == "Done: your part of this conversation is deleted, 2 messages."
    assert await texts(transcript) == ["I am ana", "Hello ana"]


async def test_forgetting_everything_asks_first_and_counts_afterwards(
    commands: Commands, transcript: PostgresTranscript
) -> None:
    told = await commands.run("forget", Asked(ANA, PORCH, ("me",), shared=True, manages=False))
    assert "2 messages in all, and 0 lines on your page" in told.text
    done = await commands.run("forget", Asked(ANA, PORCH, tuple(told.confirm.split()[1:])))
    assert "2 in mastra_messages" in done.text
    assert await texts(transcript) == ["I am bob", "Hello bob"]


@pytest.mark.parametrize(
    ("person", "manages", "message", "left"),
    [
        (ANA, False, "stage:0", ["I am bob", "Hello bob"]),  # one's own, with the answer to it
        (ANA, False, "stage:post-0", ["I am ana", "I am bob", "Hello bob"]),  # the answer to oneself
        (BOB, True, "stage:0", ["I am bob", "Hello bob"]),  # somebody else's, as who manages messages
        (BOB, False, "stage:0", ["I am ana", "Hello ana", "I am bob", "Hello bob"]),
        (BOB, False, "stage:unknown", ["I am ana", "Hello ana", "I am bob", "Hello bob"]),
    ],
)
async def test_a_message_is_forgotten_for_whose_it_is(
    commands: Commands, transcript: PostgresTranscript, person: Resource, manages: bool, message: str, left: list[str]
) -> None:
    told = await commands.run("forget-message", Asked(person, PORCH, shared=True, manages=manages, message=message))
    assert told.text.startswith("Done") == (len(left) < 4), told.text
    assert await texts(transcript) == left


async def test_memory_tells_here_from_everywhere(commands: Commands) -> None:
    told = await commands.run("memory", Asked(ANA, PORCH, shared=True))
    assert told.text.startswith("I keep 2 messages of our conversations. 2 of them are from here.")
    elsewhere = await commands.run("memory", Asked(ANA, Thread("stage", "elsewhere")))
    assert "0 of them are from here" in elsewhere.text


async def test_what_there_is_not_is_said(commands: Commands) -> None:
    assert (await commands.run("dance", Asked(ANA, PORCH))).text.startswith("There is no /dance.")
    assert (await commands.run("forget-message", Asked(ANA, PORCH))).text.startswith("There is no /forget-message.")
    assert "/reset: delete this conversation" in (await commands.run("help", Asked(ANA, PORCH))).text


async def test_a_page_is_shown_with_where_each_line_was_learned_and_what_can_be_done(
    commands: Commands, transcript: PostgresTranscript
) -> None:
    line = await _learned(transcript)
    shown = await commands.typed("/memory", ANA, PORCH)
    assert f"- `{line}` Location: Lisbon (in a direct message, " in shown
    assert f"/memory correct {line} …, /memory forget {line}, /memory pause, /memory export" in shown
    assert "Location: Porto" in await commands.typed(f"/memory correct {line} Porto", ANA, PORCH)
    assert "not on your page" in await commands.typed(f"/memory correct {line} Faro", BOB, PORCH)
    assert "not on your page" in await commands.typed("/memory correct 99999999999999999 Faro", ANA, PORCH)
    assert (await commands.typed(f"/memory undo {line}", ANA, PORCH)).startswith("Done")
    assert "There is nothing on your page yet." in await commands.typed("/memory", ANA, PORCH)


async def test_a_line_is_forgotten_only_when_one_is_sure(commands: Commands, transcript: PostgresTranscript) -> None:
    line = await _learned(transcript)
    told = await commands.typed(f"/memory forget {line}", ANA, PORCH)
    assert told == (
        "This deletes “Location: Lisbon”: 1 line of your page, 1 message of yours and 1 answer to you, in 1 "
        f"conversation. There is no way back. Say /memory forget {line} yes to do it."
    )
    assert await commands.typed(f"/memory forget {line} yes", BOB, PORCH) == "I found nothing about that."
    assert (await commands.typed(f"/memory forget {line} yes", ANA, PORCH)).startswith("Done: forgotten, 1 line")
    assert await commands.typed(f"/memory forget {line}", ANA, PORCH) == "That line is not on your page."


async def test_one_goes_off_the_record_and_on_it_again(commands: Commands) -> None:
    assert (await commands.typed("/memory pause", ANA, PORCH)).startswith("Off the record from now on")
    shown = await commands.typed("/memory", ANA, PORCH)
    assert shown.startswith("You are off the record")
    assert "/memory resume" in shown
    assert (await commands.typed("/memory resume", ANA, PORCH)).startswith("On the record again")


async def test_everything_is_handed_over(commands: Commands, transcript: PostgresTranscript) -> None:
    await _learned(transcript)
    told = await commands.run("memory", Asked(ANA, PORCH, ("export",)))
    assert told.file is not None
    assert [fact["value"] for fact in told.file["facts"]] == ["Lisbon"]
    assert '"value": "Lisbon"' in await commands.typed("/memory export", ANA, PORCH)


async def test_two_identities_become_one_when_both_are_sure(commands: Commands) -> None:
    told = await commands.typed("/link", ANA, PORCH)
    code = told.partition("/link ")[2][:9]
    asked = await commands.typed(f"/link {code}", BOB, PORCH)
    assert asked.startswith(f"This makes you and {ANA} one person")
    assert asked.endswith(f"Say /link {code} yes to do it.")
    assert (await commands.typed("/link done", ANA, PORCH)).startswith("Nobody has typed your code yet")
    assert "wrong or has expired" in await commands.typed(f"/link {code}", EVE, PORCH)  # it is Bob's now
    assert (await commands.typed(f"/link {code} yes", BOB, PORCH)).startswith("Now say /link where the code came from")
    assert "are one person" not in await commands.typed(f"/link with {EVE} yes", ANA, PORCH)
    shown = await commands.typed("/link", ANA, PORCH)
    assert shown.startswith(f"Your code was typed by {BOB}.")
    assert shown.endswith(f"Say /link with {BOB} yes to do it.")
    done = await commands.typed(f"/link with {BOB} yes", ANA, PORCH)
    assert done.startswith(f"Done: you and {BOB} are one person")
    assert "wrong or has expired" in await commands.typed(f"/link {code} yes", BOB, PORCH)
    assert f"You are one person here and as {BOB}" in await commands.typed("/memory", ANA, PORCH)
    assert (await commands.typed("/unlink", ANA, PORCH)).startswith("Done: you stand alone here again")
    assert (await commands.typed("/unlink", ANA, PORCH)).startswith("You are not linked")


async def test_a_code_that_others_could_read_is_burnt(commands: Commands) -> None:
    code = (await commands.typed("/link", ANA, PORCH)).partition("/link ")[2][:9]
    told = await commands.run("link", Asked(BOB, PORCH, (code,), shared=True, openly=True))
    assert "not good any more" in told.text
    for person in (BOB, EVE):
        assert "wrong or has expired" in await commands.typed(f"/link {code}", person, PORCH)
    assert (await commands.typed("/link", ANA, PORCH)).startswith("Type /link ")


async def test_forgetting_oneself_gives_nobody_new_tries(commands: Commands, transcript: PostgresTranscript) -> None:
    for number in range(12):
        await commands.typed(f"/link AAAA-{number:04d}", BOB, PORCH)
        await commands.typed("/link new", BOB, PORCH)
    await commands.typed("/forget me yes", BOB, PORCH)
    code = (await commands.typed("/link", ANA, PORCH)).partition("/link ")[2][:9]
    assert "wrong or has expired" in await commands.typed(f"/link {code}", BOB, PORCH)
    assert "Try again in an hour" in await commands.typed("/link", BOB, PORCH)
    rows = await transcript.database.fetch("select person from hathi.link_tries")
    assert not any(str(BOB) in row["person"] for row in rows)


async def test_a_new_code_takes_the_claim_of_the_old_one_with_it(commands: Commands) -> None:
    code = (await commands.typed("/link", ANA, PORCH)).partition("/link ")[2][:9]
    await commands.typed(f"/link {code}", EVE, PORCH)
    await commands.typed(f"/link {code} yes", EVE, PORCH)
    assert str(EVE) in await commands.typed("/link", ANA, PORCH)
    assert (await commands.typed("/link new", ANA, PORCH)).startswith("Type /link ")
    assert "no longer, possible" in await commands.typed(f"/link with {EVE} yes", ANA, PORCH)


@pytest.mark.parametrize("words", ["", "about", "about yes"])
async def test_forgetting_something_needs_to_know_what(commands: Commands, words: str) -> None:
    assert "Say /forget me" in await commands.typed(f"/forget {words}", ANA, PORCH)


@pytest.mark.parametrize("what", ["me", "Me", "me and my wedding"])
async def test_forgetting_something_about_me_is_not_forgetting_everything(
    commands: Commands, transcript: PostgresTranscript, what: str
) -> None:
    told = await commands.run("forget", Asked(ANA, PORCH, ("about", *what.split())))
    assert told.text.startswith(f"I found nothing about “{what}”.")
    assert not told.confirm
    done = await commands.run("forget", Asked(ANA, PORCH, ("about", *what.split(), "yes")))
    assert done.text == "I found nothing about that."
    assert len(await texts(transcript)) == 4


async def test_what_would_go_is_shown_with_counts_before_it_goes_and_nothing_more_goes(
    commands: Commands, transcript: PostgresTranscript
) -> None:
    await _learned(transcript)
    told = await commands.typed("/forget about where I live", ANA, PORCH)
    assert told == (
        "Forgetting “where I live” deletes “Location: Lisbon”: 1 line of your page, 1 message of yours and 1 answer to "
        "you, in 1 conversation. There is no way back. Say /forget about where I live yes to do it."
    )
    assert len(await texts(transcript)) == 4
    assert "Location: Lisbon" in await commands.typed("/memory", ANA, PORCH)
    done = await commands.typed("/forget about where I live yes", ANA, PORCH)
    assert done == "Done: forgotten, 1 line and 2 messages."
    assert await texts(transcript) == ["I am bob", "Hello bob"]
    assert await commands.typed("/forget about where I live", ANA, PORCH) == "I found nothing about “where I live”."


async def test_many_long_lines_are_shown_as_far_as_there_is_room(
    commands: Commands, transcript: PostgresTranscript
) -> None:
    audience = stored("direct:stage:porch")
    boats = [
        Learned(str(ANA), "Facts", f"boat {n} is {'very ' * 30}long", audience, "stage:0", frozenset())
        for n in range(20)
    ]
    await pages_in(transcript.database).learn(PORCH, 0, 1, boats)
    told = await commands.typed("/forget about my boat", ANA, PORCH)
    assert "and 14 more: 20 lines of your page" in told
    assert len(told) < 1900


async def test_what_is_to_be_forgotten_fits_a_button(commands: Commands) -> None:
    told = await commands.run("forget", Asked(ANA, PORCH, tuple(("about " + "word " * 30).split())))
    assert told == Told("Say what I am to forget in fewer words: my favourite colour.")


async def _learned(transcript: PostgresTranscript) -> int:
    """Put something on Ana's page; the line's id."""
    fact = Learned(str(ANA), "Location", "Lisbon", stored("direct:stage:porch"), "stage:0", frozenset())
    (line,) = await pages_in(transcript.database).learn(PORCH, 0, 1, [fact])
    return line

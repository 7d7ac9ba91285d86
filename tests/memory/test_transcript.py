"""The transcript against a real Postgres: what is written, in which order it is read, and what deleting leaves."""

import asyncio
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.chat import Answer, Image, Line, Message, Quote, Resource, Room, Thread, Turn
from bot.errors import TurnLost
from bot.ports import Recollection
from memory.content import text_of
from memory.pool import Database
from memory.transcript import PostgresTranscript
from tests.stores import forgetting_in

ANA = Resource("console", "ana")
BOB = Resource("console", "bob")
PORCH = Thread("console", "porch")


def message(id_: str, text: str = "hello", author: Resource = ANA, thread: Thread = PORCH) -> Message:
    return Message(f"{thread}:{id_}", thread, author, Room("direct", str(thread)), text, datetime.now(UTC))


async def read(transcript: PostgresTranscript, last: int = 10, thread: Thread = PORCH) -> list[Line]:
    return await transcript.read(thread, last)


async def begin(transcript: PostgresTranscript, thread: Thread = PORCH) -> Turn:
    """The thread's turn, taken as a worker takes it."""
    (row,) = await transcript.database.fetch(
        "select id, attempts from public.procrastinate_fetch_job_v2(array[$1]::varchar[], null)", thread.platform
    )
    return Turn(row["id"], thread, row["attempts"])


async def end(transcript: PostgresTranscript, turn: Turn) -> None:
    """What a worker does when the turn is done."""
    await transcript.database.fetch("select public.procrastinate_finish_job_v1($1, 'succeeded', true)", turn.id)


async def put_back(transcript: PostgresTranscript, turn: Turn) -> None:
    """What a worker does when it is told to stop, or another one when it died."""
    await transcript.database.fetch("select public.procrastinate_retry_job_v2($1, null, null, null, null)", turn.id)


async def answer(transcript: PostgresTranscript, text: str, turn: Turn, lines: list[Line]) -> bool:
    return await transcript.answer(turn, Recollection(tuple(lines)), Answer(text, "openai/small"))


async def reply(transcript: PostgresTranscript, text: str, thread: Thread = PORCH) -> None:
    """Answer what waits, in a whole turn."""
    turn = await begin(transcript, thread)
    assert await answer(transcript, text, turn, await read(transcript, thread=thread))
    await end(transcript, turn)


async def converse(transcript: PostgresTranscript, *texts: str, author: Resource = ANA, thread: Thread = PORCH) -> None:
    for number, text in enumerate(texts):
        await transcript.hear(message(f"{author}-{number}-{text}", text, author, thread))
        await reply(transcript, f"re {text}", thread)


async def test_a_message_and_its_answer_are_rows_as_mastra_writes_them(
    transcript: PostgresTranscript, database: Database
) -> None:
    await transcript.hear(message("1", "My favourite colour is Blue."))
    await reply(transcript, "Noted.")
    said, answered = await database.fetch('select * from public.mastra_messages order by "createdAt"')
    (thread,) = await database.fetch("select * from public.mastra_threads")
    assert (thread["id"], thread["resourceId"], thread["title"]) == ("console:porch", "console:ana", "")
    assert json.loads(said["content"]) == {
        "format": 2,
        "parts": [{"type": "text", "text": "My favourite colour is Blue."}],
        "content": "My favourite colour is Blue.",
    }
    assert json.loads(answered["content"])["metadata"] == {"provider": "openai", "modelId": "small"}
    for row, role in ((said, "user"), (answered, "assistant")):
        assert (row["role"], row["type"], row["thread_id"], row["resourceId"]) == (
            role, "v2", "console:porch", "console:ana",
        )  # fmt: skip
        assert row["createdAt"] == row["createdAtZ"].replace(tzinfo=None)
        assert row["createdAt"].microsecond % 1000 == 0
    assert answered["createdAt"] - said["createdAt"] >= timedelta(milliseconds=1)
    assert thread["updatedAt"] == answered["createdAt"]
    assert (said["author"], said["audience"], said["addressed"]) == ("console:ana", "direct:console:porch", True)
    assert (answered["author"], answered["audience"], answered["answers"]) == (
        None, "direct:console:porch", said["seq"],
    )  # fmt: skip


async def test_a_thousand_redeliveries_change_nothing(transcript: PostgresTranscript, database: Database) -> None:
    turn = await transcript.hear(message("1"))
    everything = "select * from public.mastra_threads, public.mastra_messages, public.procrastinate_jobs"
    before = await database.fetch(everything)
    heard = await asyncio.gather(*(transcript.hear(message("1")) for _ in range(1000)))
    assert set(heard) == {turn}
    assert await database.fetch(everything) == before
    await reply(transcript, "once")
    assert await transcript.hear(message("1")) is None


async def test_the_first_deliveries_of_one_message_at_once_are_one_turn(
    transcript: PostgresTranscript, database: Database
) -> None:
    await asyncio.gather(*(transcript.hear(message("1")) for _ in range(50)))
    assert len(await database.fetch("select from public.procrastinate_jobs")) == 1
    assert len(await database.fetch("select from public.mastra_messages")) == 1


async def test_messages_heard_at_once_stand_in_one_order_a_millisecond_apart(
    transcript: PostgresTranscript, database: Database
) -> None:
    await asyncio.gather(*(transcript.hear(message(str(number))) for number in range(60)))
    rows = await database.fetch('select seq, "createdAt" from public.mastra_messages order by seq')
    gaps = [later["createdAt"] - row["createdAt"] for row, later in itertools.pairwise(rows)]
    assert len(rows) == 60
    assert min(gaps) >= timedelta(milliseconds=1)


async def test_a_message_from_before_an_outage_keeps_its_time(
    transcript: PostgresTranscript, database: Database
) -> None:
    an_hour_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    await transcript.hear(Message("late", PORCH, ANA, Room("direct", "d"), "hello", an_hour_ago))
    await transcript.hear(Message("future", PORCH, ANA, Room("direct", "d"), "hi", an_hour_ago + timedelta(days=9)))
    late, future = await database.fetch('select "createdAtZ" as at from public.mastra_messages order by seq')
    assert late["at"] == an_hour_ago
    assert abs(future["at"] - datetime.now(UTC)) < timedelta(minutes=1)


async def test_what_waits_is_read_beside_the_last_messages(transcript: PostgresTranscript) -> None:
    await converse(transcript, "one", "two", "three")
    await transcript.hear(message("4", "four"))
    await transcript.hear(message("5", "five"))
    lines = await read(transcript, last=3)
    assert [(line.role, line.text, line.waiting) for line in lines] == [
        ("assistant", "re two", False),
        ("user", "three", False),
        ("assistant", "re three", False),
        ("user", "four", True),
        ("user", "five", True),
    ]


async def test_an_answer_stands_behind_what_it_answers(transcript: PostgresTranscript) -> None:
    first = await transcript.hear(message("1", "one"))
    turn, seen = await begin(transcript), await read(transcript)
    second = await transcript.hear(message("2", "two"))  # while the model thinks about the first
    assert (turn.id, second) == (first, (first or 0) + 1)  # a turn that has begun to read may miss it
    assert await answer(transcript, "re one", turn, seen)
    lines = await read(transcript)
    assert [(line.text, line.waiting) for line in lines] == [("one", False), ("re one", False), ("two", True)]


async def test_one_answer_closes_a_burst(transcript: PostgresTranscript) -> None:
    turns = {await transcript.hear(message(str(number), f"part {number}")) for number in range(5)}
    assert len(turns) == 1
    await reply(transcript, "all of it")
    assert not any(line.waiting for line in await read(transcript))


async def test_two_answers_to_one_question_are_never_both_written(transcript: PostgresTranscript) -> None:
    await transcript.hear(message("1"))
    turn, seen = await begin(transcript), await read(transcript)
    written = await asyncio.gather(*(answer(transcript, f"answer {number}", turn, seen) for number in range(8)))
    assert sum(written) == 1
    assert len(await read(transcript)) == 2


async def test_an_answer_whose_reply_got_lost_is_written_all_the_same(transcript: PostgresTranscript) -> None:
    await transcript.hear(message("1"))
    turn, seen = await begin(transcript), await read(transcript)
    assert await answer(transcript, "once", turn, seen)
    assert await answer(transcript, "once", turn, seen)  # the statement is run again, for all that the pool knows
    assert [line.text for line in await read(transcript)][1:] == ["once"]


async def test_what_is_said_while_a_written_answer_is_not_posted_yet_gets_a_turn_of_its_own(
    transcript: PostgresTranscript,
) -> None:
    await transcript.hear(message("1"))
    turn = await begin(transcript)
    await put_back(transcript, turn)
    assert await transcript.hear(message("2")) == turn.id, "nothing is answered yet"
    turn = await begin(transcript)
    assert await answer(transcript, "re 1 and 2", turn, await read(transcript))
    await put_back(transcript, turn)
    assert await transcript.hear(message("3")) not in {None, turn.id}


async def test_who_lost_the_turn_writes_nothing_for_it(transcript: PostgresTranscript, database: Database) -> None:
    await transcript.hear(message("1"))
    turn, seen = await begin(transcript), await read(transcript)
    await database.fetch("select public.procrastinate_retry_job_v2($1, null, null, null, null)", turn.id)
    with pytest.raises(TurnLost):
        await answer(transcript, "from the dead", turn, seen)
    again = await begin(transcript)
    assert (again.id, again.attempt) == (turn.id, turn.attempt + 1)
    with pytest.raises(TurnLost):
        await answer(transcript, "from the dead", turn, seen)
    assert await answer(transcript, "from the living", again, seen)


async def test_the_answer_to_a_message_can_be_looked_up(transcript: PostgresTranscript) -> None:
    await transcript.hear(message("1"))
    await transcript.hear(message("2"))
    assert await transcript.answer_to("console:porch:1") == ""
    await reply(transcript, "to both")
    assert await transcript.answer_to("console:porch:1") == await transcript.answer_to("console:porch:2") == "to both"
    assert await transcript.answer_to("console:porch:3") is None


async def test_an_answer_to_what_was_deleted_meanwhile_is_not_written(
    transcript: PostgresTranscript, database: Database
) -> None:
    await transcript.hear(message("1"))
    turn, seen = await begin(transcript), await read(transcript)
    await transcript.record(turn, 0, "post 1")
    await forgetting_in(transcript.database).reset(PORCH)
    assert not await answer(transcript, "too late", turn, seen)
    assert await database.fetch("select from hathi.posts") == []
    assert not await database.fetch("select from public.mastra_messages union all select from public.mastra_threads")


async def test_what_was_given_up_stays_but_waits_no_longer(transcript: PostgresTranscript) -> None:
    await transcript.hear(message("1", "unlucky"))
    turn = await begin(transcript)
    await transcript.give_up(turn, Recollection(tuple(await read(transcript))), "ModelDown")
    assert [(thread, why) for _, thread, why in await transcript.given_up()] == [("console:porch", "ModelDown")]
    assert [(line.text, line.waiting) for line in await read(transcript)] == [("unlucky", False)]


async def test_reset_deletes_this_conversation_and_counts(transcript: PostgresTranscript) -> None:
    other = Thread("console", "other")
    await converse(transcript, "one", "two")
    await converse(transcript, "elsewhere", thread=other)
    assert await forgetting_in(transcript.database).reset(PORCH) == {
        "mastra_messages": 4,
        "mastra_threads": 1,
        "facts": 0,
        "passages": 0,
    }
    assert await read(transcript) == []
    assert len(await read(transcript, thread=other)) == 2


@pytest.mark.parametrize(
    "text", ["nul \0 byte", "lone \ud800 surrogate", "emoji 🐘", "quotes \" ' \\ and \n lines", "\x1b[2J"]
)
async def test_any_text_is_stored_and_read_back(transcript: PostgresTranscript, text: str) -> None:
    await transcript.hear(message("1", text))
    (line,) = await read(transcript)
    assert line.text == text.replace("\0", "\ufffd").replace("\ud800", "?")


async def test_forget_takes_a_persons_words_and_the_answers_to_them_and_leaves_the_others(
    transcript: PostgresTranscript, database: Database
) -> None:
    shared = Thread("discord", "1")
    await converse(transcript, "mine", thread=PORCH)
    await converse(transcript, "ana says", thread=shared, author=ANA)
    await converse(transcript, "bob says", thread=shared, author=BOB)
    await transcript.hear(message("burst-1", "ana in a burst", ANA, shared))
    await transcript.hear(message("burst-2", "bob ends it", BOB, shared))
    await reply(transcript, "to both", shared)
    await database.fetch(
        """insert into public.mastra_resources (id, "workingMemory", "createdAt", "updatedAt")
           values ('console:ana', 'likes blue', now(), now())"""
    )
    about = await forgetting_in(transcript.database).about(ANA)
    exported = await forgetting_in(transcript.database).export(ANA)
    assert exported["working_memory"] == "likes blue"
    assert [entry["text"] for entry in exported["messages"]] == [
        "mine", "re mine", "ana says", "re ana says", "ana in a burst", "to both",
    ]  # fmt: skip
    counts = await forgetting_in(transcript.database).forget(ANA)
    assert (
        counts == about == {"mastra_messages": 6, "mastra_threads": 1, "mastra_resources": 1, "facts": 1, "passages": 0}
    )
    left = await read(transcript, thread=shared)
    assert [line.text for line in left] == ["bob says", "re bob says", "bob ends it"]
    assert sum((await forgetting_in(transcript.database).forget(ANA)).values()) == 0


async def test_forget_reaches_conversations_that_mastra_wrote(
    transcript: PostgresTranscript, database: Database
) -> None:
    await database.fetch(
        """insert into public.mastra_threads (id, "resourceId", title, "createdAt", "updatedAt")
           values ('console:m', 'console:ana', '', now(), now())"""
    )
    await database.fetch(
        """insert into public.mastra_messages (id, thread_id, content, role, type, "createdAt", "resourceId")
           values ('m1', 'console:m', 'hi', 'user', 'text', now(), 'console:ana'),
                  ('m2', 'console:m', 'ho', 'assistant', 'text', now(), 'console:ana')"""
    )
    assert await forgetting_in(transcript.database).forget(ANA) == {
        "mastra_messages": 2,
        "mastra_threads": 1,
        "facts": 0,
        "passages": 0,
        "mastra_resources": 0,
    }


@pytest.mark.parametrize(
    ("content", "type_", "text"),
    [
        ('{"format": 2, "parts": [{"type": "text", "text": "a"}], "content": "a"}', "v2", "a"),
        ('{"format": 2, "parts": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}', "v2", "a\nb"),
        ('{"format": 2, "parts": [{"type": "tool-invocation", "toolInvocation": {}}, {"type": "text", "text": "a"}]}',
         "v2", "a"),
        ('{"format": 2, "parts": [{"type": "error", "error": {"name": "x"}}]}', "v2", ""),
        ('{"format": 2, "parts": "broken", "content": "a"}', "v2", "a"),
        ('[{"type": "text", "text": "a"}]', "text", "a"),
        ("plain words", "text", "plain words"),
        ("{not json", "text", "{not json"),
        ("[1, 2]", "text", "[1, 2]"),
        ("42", "text", "42"),
        ('{"some": "json that was said"}', "text", '{"some": "json that was said"}'),
    ],
)  # fmt: skip
def test_every_form_of_content_that_mastra_wrote_is_read(content: str, type_: str, text: str) -> None:
    assert text_of(content, type_) == text


def told(id_: str, text: str, author: Resource = BOB, thread: Thread = PORCH, **more: Any) -> Message:
    name = {"ana": "Ana", "bob": "Bob"}[author.id]
    return replace(message(id_, text, author, thread), name=name, **more)


async def texts(transcript: PostgresTranscript, thread: Thread = PORCH) -> list[str]:
    return [line.text for line in await read(transcript, thread=thread)]


async def test_what_was_overheard_stands_before_what_was_said_to_the_bot_and_waits_for_nothing(
    transcript: PostgresTranscript, database: Database
) -> None:
    before = [told("1", "first"), told("2", "second", replies_to="console:porch:1")]
    await transcript.overhear(before, ANA)
    await transcript.overhear(before, ANA)
    await transcript.hear(told("3", "What do you think?", ANA))
    lines = await read(transcript)
    assert [(line.text, line.name, line.waiting) for line in lines] == [
        ("first", "Bob", False), ("second", "Bob", False), ("What do you think?", "Ana", True),
    ]  # fmt: skip
    assert lines[1].quote == Quote("Bob", "first")
    (thread,) = await database.fetch('select "resourceId" from public.mastra_threads')
    assert thread["resourceId"] == "console:ana"  # who brought the bot in
    times = [
        row["createdAt"] for row in await database.fetch('select "createdAt" from public.mastra_messages order by seq')
    ]
    assert times == sorted(set(times))


async def test_a_reply_to_a_post_of_the_bot_quotes_the_answer(transcript: PostgresTranscript) -> None:
    await transcript.hear(told("1", "hello", ANA))
    turn = await begin(transcript)
    await answer(transcript, "Good morning.", turn, await read(transcript))
    await transcript.record(turn, 0, "console:99")
    await transcript.hear(told("2", "why good?", replies_to="console:99"))
    assert (await read(transcript))[-1].quote == Quote("", "Good morning.")


async def test_pictures_come_back_as_they_were_posted(transcript: PostgresTranscript) -> None:
    images = (Image("https://example.org/cat.png", "image/png"),)
    await transcript.hear(told("1", "[image: cat.png]", images=images))
    assert (await read(transcript))[0].images == images


async def test_an_edit_changes_what_is_remembered_and_nothing_else(transcript: PostgresTranscript) -> None:
    await converse(transcript, "I like blue")
    edited = replace(message("console:ana-0-I like blue", "I like red"), name="Ana the First")
    assert await transcript.edit(edited)
    assert not await transcript.edit(edited)
    assert not await transcript.edit(message("unknown", "x"))
    assert await texts(transcript) == ["I like red", "re I like blue"]
    assert (await read(transcript))[0].name == "Ana the First"


async def test_what_is_overheard_late_stands_before_what_waits_and_behind_what_is_answered(
    transcript: PostgresTranscript, database: Database
) -> None:
    await converse(transcript, "long ago")
    await transcript.hear(told("3", "What do you think?", ANA))
    await transcript.hear(told("4", "Well?", ANA))
    await transcript.overhear([told("1", "first"), told("2", "second")], ANA)
    assert await texts(transcript) == ["long ago", "re long ago", "first", "second", "What do you think?", "Well?"]
    assert [line.waiting for line in await read(transcript)] == [False] * 4 + [True] * 2
    rows = await database.fetch('select "createdAt", "createdAtZ" from public.mastra_messages order by seq')
    assert [row["createdAt"] for row in rows] == sorted({row["createdAt"] for row in rows})
    assert all(row["createdAt"] == row["createdAtZ"].replace(tzinfo=None) for row in rows)
    await reply(transcript, "I think so.")
    assert (await texts(transcript))[-1] == "I think so."


async def test_a_thread_begins_with_the_message_that_it_grew_out_of_and_its_answer(
    transcript: PostgresTranscript,
) -> None:
    await transcript.hear(message("1", "I have a dog."))
    await transcript.hear(message("2", "And a cat."))
    await reply(transcript, "Lovely, both.")
    await transcript.hear(message("3", "And a cow."))
    await reply(transcript, "Oh.")
    grown = Thread("console", "porch:1")
    await transcript.hear(message("4", "What have I?", thread=grown))
    assert await texts(transcript, grown) == ["I have a dog.", "Lovely, both.", "What have I?"]
    assert [line.text for line in await read(transcript, 1, grown)] == ["Lovely, both.", "What have I?"]
    await forgetting_in(transcript.database).reset(grown)
    await transcript.hear(message("5", "And now?", thread=grown))
    assert await texts(transcript, grown) == ["And now?"]
    await forgetting_in(transcript.database).delete(["console:porch:1"])
    assert (await texts(transcript))[0] == "And a cat."


async def test_what_is_said_of_an_answer_is_kept_and_goes_with_it(
    transcript: PostgresTranscript, database: Database
) -> None:
    await transcript.hear(message("1"))
    turn = await begin(transcript)
    await answer(transcript, "Hello.", turn, await read(transcript))
    await transcript.record(turn, 0, "console:99")
    assert await transcript.ours(["console:98", "console:99"]) == {"console:99"}
    assert await transcript.rate("console:99", BOB, good=True)
    assert await transcript.rate("console:99", BOB, good=False)  # a second thought
    assert not await transcript.rate("console:98", BOB, good=True)
    (row,) = await database.fetch("select * from hathi.feedback")
    assert (row["turn"], row["person"], row["good"]) == (turn.id, "console:bob", False)
    await forgetting_in(database).delete(["console:99"])
    assert await database.fetch("select * from hathi.feedback") == []


async def test_a_place_with_several_conversations_and_what_is_kept_of_a_person_in_each(
    transcript: PostgresTranscript,
) -> None:
    inside, beside = Thread("console", "porch:7"), Thread("console", "porch2")
    await converse(transcript, "one", "two")
    await converse(transcript, "three", thread=inside)
    await converse(transcript, "four", author=BOB, thread=beside)
    forgetting = forgetting_in(transcript.database)
    assert set(await forgetting.within(PORCH)) == {PORCH, inside}
    assert [(each.thread, each.messages) for each in await forgetting.kept(ANA, 5)] == [(inside, 2), (PORCH, 4)]
    assert [each.thread for each in await forgetting.kept(ANA, 1)] == [inside]


async def test_a_deleted_message_goes_with_the_answer_to_it_alone_and_never_comes_back(
    transcript: PostgresTranscript,
) -> None:
    await converse(transcript, "secret", "other")
    gone = "console:porch:console:ana-0-secret"
    assert await forgetting_in(transcript.database).delete([gone]) == {
        "mastra_messages": 2,
        "mastra_threads": 0,
        "facts": 0,
        "passages": 0,
    }
    assert await texts(transcript) == ["other", "re other"]
    assert await transcript.hear(replace(message("x", "secret"), id=gone)) is None  # delivered again
    await transcript.overhear([replace(message("x", "secret"), id=gone)], ANA)
    assert await texts(transcript) == ["other", "re other"]


async def test_an_answer_to_several_stays_until_the_last_of_them_is_deleted(transcript: PostgresTranscript) -> None:
    await transcript.hear(message("1", "one"))
    await transcript.hear(message("2", "two"))
    await reply(transcript, "to both")
    await forgetting_in(transcript.database).delete(["console:porch:1"])
    assert await texts(transcript) == ["two", "to both"]
    assert await forgetting_in(transcript.database).delete(["console:porch:2"]) == {
        "mastra_messages": 2,
        "mastra_threads": 1,
        "facts": 0,
        "passages": 0,
    }
    assert await texts(transcript) == []


async def test_a_deletion_that_overtakes_its_message_holds(transcript: PostgresTranscript) -> None:
    await forgetting_in(transcript.database).delete(["console:porch:1"])
    assert await transcript.hear(message("1")) is None
    assert await texts(transcript) == []


async def test_an_answer_goes_with_its_post(transcript: PostgresTranscript) -> None:
    await transcript.hear(message("1", "hello"))
    turn = await begin(transcript)
    await answer(transcript, "a long answer", turn, await read(transcript))
    for piece in range(2):
        await transcript.record(turn, piece, f"console:post-{piece}")
    assert await forgetting_in(transcript.database).owners("console:post-1") == {"console:ana"}
    assert (await forgetting_in(transcript.database).delete(["console:post-1"]))["mastra_messages"] == 1
    assert await texts(transcript) == ["hello"]


async def test_owners_are_the_author_or_those_whom_an_answer_is_for(transcript: PostgresTranscript) -> None:
    await converse(transcript, "earlier", author=ANA)
    await transcript.hear(told("1", "one", BOB))
    await reply(transcript, "to Bob")
    assert await forgetting_in(transcript.database).owners("console:porch:1") == {"console:bob"}
    assert await forgetting_in(transcript.database).owners("console:porch:1:answer") == {"console:bob"}
    assert await forgetting_in(transcript.database).owners("console:porch:unknown") == set()


async def test_what_was_reset_or_forgotten_is_not_heard_again(transcript: PostgresTranscript) -> None:
    await converse(transcript, "a", author=ANA)
    await forgetting_in(transcript.database).reset(PORCH)
    assert await transcript.hear(message("console:ana-0-a", "a")) is None
    assert await transcript.reset_at(PORCH) is not None
    await converse(transcript, "b", author=BOB)
    await forgetting_in(transcript.database).forget(BOB)
    assert await transcript.hear(message("console:bob-0-b", "b", BOB)) is None
    assert await texts(transcript) == []
    assert await transcript.hear(message("new")) is not None


async def test_one_persons_part_of_a_conversation_can_be_reset(transcript: PostgresTranscript) -> None:
    await converse(transcript, "from ana", author=ANA)
    await converse(transcript, "from bob", author=BOB)
    elsewhere = Thread("console", "elsewhere")
    await converse(transcript, "from ana", author=ANA, thread=elsewhere)
    assert (await forgetting_in(transcript.database).about(ANA, PORCH))["mastra_messages"] == 2
    assert (await forgetting_in(transcript.database).reset(PORCH, ANA))["mastra_messages"] == 2
    assert await texts(transcript) == ["from bob", "re from bob"]
    assert await texts(transcript, elsewhere) == ["from ana", "re from ana"]


async def test_leaving_a_space_deletes_its_conversations_alone(transcript: PostgresTranscript) -> None:
    room = Room("public", "console:guild", "console:guild")
    there = Thread("console", "there")
    await transcript.hear(replace(message("1", "in the guild", thread=there), room=room))
    await converse(transcript, "at home")
    assert await forgetting_in(transcript.database).leave("console:guild") == {
        "mastra_messages": 1,
        "mastra_threads": 1,
        "facts": 0,
        "passages": 0,
    }
    assert await texts(transcript, there) == []
    assert len(await texts(transcript)) == 2


async def test_the_bot_takes_part_where_it_was_spoken_to_and_in_threads_of_its_posts(
    transcript: PostgresTranscript,
) -> None:
    assert not await transcript.knows(PORCH, "console:1")
    await transcript.hear(message("1"))
    assert await transcript.knows(PORCH, "console:1")
    turn = await begin(transcript)
    await transcript.record(turn, 0, "console:post")
    assert await transcript.knows(Thread("console", "post"), "console:post")
    await forgetting_in(transcript.database).reset(PORCH)
    assert await transcript.knows(PORCH, "console:1")  # it goes on listening


async def test_conversations_are_listed_with_what_was_last_heard(transcript: PostgresTranscript) -> None:
    await converse(transcript, "a", "b")
    lawn = Thread("console", "lawn")
    await converse(transcript, "c", thread=lawn)
    await forgetting_in(transcript.database).reset(lawn)
    found = await transcript.conversations("console", 1, 10)
    assert [(each.thread, each.newest) for each in found] == [
        (lawn, None), (PORCH, "console:porch:console:ana-1-b"),
    ]  # fmt: skip
    assert await transcript.conversations("discord", 1, 10) == []
    assert len(await transcript.conversations("console", 1, 1)) == 1


async def test_a_look_back_that_was_not_ended_is_begun_where_it_began(transcript: PostgresTranscript) -> None:
    monday, tuesday = datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    assert await transcript.look_back("slack", monday) == monday
    assert await transcript.look_back("slack", tuesday) == monday
    assert await transcript.look_back("discord", tuesday) == tuesday
    await transcript.looked_back("slack", tuesday)  # another process's, which began later
    assert await transcript.look_back("slack", tuesday) == monday
    await transcript.looked_back("slack", monday)
    assert await transcript.look_back("slack", tuesday) == tuesday


async def test_half_a_day_is_half_a_day(transcript: PostgresTranscript, database: Database) -> None:
    await converse(transcript, "an hour ago")
    await database.fetch("""update public.mastra_threads set "updatedAtZ" = now() - interval '1 hour'""")
    assert len(await transcript.conversations("console", 0.5, 10)) == 1
    assert await transcript.conversations("console", 0.01, 10) == []

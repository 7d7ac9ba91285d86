"""The transcript against a real Postgres: what is written, in which order it is read, and what deleting leaves."""

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.chat import Answer, Line, Message, Resource, Room, Thread, Turn
from bot.ports import Recollection
from memory.pool import Database
from memory.transcript import PostgresTranscript, text_of

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


async def test_who_lost_the_turn_writes_nothing_for_it(transcript: PostgresTranscript, database: Database) -> None:
    await transcript.hear(message("1"))
    turn, seen = await begin(transcript), await read(transcript)
    await database.fetch("select public.procrastinate_retry_job_v2($1, null, null, null, null)", turn.id)
    assert not await answer(transcript, "from the dead", turn, seen)
    again = await begin(transcript)
    assert (again.id, again.attempt) == (turn.id, turn.attempt + 1)
    assert not await answer(transcript, "from the dead", turn, seen)
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
    await transcript.reset(PORCH)
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
    assert await transcript.reset(PORCH) == {"mastra_messages": 4, "mastra_threads": 1}
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
    about = await transcript.about(ANA)
    exported = await transcript.export(ANA)
    assert exported["working_memory"] == "likes blue"
    assert [entry["text"] for entry in exported["messages"]] == [
        "mine", "re mine", "ana says", "re ana says", "ana in a burst", "to both",
    ]  # fmt: skip
    counts = await transcript.forget(ANA)
    assert counts == about == {"mastra_messages": 6, "mastra_threads": 1, "mastra_resources": 1}
    left = await read(transcript, thread=shared)
    assert [line.text for line in left] == ["bob says", "re bob says", "bob ends it"]
    assert sum((await transcript.forget(ANA)).values()) == 0


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
    assert await transcript.forget(ANA) == {"mastra_messages": 2, "mastra_threads": 1, "mastra_resources": 0}


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

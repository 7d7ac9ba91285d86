"""Rows that another program wrote into Mastra's tables and nobody can read: a thread goes on without them."""

import json

import pytest

from bot.chat import Resource
from memory import dsn
from memory.content import LONGEST, text_of
from memory.pool import open_database
from tests.conftest import Hathi
from tests.fakes.model import FakeModel

DEEP = 100_000
UNREADABLE = {
    "deep-list": "[" * DEEP + "]" * DEEP,
    "deep-object": '{"a":' * DEEP + "1" + "}" * DEEP,
    "deep-part": '{"format": 2, "parts": [' + "[" * DEEP + "]" * DEEP + '], "content": "hidden"}',
    "deep-and-cut-off": '[{"type":' * DEEP,
    "too-long": json.dumps({"format": 2, "parts": [{"type": "text", "text": "long " * (LONGEST // 5)}]}),
}
ODD = {
    "half-an-emoji": r'{"format": 2, "parts": [{"type": "text", "text": "odd \ud83d \u0000 words"}]}',
    "long-number": '{"format": 2, "parts": ' + "9" * 10_000 + "}",
    "no-parts": '{"format": 2, "parts": [null, 7, [], {"type": []}, {"type": "text", "text": {}}]}',
}
ANA = Resource("console", "ana")


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_row_that_cannot_be_read_is_left_out_and_named_once(name: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        assert text_of(UNREADABLE[name], "v2", f"pure-{name}") == ""
    (line,) = [record.getMessage() for record in caplog.records if "pure-" in record.getMessage()]
    assert line.startswith(f"message pure-{name} is not read: its content is ")


@pytest.mark.parametrize("name", ODD)
def test_what_is_read_of_an_odd_row_can_be_written_anywhere(name: str) -> None:
    text = text_of(ODD[name], "v2")
    assert "\0" not in text
    text.encode()


async def test_a_thread_with_such_rows_answers_learns_exports_and_forgets(hathi: Hathi, fake: FakeModel) -> None:
    asked = ("chat", "--as", "ana")
    assert (await hathi(*asked, stdin="My name is Ana.\n")).status == 0
    async with open_database(dsn.parse(hathi.environment["DATABASE_URL"])) as database:
        (thread,) = await database.fetch("select id from public.mastra_threads")
        for name, content in (UNREADABLE | ODD).items():
            for role in ("user", "assistant"):
                await database.fetch(
                    """
                    insert into public.mastra_messages (id, thread_id, content, role, type, "createdAt", "resourceId")
                    values ($1, $2, $3, $4, 'v2', clock_timestamp() at time zone 'utc', $5)
                    """,
                    f"{name}-{role}",
                    thread["id"],
                    content,
                    role,
                    str(ANA),
                )
        deep = "[" * 2_000 + "]" * 2_000
        await database.fetch("update public.mastra_threads set metadata = $1::jsonb", f'{{"workingMemory": {deep}}}')
        await database.fetch(
            """
            insert into public.mastra_resources (id, "workingMemory", metadata, "createdAt", "updatedAt")
            values ($1, $2, $3::jsonb, now(), now()) on conflict (id) do update
            set "workingMemory" = excluded."workingMemory" || $2, metadata = excluded.metadata
            """,
            str(ANA),
            UNREADABLE["deep-object"],
            deep,
        )
        ended = await hathi.but(LAST_MESSAGES="50")(*asked, stdin="I live in Porto.\nHello?\n")
        assert (ended.status, len(ended.out.splitlines())) == (0, 2), ended.err
        assert "Something went wrong" not in ended.out
        for name in UNREADABLE:
            assert ended.err.count(f"message {name}-user is not read: ") == 1
        assert "Traceback" not in ended.err
        assert "hidden" not in ended.err
        assert any("odd" in json.dumps(call) for call in fake.calls)
        (row,) = await database.fetch("select answered - digested as behind from public.mastra_threads")
        assert row["behind"] == 0
    export = await hathi("export", str(ANA))
    assert export.status == 0, export.err
    assert {f"{name}-user" for name in UNREADABLE} <= {message["id"] for message in json.loads(export.out)["messages"]}
    gone = await hathi("forget", str(ANA), "--yes")
    assert gone.status == 0, gone.err

"""What is read and told when a matter is forgotten: a person's messages, and what goes of them."""

import asyncio
from collections.abc import Iterable, Sequence, Set

from bot.ports import Counts, Forgettable
from memory.content import text_of
from memory.matters.scope import Line, Message, Scope, decide
from memory.pool import Connection, Database, Record
from memory.working.page import Fact, Template

AT_ONCE = 1000  # messages that are read at a time


async def said(database: Database, people: Sequence[str], keep: Sequence[str]) -> list[Message]:
    """What these people said, and what was answered to them; but for messages to `keep`. Raises DatabaseError."""
    found: dict[str, Message] = {}
    async with database.transaction() as connection:
        cursor = await connection.cursor(
            """
            select message.id, message.thread_id, message.content, message.type, message.role
            from unnest($1::text[]) as person, hathi.messages_about(person) as message
            where message.id <> all($2)
            """,
            list(people),
            list(keep),
        )
        while rows := await cursor.fetch(AT_ONCE):
            found |= await asyncio.to_thread(_read, rows)
    return list(found.values())


def _read(rows: Iterable[Record]) -> dict[str, Message]:
    return {
        row["id"]: Message(
            row["id"], text_of(row["content"], row["type"], row["id"]), row["role"] == "assistant", row["thread_id"]
        )
        for row in rows
    }


def scope(template: Template, what: str, lines: Set[int], facts: Sequence[Fact], messages: Sequence[Message]) -> Scope:
    """What goes of a person's lines and messages."""
    return decide(what, lines, [_line(template, fact) for fact in facts], messages)


def _line(template: Template, fact: Fact) -> Line:
    """A line as it is read: its label, which is what stands before the colon where it is told, and its words."""
    told = template.told(fact.field, fact.value)
    label, colon, value = told.partition(": ")
    return Line(fact, label, value) if colon else Line(fact, "", told)


async def went(connection: Connection, messages: Sequence[Message], scope: Scope) -> list[Message]:
    """Those of these messages that are deleted now, with answers that went with what they answered."""
    threads = {message.thread for message in messages if message.id in scope.messages}
    there = [message for message in messages if message.thread in threads]
    rows = await connection.fetch(
        "select id from public.mastra_messages where id = any($1)", [message.id for message in there]
    )
    left = {row["id"] for row in rows}
    return [message for message in there if message.id not in left]


def forgettable(
    template: Template, facts: Sequence[Fact], scope: Scope, went: Sequence[Message], counts: Counts
) -> Forgettable:
    """What went, as people are told of it."""
    lines = [template.told(fact.field, fact.value) for fact in facts if fact.id in scope.lines and fact.value]
    answers = sum(message.answer for message in went)
    conversations = len({message.thread for message in went})
    return Forgettable(tuple(lines), len(went) - answers, answers, conversations, dict(counts))

"""Semantic recall on a real Postgres, and people who talk in rooms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.chat import Answer, Message, Resource, Room, Thread, Turn
from bot.ports import Embedder, Recollection
from memory.forgetting import Forgetting
from memory.pool import Database
from memory.recall.index import Index
from memory.recall.search import Found, Scope, Wanted, scope, search
from memory.recall.words import searchable
from memory.transcript import PostgresTranscript
from tests.fakes.embeddings import Hashed
from tests.stores import forgetting_in, tables_of, transcript_in

ANA = Resource("discord", "1")
BOB = Resource("discord", "2")
NAMES = {ANA: "Ana", BOB: "Bob"}
DM = Room("direct", "discord:dm-ana")
BOBS_DM = Room("direct", "discord:dm-bob")
PUBLIC = Room("public", "discord:guild", "discord:guild")
STAFF = Room("private", "discord:staff", "discord:guild")
OTHER = Room("public", "discord:elsewhere", "discord:elsewhere")
LONG_AGO = datetime(2024, 3, 1, 12, tzinfo=UTC)


def thread_in(room: Room, name: str = "") -> Thread:
    """The conversation in a room, or another one there."""
    return Thread("discord", f"{room.id.partition(':')[2]}{name}")


class Chosen:
    """An embedder that knows some texts; all others have a direction of their own."""

    name = "fake/chosen"

    def __init__(self, vectors: dict[str, Sequence[float]]) -> None:
        self.vectors = vectors

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [list(self.vectors.get(text, (0.0, 0.0, 1.0))) for text in texts]

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...


class Faulty(Hashed):
    """An embedder that does something else as long as `fault` is set."""

    fault: Callable[[list[list[float]]], list[list[float]]] | None = None

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        found = await super().embed(texts)
        return self.fault(found) if self.fault else found


@dataclass
class World:
    """What people say, and what is found of it."""

    database: Database
    transcript: PostgresTranscript
    forgetting: Forgetting
    index: Index
    said: int = 0

    async def say(self, *texts: str, room: Room = DM, who: Resource = ANA, thread: Thread | None = None) -> list[str]:
        """Somebody says things that nobody answers; the messages' ids."""
        messages = [self.message(text, room, who, thread or thread_in(room)) for text in texts]
        await self.transcript.overhear(messages, who)
        return [message.id for message in messages]

    async def ask(self, text: str, room: Room = DM, who: Resource = ANA, thread: Thread | None = None) -> str:
        """Somebody says something to the bot, where it waits."""
        message = self.message(text, room, who, thread or thread_in(room))
        await self.transcript.hear(message)
        return message.id

    def message(self, text: str, room: Room, who: Resource, thread: Thread) -> Message:
        self.said += 1
        at = LONG_AGO + self.said * timedelta(minutes=1)
        return Message(f"m{self.said}", thread, who, room, text, at, name=NAMES.get(who, who.id))

    async def edit(self, id_: str, text: str) -> None:
        message = self.message(text, DM, ANA, thread_in(DM))
        assert await self.transcript.edit(Message(id_, *(getattr(message, of) for of in _BUT_THE_ID)))

    async def answer(self, text: str, thread: Thread) -> None:
        """What waits there is answered."""
        turn = await self.take(thread)
        lines = await self.transcript.read(thread, 0)
        assert await self.transcript.answer(turn, Recollection(lines=tuple(lines)), Answer(text, "openai/small"))
        await self.database.fetch("select public.procrastinate_finish_job_v1($1, 'succeeded', true)", turn.id)

    async def take(self, thread: Thread) -> Turn:
        """The turn of a thread, as a worker takes it."""
        (row,) = await self.database.fetch(
            "select id, attempts from public.procrastinate_fetch_job_v2(array[$1]::varchar[], null)", thread.platform
        )
        return Turn(row["id"], thread, row["attempts"])

    async def scope(
        self, room: Room = DM, who: Resource = ANA, thread: Thread | None = None, *, whole: bool = True
    ) -> Scope:
        """What may be searched when somebody asks there."""
        thread = thread or thread_in(room)
        question = await self.ask("So?", room, who, thread)
        where = await scope(self.database, thread, whole=whole)
        assert where is not None
        await self.database.fetch("delete from public.mastra_messages where id = $1", question)
        await self.database.fetch("delete from public.procrastinate_jobs where status = 'todo'")
        return where

    async def search(self, text: str, where: Scope | None = None, wanted: Wanted | None = None) -> Found:
        """Everything that a question brings, by words and by meaning."""
        where = where or await self.scope()
        vector = await self.index.embed(text)
        wanted = wanted or Wanted(searchable(text, self.index.language), vector)
        return await search(self.database, where, wanted, self.index.language, self.index.vectors.schema)

    async def by_words(self, text: str, where: Scope | None = None) -> set[str]:
        """The texts that have a word of it."""
        found = await self.search(text, where, Wanted(searchable(text, self.index.language)))
        return {passage.text for passage in found.passages if passage.words}

    async def passages(self, thread: Thread | None = None) -> list[tuple[int, str]]:
        """(place, text) of all that is indexed, in order."""
        rows = await self.database.fetch(
            """select place, text from hathi.passages join hathi.indexed using (thread)
               where $1::text is null or thread_id = $1 order by thread, place, part""",
            None if thread is None else str(thread),
        )
        return [(row["place"], row["text"]) for row in rows]

    async def texts(self, thread: Thread | None = None) -> list[str]:
        return [text for _, text in await self.passages(thread)]

    async def missing(self) -> int:
        """How many passages have no vector at all."""
        rows = await self.database.fetch("select count(*) as n from hathi.passages where embedder is null")
        return int(rows[0]["n"])

    async def tables(self) -> str:
        """Every row of every table, as text."""
        return await tables_of(self.database)


_BUT_THE_ID = ("thread", "author", "room", "text", "at", "name")


def world_on(database: Database, embedder: Embedder | None, language: str = "english") -> World:
    return World(database, transcript_in(database), forgetting_in(database), Index(database, embedder, language))


@pytest.fixture
def world(database: Database) -> World:
    return world_on(database, Hashed())

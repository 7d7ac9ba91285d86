"""Working memory and recall on a real Postgres, kept up by a model behind a real client."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.chat import Answer, Message, Resource, Room, Thread, Turn
from bot.errors import DigestUnfinished
from bot.models import Keys, open_model
from bot.ports import Known, Model, Noted, Recollection
from memory.forgetting import Forgetting
from memory.history import History
from memory.links import Links
from memory.memories import Memories
from memory.pool import Database
from memory.recall.index import Index
from memory.recall.remembering import SemanticRecall
from memory.transcript import PostgresTranscript
from memory.working.pages import Pages
from memory.working.remembering import WorkingMemory
from tests.fakes.embeddings import Hashed
from tests.fakes.learner import learner
from tests.fakes.model import FakeModel
from tests.stores import forgetting_in, pages_in, tables_of, transcript_in

ANA = Resource("discord", "1")
BOB = Resource("discord", "2")
DM = Room("direct", "discord:dm-ana")
PUBLIC = Room("public", "discord:guild", "discord:guild")
STAFF = Room("private", "discord:staff", "discord:guild")
OTHER = Room("public", "discord:elsewhere", "discord:elsewhere")


def thread_in(room: Room) -> Thread:
    """The conversation in a room."""
    return Thread(room.id.partition(":")[0], room.id.partition(":")[2] or "x")


@dataclass
class World:
    """People who talk with the bot in rooms."""

    database: Database
    transcript: PostgresTranscript
    pages: Pages
    forgetting: Forgetting
    links: Links
    history: History
    models: Sequence[Model]
    memory: Memories
    fake: FakeModel
    said: int = 0
    at: datetime | None = None  # when it is said; None: now
    zone: str = ""  # of who says it, as the platform tells
    noted: list[Noted] = field(default_factory=list)

    async def say(
        self, text: str, room: Room = DM, who: Resource = ANA, thread: Thread | None = None, answer: str = "Fine."
    ) -> str:
        """Somebody says something, and it is answered and digested; the message's id."""
        thread = thread or thread_in(room)
        id_ = await self.hear(text, room, who, thread)
        turn = await self.take(thread)
        recollection = await self.memory.recall(turn)
        assert await self.transcript.answer(turn, recollection, Answer(answer, "openai/small"))
        await self.end(turn)
        await self.forgetting.strike(thread)
        await self.digest(thread)
        return id_

    async def digest(self, thread: Thread) -> bool:
        """What was said there is read; whether all of it could be."""
        try:
            self.noted += await self.memory.digest(thread)
        except DigestUnfinished as error:
            self.noted += error.noted
            return False
        return True

    async def hear(self, text: str, room: Room, who: Resource, thread: Thread) -> str:
        self.said += 1
        id_ = f"{thread}:{self.said}"
        await self.transcript.hear(
            Message(id_, thread, who, room, text, self.at or datetime.now(UTC), name=f"name-{who.id}", zone=self.zone)
        )
        return id_

    async def take(self, thread: Thread) -> Turn:
        """The thread's turn, taken as a worker takes it."""
        (row,) = await self.database.fetch(
            "select id, attempts from public.procrastinate_fetch_job_v2(array[$1]::varchar[], null)", thread.platform
        )
        return Turn(row["id"], thread, row["attempts"])

    async def end(self, turn: Turn) -> None:
        await self.database.fetch("select public.procrastinate_finish_job_v1($1, 'succeeded', true)", turn.id)

    async def asked(
        self, text: str = "What do you know?", room: Room = DM, who: Resource = ANA, thread: Thread | None = None
    ) -> Recollection:
        """What is recalled for a question that is then left without an answer."""
        thread = thread or thread_in(room)
        await self.hear(text, room, who, thread)
        turn = await self.take(thread)
        recollection = await self.memory.recall(turn)
        await self.transcript.give_up(turn, recollection, "asked for a test")
        await self.end(turn)
        return recollection

    async def known(self, room: Room = DM, who: Resource = ANA, thread: Thread | None = None) -> list[str]:
        """The lines about everybody that a turn there is told."""
        recollection = await self.asked(room=room, who=who, thread=thread)
        return [line for known in recollection.known for line in known.lines]

    async def tables(self) -> str:
        """Every row of every table, as text."""
        return await tables_of(self.database)


@pytest.fixture
async def world(database: Database, fake: FakeModel) -> AsyncIterator[World]:
    fake.arguments = learner
    model = open_model("openai/small", Keys(openai_base_url=fake.base_url))
    pages, forgetting, transcript = pages_in(database), forgetting_in(database), transcript_in(database)
    working = WorkingMemory(pages, forgetting, [model], 600)
    history = History(transcript, 10)
    recall = SemanticRecall(Index(database, Hashed()), history, top_k=4, neighbours=1, budget=1000)
    memory = Memories([history, recall, working])
    yield World(database, transcript, pages, forgetting, Links(database), history, [model], memory, fake)
    await model.close()


def lines(recollection: Recollection) -> dict[str, Known]:
    """What is known, by person."""
    return {known.author: known for known in recollection.known}

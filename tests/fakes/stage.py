"""A small chat platform: it delivers events until they are acknowledged, and takes posts with an idempotency key.

`Stage` is its server; `python -m tests.fakes.stage` is a whole replica of Hathi that serves it, made of the real core
and memory, with an adapter that posts as a real platform's would: a post at the first word, edited at the end, one post
for each part of a long answer.
"""

import asyncio
import logging
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import ClientSession, web

from bot.__main__ import until_told_to_stop
from bot.chat import Image, Message, Resource, Room, Thread
from bot.errors import DatabaseError
from bot.ports import Accept, Noted, Outbox, Reply
from tests.stores import forgetting_in

log = logging.getLogger("bot.stage")

PART = "\n---\n"  # between the parts of an answer that are posted one by one
AT_ONCE = 20  # events in one delivery
Event = dict[str, str]
Point = Callable[[str], Awaitable[None]]


@dataclass
class Post:
    """One message on the platform."""

    thread: str
    key: str
    text: str


@dataclass(frozen=True)
class Step:
    """A post or an edit that a replica asked for."""

    replica: int  # its process
    thread: str
    turn: int


async def _unwatched(point: str) -> None:
    """Nobody wants to know."""


@dataclass
class Stage:
    """The server. `reached` is told each step that a replica takes, before the step is answered.

    Events are delivered to every replica that asks, until one of them acknowledges; those of a thread in order.
    """

    reached: Point = _unwatched
    again: float = 0.0  # how often something acknowledged long ago is delivered once more
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    deliveries: int = 0
    replicas: set[int] = field(default_factory=set)  # the processes that ever asked for events
    _events: dict[str, Event] = field(default_factory=dict)
    _acknowledged: list[Event] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([
            web.get("/events", self._next), web.post("/ack", self._ack),
            web.post("/posts", self._post), web.patch("/posts/{id}", self._edit),
        ])  # fmt: skip
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def say(self, id_: str, thread: str, text: str) -> None:
        """Somebody says something; it is delivered until it is acknowledged."""
        self._events[id_] = {"id": id_, "thread": thread, "text": text}

    @property
    def waiting(self) -> bool:
        """Something is not acknowledged."""
        return bool(self._events)

    def answers(self, thread: str) -> list[str]:
        """What stands in a thread, in order."""
        return [post.text for post in self.posts if post.thread == thread]

    def steps_of(self, replica: int, thread: str) -> list[Step]:
        """What a process did in a thread."""
        return [step for step in self.steps if (step.replica, step.thread) == (replica, thread)]

    async def _next(self, request: web.Request) -> web.Response:
        self.replicas.add(int(request.headers["Replica"]))
        for _ in range(100):
            if events := self._due():
                self.deliveries += len(events)
                return web.json_response(events)
            await asyncio.sleep(0.02)
        return web.json_response([])

    def _due(self) -> list[Event]:
        """Some of what is not acknowledged, never an event without the earlier ones of its thread."""
        threads = list({event["thread"] for event in self._events.values()})
        random.shuffle(threads)
        waiting = [event for thread in threads for event in self._events.values() if event["thread"] == thread]
        old = [event for event in self._acknowledged[-200:] if self._events and random.random() < self.again]
        return waiting[:AT_ONCE] + old[:AT_ONCE]

    async def _ack(self, request: web.Request) -> web.Response:
        event = await request.json()
        await self.reached("heard")
        if heard := self._events.pop(event["id"], None):
            self._acknowledged.append(heard)
        return web.json_response({})

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        number = body["key"].rpartition("-")[2]
        self._note(request, body["thread"], body["key"])
        await self.reached(f"post {number}")
        for at, post in enumerate(self.posts):
            if post.key == body["key"]:
                post.text = body["text"]
                return web.json_response({"id": str(at)})
        self.posts.append(Post(**body))
        at = len(self.posts) - 1
        await self.reached(f"posted {number}")
        return web.json_response({"id": str(at)})

    async def _edit(self, request: web.Request) -> web.Response:
        post = self.posts[int(request.match_info["id"])]
        self._note(request, post.thread, post.key)
        await self.reached("edit")
        post.text = (await request.json())["text"]
        return web.json_response({})

    def _note(self, request: web.Request, thread: str, key: str) -> None:
        self.steps.append(Step(int(request.headers["Replica"]), thread, int(key.partition("-")[0])))


class StageAdapter:
    """The platform's adapter."""

    name = "stage"
    trouble = None

    def __init__(self, url: str, client: ClientSession) -> None:
        self._url = url
        self._client = client
        self._name = {"Replica": str(os.getpid())}

    async def run(self, accept: Accept) -> None:
        while True:
            for event in await self.call("GET", "/events"):
                thread = Thread("stage", event["thread"])
                person = Resource("stage", "ana")
                room = Room("private", event["thread"])
                message = Message(f"stage:{event['id']}", thread, person, room, event["text"], datetime.now(UTC))
                try:
                    await accept(message)
                except DatabaseError as error:
                    log.warning("not acknowledged, it will come again: %s", error)
                    break
                await self.call("POST", "/ack", {"id": event["id"]})

    @asynccontextmanager
    async def reply(self, thread: Thread, outbox: Outbox) -> AsyncIterator[Reply]:
        yield StageReply(self, thread, outbox)

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        yield

    def routes(self) -> tuple[()]:
        """Nobody asks over HTTP."""
        return ()

    async def download(self, image: Image, thread: Thread) -> None:
        """Nobody posts pictures here."""

    async def noted(self, noted: Noted) -> None:
        """Nobody is told."""

    async def call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        async with self._client.request(method, self._url + path, json=body, headers=self._name) as response:
            response.raise_for_status()
            return await response.json()


@dataclass
class StageReply:
    """Posts at the first word, edits at the end; further parts are posts of their own."""

    adapter: StageAdapter
    thread: Thread
    outbox: Outbox

    async def show(self, text: str) -> None:
        if not self.outbox.posts:
            await self._put(0, "…")

    async def show_notice(self, text: str) -> None:
        await self._put(0, text)

    async def finish(self, text: str) -> None:
        for number, part in enumerate(text.split(PART)):
            await self._put(number, part)

    async def withdraw(self) -> None:
        """What is shown stays: nobody deletes here."""

    async def _put(self, number: int, text: str) -> None:
        await self.outbox.allow()
        if number < len(self.outbox.posts):
            await self.adapter.call("PATCH", f"/posts/{self.outbox.posts[number]}", {"text": text})
            return
        post = {"thread": self.thread.id, "key": f"{self.outbox.turn.id}-{number}", "text": text}
        await self.outbox.record((await self.adapter.call("POST", "/posts", post))["id"], number)


async def main() -> int:
    """A replica; its settings come from the environment, like anybody's."""
    from bot import logs, wiring
    from bot.agent import Agent
    from bot.jobs.turns import GRACE
    from bot.settings import read_settings
    from memory import dsn, pool
    from memory.history import History
    from memory.migrate import migrate
    from memory.transcript import PostgresTranscript

    settings = read_settings()
    logs.set_up("info", "text")
    assert settings.database_url is not None
    place = dsn.parse(settings.database_url.get_secret_value())
    patience = float(os.environ.get("STAGE_PATIENCE", pool.PATIENCE))
    async with (
        ClientSession() as client,
        wiring.open_models(settings) as models,
        pool.open_database(place, patience=patience) as database,
    ):
        await migrate(database)
        transcript = PostgresTranscript(database)
        adapter = StageAdapter(os.environ["STAGE_URL"], client)
        jobs = wiring.open_jobs(settings, database, ["stage"])
        jobs._worker.shutdown_graceful_timeout = float(os.environ.get("STAGE_GRACE", GRACE))
        agent = Agent(
            transcript,
            forgetting_in(database),
            History(transcript, 10),
            models,
            jobs,
            {"stage": adapter},
            "You are Hathi.",
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(jobs.run(agent.turn))
            tasks.create_task(adapter.run(agent.accept))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(until_told_to_stop(main())))

"""A small chat platform: it delivers events until they are acknowledged, and takes posts with an idempotency key.

`Stage` is its server; `python -m tests.fakes.stage` is a whole replica of Hathi that serves it, made of the real core
and memory, with an adapter that posts as a real platform's would: a post at the first word, edited at the end, one post
for each part of a long answer.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import ClientSession, web

from bot.chat import Image, Message, Resource, Room, Thread
from bot.ports import Accept, Outbox, Reply

PART = "\n---\n"  # between the parts of an answer that are posted one by one
REDELIVERY_SECONDS = 1.0
Point = Callable[[str], None]


@dataclass
class Post:
    """One message on the platform."""

    thread: str
    key: str
    text: str


@dataclass
class Stage:
    """The server. `reached` is told each step that a replica takes, before the step is answered."""

    reached: Point = lambda point: None
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    _events: dict[str, dict[str, str]] = field(default_factory=dict)
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

    def answers(self, thread: str) -> list[str]:
        """What stands in a thread, in order."""
        return [post.text for post in self.posts if post.thread == thread]

    async def _next(self, request: web.Request) -> web.Response:
        for _ in range(100):
            if self._events:
                return web.json_response(list(self._events.values()))
            await asyncio.sleep(0.02)
        return web.json_response([])

    async def _ack(self, request: web.Request) -> web.Response:
        event = await request.json()
        self.reached("heard")
        self._events.pop(event["id"], None)
        return web.json_response({})

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        number = body["key"].rpartition("-")[2]
        self.reached(f"post {number}")
        for at, post in enumerate(self.posts):
            if post.key == body["key"]:
                post.text = body["text"]
                return web.json_response({"id": str(at)})
        self.posts.append(Post(**body))
        self.reached(f"posted {number}")
        return web.json_response({"id": str(len(self.posts) - 1)})

    async def _edit(self, request: web.Request) -> web.Response:
        self.reached("edit")
        self.posts[int(request.match_info["id"])].text = (await request.json())["text"]
        return web.json_response({})


class StageAdapter:
    """The platform's adapter."""

    name = "stage"
    trouble = None

    def __init__(self, url: str, client: ClientSession) -> None:
        self._url = url
        self._client = client

    async def run(self, accept: Accept) -> None:
        while True:
            for event in await self.call("GET", "/events"):
                thread = Thread("stage", event["thread"])
                person = Resource("stage", "ana")
                room = Room("private", event["thread"])
                await accept(Message(f"stage:{event['id']}", thread, person, room, event["text"], datetime.now(UTC)))
                await self.call("POST", "/ack", {"id": event["id"]})

    @asynccontextmanager
    async def reply(self, thread: Thread, outbox: Outbox) -> AsyncIterator[Reply]:
        yield StageReply(self, thread, outbox)

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        yield

    async def download(self, image: Image) -> None:
        """Nobody posts pictures here."""

    async def call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        async with self._client.request(method, self._url + path, json=body) as response:
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
        post = {"thread": self.thread.id, "key": f"{self.outbox.key}-{number}", "text": text}
        await self.outbox.record((await self.adapter.call("POST", "/posts", post))["id"], number)


async def main() -> None:
    """A replica; its settings come from the environment, like anybody's."""
    from bot import logs, wiring
    from bot.agent import Agent
    from bot.settings import read_settings
    from memory.history import History

    settings = read_settings()
    logs.set_up("info", "text")
    async with (
        ClientSession() as client,
        wiring.open_models(settings) as models,
        wiring.open_transcript(settings) as transcript,
    ):
        adapter = StageAdapter(os.environ["STAGE_URL"], client)
        jobs = wiring.open_jobs(settings, transcript.database, ["stage"])
        agent = Agent(transcript, History(transcript, 10), models, jobs, {"stage": adapter}, "You are Hathi.")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(jobs.run(agent.turn))
            tasks.create_task(adapter.run(agent.accept))


if __name__ == "__main__":
    asyncio.run(main())

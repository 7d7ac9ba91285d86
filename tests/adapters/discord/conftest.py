"""The whole bot, as `hathi run discord` puts it together, between a fake Discord, a fake model and a real Postgres."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import wiring
from bot.prompt import FOUND
from bot.settings import Settings
from memory.transcript import PostgresTranscript
from tests.fakes.discord_api import BOT, Asked, FakeDiscord, Post
from tests.fakes.learner import learner
from tests.fakes.model import FakeModel

READY_SECONDS = 0.3
AT = f"<@{BOT}>"  # a mention of the bot


@dataclass
class House:
    """One guild with one channel, Ana and Bob, and a bot that can be stopped and started again."""

    discord: FakeDiscord
    model: FakeModel
    transcript: PostgresTranscript
    settings: dict[str, Any]
    guild: int = 0
    channel: int = 0
    ana: int = 0
    bob: int = 0
    running: "list[asyncio.Task[None]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.guild = self.discord.guild()
        self.channel = self.discord.channel(self.guild)
        self.ana = self.discord.person("Ana", guild=self.guild)
        self.bob = self.discord.person("bob_1987", guild=self.guild, nick="Bob the Builder")

    async def start(self, **settings: Any) -> None:
        """Start the bot (another one, if one runs) and wait until Discord has heard of it."""
        known = len(self.discord.identifies)
        given = {**self.settings, **settings}
        self.running.append(asyncio.create_task(wiring.serve(Settings(**given, _env_file=None), ["discord"])))
        await self.discord.until(lambda: len(self.discord.identifies) > known or self.running[-1].done())
        await asyncio.sleep(0.05)  # it reads what it was told of its guilds

    async def stop(self) -> None:
        """As SIGTERM does: turns may end."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.running.clear()

    async def ask(self, text: str, user: int = 0, channel: int = 0, **more: Any) -> str:
        """Say something to the bot; its answer, when that is complete in the transcript and on Discord."""
        channel = channel or self.channel
        before = len(self.discord.posts(channel))
        message = await self.discord.say(user or self.ana, channel, text, **more)
        return await self.answer(channel, message, before)

    async def answer(self, channel: int, message: int, before: int = 0) -> str:
        answer: list[str] = []

        async def written() -> str:
            while not answer:
                found = await self.transcript.answer_to(f"discord:{message}")
                if found:
                    answer.append(found)
                await asyncio.sleep(0.01)
            return answer[0]

        text = await asyncio.wait_for(written(), 20)
        await self.discord.until(lambda: "".join(self.discord.texts(channel)[before:]).endswith(text[-20:].strip()))
        return text

    async def learn(self, text: str, channel: int = 0, user: int = 0) -> Post:
        """Say something that is noted; the answer, when the notice of it is there."""
        channel = channel or self.channel
        self.model.arguments = learner
        await self.ask(text, user=user, channel=channel)
        post = self.discord.posts(channel)[-1]
        await self.discord.until(lambda: post.components)
        return post

    async def facts(self) -> list[str]:
        """What stands on all pages."""
        rows = await self.transcript.database.fetch("select value from hathi.facts order by id")
        return [row["value"] for row in rows]

    async def told(self, asked: Asked) -> str:
        """What somebody is told, and nobody else."""
        await self.discord.until(lambda: asked.texts)
        assert asked.ephemeral or asked.response == {"type": 6}
        assert asked.acknowledged is not None
        return asked.texts[-1]

    async def quiet(self, seconds: float = 0.4) -> None:
        """Long enough for the bot to have done what it should not do."""
        await asyncio.sleep(seconds)

    def asked(self, request: int = -1) -> list[str]:
        """What the model was asked last, without the instructions and what was recalled."""
        said = [one["content"] for one in self.model.asked[request]["messages"] if one["role"] != "system"]
        found = next((place for place, text in enumerate(said) if str(text).startswith(FOUND)), None)
        return said if found is None else said[:found] + said[found + 2 :]


@pytest.fixture
async def house(
    database_url: str, fake: FakeModel, transcript: PostgresTranscript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """Everything but the bot, which is started by the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("adapters.discord.connecting.READY_SECONDS", READY_SECONDS)
    async with FakeDiscord() as discord:
        settings = {
            "database_url": database_url, "openai_base_url": fake.base_url, "port": 0,
            "discord_token": discord.token, "discord_api_url": discord.api_url,
            "discord_gateway_url": discord.gateway_url, "heartbeat_seconds": 0.2, "stalled_seconds": 1.0,
        }  # fmt: skip
        built = House(discord, fake, transcript, settings)
        try:
            yield built
        finally:
            await built.stop()
        beating = [thread for thread in threading.enumerate() if thread.name.startswith("keep-alive-handler")]
        for thread in beating:
            await asyncio.to_thread(thread.join, 5)
        assert not any(thread.is_alive() for thread in beating)
        assert discord.unexpected == []
        assert discord.refused == []
        pings = [m["pings"] for messages in discord.messages.values() for m in messages.values() if m.get("pings")]
        assert pings == []

"""The whole bot, as `hathi run slack` puts it together, between a fake Slack, a fake model and a real Postgres."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import wiring
from bot.doctor import doctor
from bot.settings import Settings
from memory.transcript import PostgresTranscript
from tests.fakes.model import FakeModel
from tests.fakes.slack_api import FakeSlack


@dataclass
class House:
    """One workspace with one channel, Ana and Bob, and a bot that can be stopped and started again."""

    slack: FakeSlack
    model: FakeModel
    transcript: PostgresTranscript
    settings: dict[str, Any]
    channel: str = ""
    ana: str = ""
    bob: str = ""
    dm: str = ""  # Ana's
    running: "list[asyncio.Task[None]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ana = self.slack.person("ana", display_name="Ana")
        self.bob = self.slack.person("bob_1987", display_name="Bob the Builder")
        self.channel = self.slack.channel("general")
        self.dm = self.slack.dm(self.ana)

    @property
    def at(self) -> str:
        """A mention of the bot."""
        return f"<@{self.slack.bot_user}>"

    async def start(self, **settings: Any) -> None:
        """Start the bot (another one, if one runs), and wait until Slack can reach it."""
        given = {**self.settings, **settings}
        before = self.slack.sockets
        if not given["slack_app_token"] and not given["port"]:
            given["port"] = free_port()
        if not given["slack_app_token"]:
            self.slack.endpoint = f"http://127.0.0.1:{given['port']}/slack/events"
        task = asyncio.create_task(wiring.serve(Settings(**given, _env_file=None), ["slack"]))
        self.running.append(task)
        if given["slack_app_token"]:
            await self.slack.until(lambda: self.slack.sockets >= before + 2 or task.done())
        else:
            await self.slack.until(lambda: self.slack.calls("auth.test") or task.done())
        await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """As SIGTERM does: turns may end."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.running.clear()

    def message_id(self, channel: str, ts: str) -> str:
        return f"slack:{self.slack.team}:{channel}:{ts}"

    async def ask(self, text: str, user: str = "", channel: str = "", thread_ts: str | None = None, **more: Any) -> str:
        """Say something to the bot; its answer, when that is complete in the transcript and on Slack."""
        channel = channel or self.channel
        if not channel.startswith("D") and not thread_ts and self.at not in text:
            text = f"{self.at} {text}"
        ts = await self.slack.say(user or self.ana, channel, text, thread_ts=thread_ts, **more)
        return await self.answer(channel, ts)

    async def answer(self, channel: str, ts: str) -> str:
        """The answer to a message, when its turn has ended: it is on Slack then."""
        message = self.message_id(channel, ts)
        async with asyncio.timeout(30):
            while True:
                answer = await self.transcript.answer_to(message)
                if answer and not await self.rows(
                    """
                    select 1 from public.procrastinate_jobs as job
                    join public.mastra_messages as message on message.thread_id = job.lock
                    where message.id = $1 and job.status in ('todo', 'doing')
                    """,
                    message,
                ):
                    return answer
                await asyncio.sleep(0.02)

    def texts(self, channel: str, thread_ts: str) -> list[str]:
        return self.slack.texts(channel, thread_ts)

    async def doctor(self, capsys: pytest.CaptureFixture[str], **settings: Any) -> tuple[int, str]:
        """What `hathi doctor` ends with, and what it says of Slack."""
        status = await doctor(Settings(**{**self.settings, **settings}, _env_file=None))
        (found,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("slack")]
        return status, found

    async def ended(self) -> None:
        """Until no turn is at work, or waits."""
        async with asyncio.timeout(20):
            while await self.rows("select 1 from public.procrastinate_jobs where status in ('todo', 'doing')"):
                await asyncio.sleep(0.02)

    async def quiet(self, seconds: float = 0.4) -> None:
        """Long enough for the bot to have done what it should not do."""
        await asyncio.sleep(seconds)

    def asked(self, request: int = -1) -> list[str]:
        """What the model was asked last, without the instructions and what was recalled."""
        return [said["content"] for said in self.model.asked[request]["messages"] if said["role"] != "system"]

    async def rows(self, query: str, *args: object) -> list[Any]:
        return list(await self.transcript.database.fetch(query, *args))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of Slack's pace, and of what waits for it, is a tenth of one here."""
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.2, 0.8, 3.0))
    monkeypatch.setattr("bot.jobs.turns.GRACE", 1.0)
    monkeypatch.setattr("adapters.slack.connecting.LONGEST_WAIT", 1.0)
    monkeypatch.setattr("adapters.slack.posting.APPEND_SECONDS", 0.1)
    monkeypatch.setattr("adapters.slack.posting.UPDATE_SECONDS", 0.15)


def free_port() -> int:
    with socket.socket() as there:
        there.bind(("127.0.0.1", 0))
        port: int = there.getsockname()[1]
        return port


@pytest.fixture
async def house(
    database_url: str, fake: FakeModel, transcript: PostgresTranscript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """Everything but the bot, which is started by the test."""
    monkeypatch.chdir(tmp_path)
    async with FakeSlack() as slack:
        settings = {
            "database_url": database_url, "openai_base_url": fake.base_url, "port": 0,
            "slack_bot_token": slack.bot_token, "slack_app_token": slack.app_token,
            "slack_signing_secret": slack.signing_secret, "slack_api_url": slack.api_url,
            "heartbeat_seconds": 0.2, "stalled_seconds": 1.0,
        }  # fmt: skip
        built = House(slack, fake, transcript, settings)
        try:
            yield built
        finally:
            await built.stop()
        assert slack.unexpected == []
        assert slack.pings == []

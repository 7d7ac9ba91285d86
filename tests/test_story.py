"""One person across places: Discord and Slack, two replicas of the program, and Mastra on the same database.

What she says in a direct message is known to her everywhere and to nobody else; what she says in public is known there;
what she has forgotten is in no table and no prompt.
"""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import Hathi, bare_environment
from tests.fakes.discord_api import BOT, FakeDiscord
from tests.fakes.learner import learner
from tests.fakes.model import FakeModel
from tests.fakes.slack_api import FakeSlack
from tests.mastra import node
from tests.mastra.conftest import mastra
from tests.mastra.node import Mastra

__all__ = ["mastra"]  # a fixture

pytestmark = pytest.mark.timeout(node.INSTALL_SECONDS + 120)
BLUE, PAYMENTS = "favourite colour blue", "works on payments"


@dataclass
class Town:
    """Two platforms, a model, a database, and replicas of the program that serve both platforms."""

    discord: FakeDiscord
    slack: FakeSlack
    model: FakeModel
    program: Hathi
    sql: "asyncpg.Connection[asyncpg.Record]"
    replicas: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> None:
        """One more replica; returns when it is connected to both."""
        sessions, sockets = len(self.discord.identifies), self.slack.sockets
        self.replicas.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run",
                cwd=self.program.folder, env=self.program.environment, stderr=asyncio.subprocess.DEVNULL,
            )
        )  # fmt: skip
        await self.discord.until(lambda: len(self.discord.identifies) > sessions, 40)
        await self.slack.until(lambda: self.slack.sockets >= sockets + 2, 40)

    async def kill(self, replica: int) -> None:
        self.replicas[replica].send_signal(signal.SIGKILL)
        await self.replicas[replica].wait()

    async def on_discord(self, user: int, channel: int, text: str) -> str:
        """Say something there; the prompt that it is answered with."""
        return await self._asked(text, self.discord.say(user, channel, text), lambda: self.discord.texts(channel))

    async def on_slack(self, user: str, text: str) -> str:
        channel = self.slack.dm(user)
        return await self._asked(text, self.slack.say(user, channel, text), lambda: self.slack.texts(channel))

    async def _asked(self, text: str, said: Any, posts: Callable[[], list[str]]) -> str:
        asked, shown = len(self.model.asked), len(posts())
        await said
        await self.discord.until(lambda: len(posts()) > shown, 40)
        return next(
            json.dumps(request["messages"], ensure_ascii=False)
            for request in self.model.asked[asked:]
            if text.rpartition("> ")[2] in str(request["messages"][-1])
        )

    async def until_learned(self, value: str) -> None:
        async with asyncio.timeout(40):
            while not await self.sql.fetchval("select exists (select from hathi.facts where value = $1)", value):
                await asyncio.sleep(0.05)

    async def until_indexed(self, messages: int) -> None:
        async with asyncio.timeout(40):
            while await self.sql.fetchval("select count(*) from hathi.passages") < messages:
                await asyncio.sleep(0.05)

    async def tables(self) -> str:
        """Every row of every table, as text."""
        names = await self.sql.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
        found = [await self.sql.fetch(f"select to_jsonb(t)::text as row from {row['name']} as t") for row in names]
        return "\n".join(row["row"] for rows in found for row in rows)


@asynccontextmanager
async def town(url: str, folder: Path) -> AsyncIterator[Town]:
    async with FakeDiscord(rate_limited=False) as discord, FakeSlack() as slack, FakeModel() as model:
        model.arguments = learner
        environment = {
            **bare_environment(folder), "DATABASE_URL": url, "OPENAI_BASE_URL": model.base_url, "PORT": "0",
            "DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url, "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url,
            "HEARTBEAT_SECONDS": "0.5", "STALLED_SECONDS": "2",
        }  # fmt: skip
        sql = await asyncpg.connect(url)
        there = Town(discord, slack, model, Hathi(folder, environment), sql)
        try:
            yield there
        finally:
            for replica in there.replicas:
                if replica.returncode is None:
                    replica.kill()
                    await replica.wait()
            await sql.close()


async def test_a_person_is_known_where_they_may_be_known_and_forgotten_everywhere(
    database_url: str, tmp_path: Path, mastra: Mastra
) -> None:
    async with town(database_url, tmp_path) as there:
        discord, slack = there.discord, there.slack
        guild = discord.guild()
        ana = discord.person("Ana", guild=guild)
        office, direct = discord.channel(guild, "office"), discord.direct(ana)
        ana_on_slack = slack.person("Ana")
        await there.start()
        await there.start()

        await there.on_discord(ana, direct, "My favourite colour is blue")
        await there.until_learned(BLUE)
        await there.on_discord(ana, office, f"<@{BOT}> I work on payments")
        await there.until_learned(PAYMENTS)

        asked = await there.on_discord(ana, office, f"<@{BOT}> What do you know about me?")
        assert PAYMENTS in asked
        assert "blue" not in asked
        asked = await there.on_discord(ana, direct, "And here?")
        assert BLUE in asked
        assert PAYMENTS in asked

        assert "blue" not in await there.on_slack(ana_on_slack, "Do you know me?")
        code = await discord.slash(ana, direct, "link")
        await discord.until(lambda: code.texts)
        found = re.search(r"/link ([0-9A-Z]{4}-[0-9A-Z]{4})", code.texts[-1])
        assert found
        await _link(there, ana_on_slack, found[1])
        await _confirm(there, ana, direct)
        asked = await there.on_slack(ana_on_slack, "And now?")
        assert BLUE in asked
        assert PAYMENTS in asked

        await there.kill(0)
        await there.on_discord(ana, direct, "forget my favourite colour")
        async with asyncio.timeout(40):
            while "blue" in await there.tables():
                await asyncio.sleep(0.05)
        for prompt in (
            await there.on_discord(ana, direct, "What is left?"),
            await there.on_slack(ana_on_slack, "And what is left here?"),
        ):
            assert "blue" not in prompt
            assert PAYMENTS in prompt

        person = f"discord:{ana}"
        page = await mastra("workingMemory", dsn=database_url, threadId=f"discord:{direct}", resourceId=person)
        assert PAYMENTS in page
        assert "blue" not in page
        added = page.replace("- **Goals**:", "- **Goals**: learn the sitar")
        assert added != page
        await mastra("remember", dsn=database_url, threadId=f"discord:{direct}", resourceId=person, page=added)
        assert "learn the sitar" in await there.on_discord(ana, direct, "What do I want?")
        assert "sitar" not in await there.on_discord(ana, office, f"<@{BOT}> What do I want to do?")
        assert PAYMENTS in await there.on_discord(ana, office, f"<@{BOT}> And my work, as before?")


async def test_what_was_said_is_found_where_it_may_be_read_and_nowhere_else(database_url: str, tmp_path: Path) -> None:
    async with town(database_url, tmp_path) as there:
        discord, slack = there.discord, there.slack
        guild = discord.guild()
        ana, bob = discord.person("Ana", guild=guild), discord.person("Bob", guild=guild)
        office, kitchen = discord.channel(guild, "office"), discord.channel(guild, "kitchen")
        direct, bobs = discord.direct(ana), discord.direct(bob)
        on_slack = slack.person("Ana")
        await there.start()
        await there.start()

        await there.on_discord(ana, direct, "The surprise party for Bob is in the lighthouse.")
        await there.on_discord(ana, office, f"<@{BOT}> The printer lives in the basement.")
        await there.on_discord(bob, bobs, "My doctor is in the harbour.")
        await there.until_indexed(6)

        asked = await there.on_discord(ana, direct, "Where is the printer, and where is the party?")
        assert "The printer lives in the basement." in asked
        asked = await there.on_discord(ana, kitchen, f"<@{BOT}> Where is the printer, the party and the doctor?")
        assert "The printer lives in the basement." in asked
        assert "lighthouse" not in asked
        assert "harbour" not in asked
        for asked in (
            await there.on_discord(bob, bobs, "Where is the surprise party, and where is the printer?"),
            await there.on_slack(on_slack, "Where is the party, the printer and the doctor?"),
        ):
            assert "lighthouse" not in asked
            assert "basement" not in asked
        code = await discord.slash(ana, direct, "link")
        await discord.until(lambda: code.texts)
        found = re.search(r"/link ([0-9A-Z]{4}-[0-9A-Z]{4})", code.texts[-1])
        assert found
        await _link(there, on_slack, found[1])
        await _confirm(there, ana, direct)
        asked = await there.on_slack(on_slack, "And now, where is the party, the printer and the doctor?")
        assert "in the lighthouse" in asked
        assert "in the basement" in asked
        assert "harbour" not in asked


async def _link(there: Town, user: str, code: str) -> None:
    """Type a code on Slack, and press the button that asks whether one is sure."""
    slack = there.slack
    channel = slack.dm(user)
    typed = await slack.slash(user, channel, "/link", code)
    await slack.until(lambda: typed.texts)
    (button,) = re.findall(r'"value": "(\{.*?\})"', json.dumps(typed.answers)) or [None]
    assert button is not None
    pressed = await slack.press(user, channel, None, "hathi:command", json.loads(f'"{button}"'))
    await slack.until(lambda: any("Now say /link" in text for text in pressed.texts))


async def _confirm(there: Town, user: int, channel: int) -> None:
    """See on Discord who typed the code, and press the button that says that one is that person."""
    shown = await there.discord.slash(user, channel, "link")
    await there.discord.until(lambda: shown.buttons)
    done = await there.discord.press(user, channel, shown.button("That is me"))
    await there.discord.until(lambda: any("one person" in text for text in done.texts))

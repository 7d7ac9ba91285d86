"""Many people in many channels while everything fails at random, and a bot that is killed at every step of a turn.

The suite does a small version; `python -m tests.adapters.discord.test_chaos [MESSAGES CHANNELS]` does the full one with
the program as a process of its own that is killed again and again: each message gets exactly one right answer.
"""

import asyncio
import contextlib
import random
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.markup.discord import pieces
from bot.waiting import STILL_TRYING
from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.pool import open_database
from memory.transcript import PostgresTranscript
from tests.adapters.moody import PROGRAM, moody
from tests.adapters.numbering import numbers
from tests.conftest import Hathi, bare_environment
from tests.fakes import model as faults
from tests.fakes.discord_api import BOT, FakeDiscord
from tests.fakes.model import FakeModel

PATIENCE = 120.0  # seconds in which everything must be answered once nothing fails any more


@dataclass
class World:
    """A fake Discord, a fake model, a database, and the program between them."""

    discord: FakeDiscord
    model: FakeModel
    program: Hathi
    url: str
    process: asyncio.subprocess.Process | None = None
    kills: int = 0
    troubles: Counter[str] = field(default_factory=Counter)

    async def start(self) -> None:
        known = len(self.discord.identifies)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, "run", "discord",
            cwd=self.program.folder, env=self.program.environment, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await self.discord.until(lambda: len(self.discord.identifies) > known, 30)

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
            self.kills += 1

    async def restart(self) -> None:
        await self.kill()
        await self.start()


@asynccontextmanager
async def world(url: str, folder: Path, *, rate_limited: bool) -> AsyncIterator[World]:
    async with FakeDiscord(rate_limited=rate_limited) as discord, FakeModel() as model:
        environment = {
            **bare_environment(folder), "DATABASE_URL": url, "OPENAI_BASE_URL": model.base_url, "PORT": "0",
            "DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url, "HEARTBEAT_SECONDS": "0.5", "STALLED_SECONDS": "2",
        }  # fmt: skip
        built = World(discord, model, Hathi(folder, environment), url)
        try:
            yield built
        finally:
            await built.kill()


async def chaos(there: World, messages: int, channels: int, seed: int, kills: int) -> None:
    """Let people talk while things fail, then wait until everything is answered, and look at every answer."""
    dice = random.Random(seed)
    discord, model = there.discord, there.model
    model.otherwise = moody(dice, there.troubles)
    guild = discord.guild()
    places = [discord.channel(guild, f"room-{number}") for number in range(channels)]
    people = [discord.person(f"Person{number}", guild=guild) for number in range(20)]
    said: dict[int, list[tuple[int, int]]] = defaultdict(list)  # by channel: (message id, number)
    await there.start()
    warm = await discord.say(people[0], places[0], f"<@{BOT}> #{messages}")  # the bot has been here before
    said[places[0]].append((warm, messages))
    await discord.until(lambda: discord.posts(places[0]), 30)
    dying = sorted(dice.sample(range(messages), kills))
    for number in range(messages):
        place = dice.choice(places)
        message = await discord.say(dice.choice(people), place, f"<@{BOT}> #{number}")
        said[place].append((message, number))
        await _trouble(there, dice)
        if number in dying:
            there.troubles["killed"] += 1
            await there.kill()
            for _ in range(dice.randrange(3)):  # said while the bot is away
                place = dice.choice(places)
                number_there = messages + 1 + sum(map(len, said.values()))
                away = discord.say_unheard(dice.choice(people), place, f"<@{BOT}> #{number_there}")
                said[place].append((away, number_there))
            await there.start()
        await asyncio.sleep(dice.random() * 0.02)
    discord.faults.clear()
    discord.twice = discord.reordered = False
    await _answered(there, said)
    await _check(there, said)


async def _trouble(there: World, dice: random.Random) -> None:
    """Now and then something fails."""
    discord = there.discord
    limited = {"message": "You are being rate limited.", "retry_after": 0.2, "global": False}
    failures: list[dict[str, Any]] = [
        {"status": 429, "headers": {"Via": "1.1 google"}, "body": limited},
        {"status": 502}, {"status": 502, "after": True}, {"status": 503}, {"status": 503, "after": True},
        {}, {"after": True}, {"seconds": 0.3},
    ]  # fmt: skip
    discord.twice = dice.random() < 0.2
    roll = dice.random()
    if roll < 0.15:
        failure = dice.choice(failures)
        discord.fail(r"(POST|PATCH) /channels/\d+/messages", **failure)
        there.troubles[
            " ".join(f"{name} {failure[name]}" for name in failure if name not in {"headers", "body"}) or "reset"
        ] += 1
    elif roll < 0.18:
        there.troubles["dropped"] += 1
        await discord.drop()
    elif roll < 0.19:
        there.troubles["op 7"] += 1
        await discord.tell_to_reconnect()
    elif roll < 0.22:
        there.troubles["database"] += 1
        await _cut(there.url)


async def _cut(url: str) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and datname = current_database() and application_name = 'hathi'"
    )
    await admin.close()


async def _answered(there: World, said: dict[int, list[tuple[int, int]]]) -> None:
    """Until each number stands in an answer, and nothing changes any more."""
    wanted = {place: {number for _, number in told} for place, told in said.items()}

    def all_there() -> bool:
        return all(
            numbers_of <= {number for text in there.discord.texts(place) for number in numbers(text)}
            for place, numbers_of in wanted.items()
        )

    with contextlib.suppress(TimeoutError):
        await there.discord.until(all_there, PATIENCE)
    await asyncio.sleep(3)


async def _check(there: World, said: dict[int, list[tuple[int, int]]]) -> None:
    lost, doubled, wrong = [], [], []
    async with open_database(dsn.parse(there.url)) as database:
        transcript = PostgresTranscript(database)
        for place, told in said.items():
            texts = there.discord.texts(place)
            answered = Counter(number for text in texts for number in numbers(text))
            lost += [number for _, number in told if not answered[number]]
            doubled += [number for number, times in answered.items() if times > 1]
            expected: list[str] = []
            for message, _ in told:
                answer = await transcript.answer_to(f"discord:{message}")
                if answer and answer not in expected:
                    expected.append(answer)
            shown = [piece for answer in expected for piece in pieces(answer)]
            if sorted(texts) != sorted(shown):
                wrong.append((place, texts, shown))
    assert (lost, doubled, wrong) == ([], [], []), there.troubles


@pytest.mark.parametrize("seed", [7])
async def test_messages_survive_random_faults_and_kills_with_one_right_answer_each(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    async with world(database_url, tmp_path, rate_limited=True) as there:
        await chaos(there, messages=48, channels=8, seed=seed, kills=1)


LONG = "".join(f"Line {number} of a long answer.\n" for number in range(100)).strip()
POINTS = ("written", "model", "noticed", "posted 1", "heard", "posted 0", "last")


async def crash(there: World, rounds: int, progress: Callable[[str], None] = lambda line: None) -> None:
    """Kill the program once in each round, at the next step of a turn each time: exact texts, nothing twice."""
    discord, model = there.discord, there.model
    channel, ana = discord.channel(discord.guild()), discord.person("Ana")
    await there.start()
    for number in range(rounds):
        point = POINTS[number % len(POINTS)]
        text = f"#{number} {LONG}"
        model.answers = [
            faults.Silence() if point in {"model", "noticed"} else faults.Slow(text, first=0.1, each=0.001)
        ]
        model.otherwise = text
        before, asked = len(discord.texts(channel)), len(model.asked)
        await discord.say(ana, channel, f"<@{BOT}> #{number}")
        await _reached(there, point, channel, before, asked)
        await there.restart()
        wanted = pieces(text)
        await discord.until(lambda before=before, wanted=wanted: discord.texts(channel)[before:] == wanted, 40)  # type: ignore[misc]
        progress(f"{number + 1}/{rounds}: killed at {point!r}, answered once")
    await asyncio.sleep(1)
    assert discord.texts(channel) == [piece for number in range(rounds) for piece in pieces(f"#{number} {LONG}")]


async def _reached(there: World, point: str, channel: int, before: int, asked: int) -> None:
    discord = there.discord

    def posts() -> int:
        return len(discord.texts(channel)) - before

    steps: dict[str, Callable[[], object]] = {
        "heard": lambda: True,
        "model": lambda: len(there.model.asked) > asked,
        "noticed": lambda: discord.texts(channel)[before:] == [STILL_TRYING],
        "posted 0": lambda: posts() >= 1,
        "written": lambda: posts() >= 1 and len(discord.posts(channel)[before].texts) > 1,
        "posted 1": lambda: posts() >= 2,
        "last": lambda: "".join(discord.texts(channel)[before:]).endswith("Line 99 of a long answer."),
    }
    if point == "heard":
        await asyncio.sleep(0.05)
    await discord.until(steps[point], 40)


async def test_a_program_killed_at_every_step_of_a_turn_shows_each_answer_once(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path, rate_limited=False) as there:
        await crash(there, 4)


async def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with (
            EmbeddedPostgres(Path(folder) / "home") as server,
            world(server.dsn, Path(folder), rate_limited=False) as there,
        ):
            if arguments[:1] == ["crash"]:
                rounds = int(arguments[1]) if arguments[1:] else 60
                await crash(there, rounds, lambda line: print(line, file=sys.stderr))
                print(f"{rounds} rounds: 0 lost, 0 doubled")
                return
            messages, channels = (int(argument) for argument in (arguments or ["1000", "50"]))
            seed = random.randrange(1_000_000)
            print(f"seed {seed}", file=sys.stderr)
            await chaos(there, messages, channels, seed, kills=max(1, messages // 100))
            print(f"{messages} messages in {channels} channels: 0 lost, 0 doubled; {dict(there.troubles)}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

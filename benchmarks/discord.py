"""What a person on Discord waits for, and what a bot there costs: the whole program against the tests' fake Discord.

`python -m benchmarks.discord [--turns N] [--json]`: from the model's first token to the first text that can be read, at
Discord's rate limits (five posts and five edits in five seconds a channel); requests for an answer that takes 10 s;
memory of the process.
"""

import argparse
import asyncio
import json
import math
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from memory.embedded import EmbeddedPostgres
from tests.conftest import bare_environment
from tests.fakes import model as faults
from tests.fakes.discord_api import BOT, FakeDiscord
from tests.fakes.model import FakeModel

FIRST = 0.2  # seconds that the model takes to its first token
EACH = 0.1  # and to each further one
WORDS = 100


@dataclass(frozen=True)
class Report:
    """Milliseconds, requests and MB."""

    turns: int
    first_text_p50: float
    first_text_p95: float
    last_text_p50: float  # from the model's last token to the whole text
    requests_of_an_answer: float
    over_the_limit: int  # requests that Discord refused because there were too many
    rss_mb: float


async def measure(turns: int) -> Report:
    """Ask one question after the other, each in a channel of its own as people do."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with EmbeddedPostgres(folder / "home") as server, FakeDiscord() as discord, FakeModel() as model:
            environment = {
                **bare_environment(folder), "DATABASE_URL": server.dsn, "OPENAI_BASE_URL": model.base_url, "PORT": "0",
                "DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.api_url,
                "DISCORD_GATEWAY_URL": discord.gateway_url,
            }  # fmt: skip
            guild = discord.guild()
            channels = [discord.channel(guild, f"room-{number}") for number in range(turns + 1)]
            ana = discord.person("Ana", guild=guild)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", "discord", cwd=folder, env=environment,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                await discord.until(lambda: discord.commands, 30)
                await discord.say(ana, channels[-1], f"<@{BOT}> warm up")
                await discord.until(lambda: discord.posts(channels[-1]))
                found = [await _turn(discord, model, ana, channel) for channel in channels[:-1]]
                rss = _memory(process.pid)
            finally:
                process.terminate()
                await process.wait()
    first, last, requests = zip(*found, strict=True)
    return Report(
        turns, _at(first, 0.5), _at(first, 0.95), _at(last, 0.5), sum(requests) / turns, discord.limited.total(), rss
    )


async def _turn(discord: FakeDiscord, model: FakeModel, person: int, channel: int) -> tuple[float, float, int]:
    text = " ".join(f"word{number}" for number in range(WORDS))
    model.answers = [faults.Slow(text, first=FIRST, each=EACH)]
    requests = len(discord.requests)
    await discord.say(person, channel, f"<@{BOT}> tell me a long story")
    await discord.until(lambda: discord.texts(channel) == [text], 60)
    (post,) = discord.posts(channel)
    first, last = post.texts[0][0] - model.spoke_from, post.texts[-1][0] - model.spoke_until
    return first * 1000, last * 1000, len(discord.requests) - requests


def _memory(pid: int) -> float:
    """MB that a process has in memory."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) * 1024 / 1e6


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.discord", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report = asyncio.run(measure(arguments.turns))
    if arguments.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name.replace('_', ' '):<24}{value:>10.1f}")


if __name__ == "__main__":
    main()

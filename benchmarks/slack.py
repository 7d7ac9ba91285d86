"""What a person on Slack waits for, and what a bot there costs: the whole program against the tests' fake Slack.

`python -m benchmarks.slack [--turns N] [--busy N] [--json]`: from the model's first token to the first text that can be
read, calls for an answer that takes 10 s, and memory of the process; then how long Slack waits for an acknowledgement
while `--busy` conversations wait for a model that takes 30 s.
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
from tests.fakes.model import FakeModel
from tests.fakes.slack_api import FakeSlack

FIRST = 0.2  # seconds that the model takes to its first token
EACH = 0.1  # and to each further one
WORDS = 100
BUSY_SECONDS = 30.0
SHOWS = {"chat.startStream", "chat.appendStream", "chat.stopStream", "chat.postMessage", "chat.update"}


@dataclass(frozen=True)
class Report:
    """Milliseconds, calls and MB."""

    turns: int
    first_text_p50: float
    first_text_p95: float
    last_text_p50: float  # from the model's last token to the whole text
    calls_of_an_answer: float
    busy: int
    acknowledged_p50: float
    acknowledged_p95: float
    acknowledged_max: float
    rss_mb: float


async def measure(turns: int, busy: int) -> Report:
    """Ask one question after the other, each in a thread of its own as people do; then many at once."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        async with EmbeddedPostgres(folder / "home") as server, FakeSlack() as slack, FakeModel() as model:
            environment = {
                **bare_environment(folder), "DATABASE_URL": server.dsn, "OPENAI_BASE_URL": model.base_url, "PORT": "0",
                "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url,
            }  # fmt: skip
            channel, ana = slack.channel("porch"), slack.person("Ana")
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", "slack", cwd=folder, env=environment,
                stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                await slack.until(lambda: slack.sockets >= 2, 30)
                await slack.say(ana, channel, f"<@{slack.bot_user}> warm up")
                await slack.until(lambda: slack.posts(channel))
                found = [await _turn(slack, model, ana, channel) for _ in range(turns)]
                acknowledged = await _busy(slack, model, ana, channel, busy)
                rss = _memory(process.pid)
            finally:
                process.kill()
                await process.wait()
    first, last, calls = zip(*found, strict=True)
    return Report(
        turns, _at(first, 0.5), _at(first, 0.95), _at(last, 0.5), sum(calls) / turns,
        busy, _at(acknowledged, 0.5), _at(acknowledged, 0.95), max(acknowledged), rss,
    )  # fmt: skip


async def _turn(slack: FakeSlack, model: FakeModel, person: str, channel: str) -> tuple[float, float, int]:
    text = " ".join(f"word{number}" for number in range(WORDS))
    model.answers = [faults.Slow(text, first=FIRST, each=EACH)]
    before = len(slack.requests)
    ts = await slack.say(person, channel, f"<@{slack.bot_user}> tell me a long story")
    await slack.until(lambda: slack.texts(channel, ts) == [text], 60)
    calls = slack.requests[before:]
    shown = [at for method, _, _, at in calls if method in SHOWS]
    return (shown[0] - model.spoke_from) * 1000, (shown[-1] - model.spoke_until) * 1000, len(calls)


async def _busy(slack: FakeSlack, model: FakeModel, person: str, channel: str, busy: int) -> list[float]:
    """Acknowledgements of events and commands while so many conversations wait for the model."""
    model.otherwise = faults.Slow("At last.", first=BUSY_SECONDS)
    before = len(slack.deliveries)
    for number in range(busy):
        await slack.say(person, channel, f"<@{slack.bot_user}> question {number}")
    asked = [await slack.slash(person, channel, "/memory") for _ in range(10)]
    events = [each.seconds for each in slack.deliveries[before:]]
    return [1000 * (seconds or math.inf) for seconds in (*events, *(each.acked for each in asked))]


def _memory(pid: int) -> float:
    """MB that a process has in memory."""
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) * 1024 / 1e6


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slack", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--busy", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report = asyncio.run(measure(arguments.turns, arguments.busy))
    if arguments.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name.replace('_', ' '):<24}{value:>10.1f}")


if __name__ == "__main__":
    main()

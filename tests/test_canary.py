"""A word that somebody says, and every server says back when it fails, is in no line of the log, whatever goes wrong.

The programs run at debug level; all that they write on stdout and stderr is searched.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from memory.pool import Database
from tests.conftest import Hathi, bare_environment
from tests.fakes.conversations import Calls
from tests.fakes.discord_api import FakeDiscord
from tests.fakes.learner import learner
from tests.fakes.model import Answer, Break, ErrorInside, FakeModel, Finish, Raw, Status, Unfinished
from tests.fakes.slack_api import FakeSlack

CANARY = "kanarienvogel"
DEEP = "[" * 50_000

# What no test can provoke by asking: each is thrown where nobody catches it.
BUGS = {
    "logged": "log.exception('turn %s: a bug', 7)",
    "as a value": "log.warning('not said: %s', error)",
    "as a named value": "log.warning('not said: %(why)s', {'why': error})",
    "as the line": "log.warning(error)",
    "of a library": "logging.getLogger('library').error('failed: %s', error, exc_info=True)",
    "a library's gossip": "logging.getLogger('library').info('payload: %s', error)",
    "in a task": "bot_task = asyncio.create_task(fails()); await asyncio.sleep(0); del bot_task; gc.collect()",
    "in a callback": "loop.call_soon(lambda word: 1 / 0, str(error)); await asyncio.sleep(0.01)",
    "in a thread": "thread = threading.Thread(target=throws); thread.start(); thread.join()",
    "in a finalizer": "thing = Thing(); del thing; gc.collect()",
    "a warning": "warnings.warn(f'the value {error}', stacklevel=1)",
    "at the end": "raise RuntimeError(str(error)) from error",
    "one of several": "raise ExceptionGroup(str(error), [error, KeyError(str(error))])",
}
PROGRAM = """
import asyncio, gc, logging, threading, warnings
from bot import __main__, logs
log = logging.getLogger("bot.agent")
def throws():
    raise ValueError("{canary}")
async def fails():
    throws()
class Thing:
    def __del__(self):
        throws()
async def program():
    logs.set_up("debug", "{format}")
    loop = asyncio.get_running_loop()
    try:
        try:
            throws()
        except ValueError as first:
            first.add_note("{canary}")
            raise LookupError("{canary}") from first
    except LookupError as error:
        {bug}
    return 0
asyncio.run(__main__.until_told_to_stop(program()))
"""


@pytest.mark.parametrize("format_", ["text", "json"])
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_told_with_its_type_and_place_alone(bug: str, format_: str) -> None:
    program = PROGRAM.format(canary=CANARY, format=format_, bug=BUGS[bug])
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert CANARY not in ended.stdout + ended.stderr
    if bug == "a library's gossip":
        assert ended.stderr == ""
    else:
        assert any(kind in ended.stderr for kind in ("LookupError", "ValueError", "ZeroDivisionError", "UserWarning"))
    assert ended.returncode == int(bug in {"at the end", "one of several"})


FAULTS: Sequence[Answer] = [
    Status(400, "invalid_request_error", CANARY, CANARY),
    Status(401, None, CANARY),
    Status(404, None, CANARY),
    Status(413, None, f"{CANARY} is too long"),
    Status(500, None, CANARY, metadata={"raw": CANARY}),
    Break(text=CANARY),
    Unfinished(CANARY),
    ErrorInside(502, CANARY),
    Raw(f"<html>{CANARY}</html>", "text/html"),
    Raw(f"data: {{{CANARY}\n\n"),
    Raw(f'data: {{"choices": "{CANARY}"}}\n\ndata: [DONE]\n\n'),
    Raw(f'data: {{"choices": [{{"delta": {{"content": ["{CANARY}"]}}}}]}}\n\ndata: [DONE]\n\n'),
    Raw(f"data: {DEEP}{CANARY}\n\n"),
    Finish("content_filter", CANARY),
    Finish(CANARY, ""),
    Calls(("recall", f"{{{CANARY}")),
    Calls((CANARY, {CANARY: CANARY})),
    Calls(("recall", {"question": CANARY, "from": CANARY, CANARY: DEEP})),
]
# Statements that make the database fail with the canary in all that it says: message, detail, row.
THROW = f"""
create function throw() returns trigger language plpgsql as $$
begin raise exception '{CANARY} %', new using detail = '{CANARY}', hint = '{CANARY}', errcode = tg_argv[0]; end $$
"""
BROKEN = {
    "a constraint": f"alter table public.mastra_messages add check (content not like '%{CANARY}%') not valid",
    "a trigger": "create trigger t before insert on mastra_messages for each row execute function throw('P0001')",
    "a value": "create trigger t before insert on hathi.passages for each row execute function throw('22P02')",
    "an internal error": "create trigger t before insert on hathi.facts for each row execute function throw('XX000')",
    "a state": "create trigger t before insert on hathi.passages for each row execute function throw('55000')",
    "what passes": "create trigger t before insert on hathi.facts for each row execute function throw('40001')",
    "a column that is gone": "alter table public.mastra_messages drop column zone cascade",
}


async def test_whatever_a_model_answers(hathi: Hathi, fake: FakeModel) -> None:
    async def embed(request: object) -> object:
        raise RuntimeError(CANARY)

    fake.others["embeddings"] = embed  # type: ignore[assignment]  # as broken as can be
    fake.arguments = [Status(400, None, CANARY), {CANARY: DEEP}] * 50  # type: ignore[assignment]
    fake.answers = list(FAULTS)
    hathi = hathi.but(LOG_LEVEL="debug", EMBEDDER="openai/small", OPENAI_API_KEY=f"sk-{CANARY}", OPENAI_LOG="debug")
    ended = await hathi("chat", "--as", "ana", stdin=f"My name is {CANARY}.\n" * len(FAULTS), timeout=110)
    assert ended.status == 0
    assert len(ended.out.splitlines()) >= len(FAULTS) - 2
    assert CANARY not in ended.err
    assert "WARNING" in ended.err


@pytest.mark.parametrize("broken", BROKEN)
async def test_whatever_the_database_refuses(hathi: Hathi, fake: FakeModel, database: Database, broken: str) -> None:
    fake.arguments = learner
    assert (await hathi("chat", "--as", "ana", stdin="hi\n")).status == 0
    await database.fetch(THROW)
    await database.fetch(BROKEN[broken])
    ended = await hathi.but(LOG_LEVEL="debug")("chat", "--as", "ana", stdin=f"My name is {CANARY}.\n")
    assert CANARY not in ended.err
    assert ended.err
    for command in (("export", "console:ana"), ("forget", "console:ana", "--yes"), ("doctor",), ("reindex",)):
        ended = await hathi.but(LOG_LEVEL="debug")(*command)
        assert CANARY not in ended.err


@asynccontextmanager
async def served(hathi: Hathi, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=hathi.folder, env=hathi.environment, stdout=file, stderr=file
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                await process.wait()


async def test_whatever_platforms_say(database_url: str, tmp_path: Path) -> None:
    async with FakeDiscord(rate_limited=False) as discord, FakeSlack() as slack, FakeModel() as model:
        model.arguments = learner
        environment = {
            **bare_environment(tmp_path), "DATABASE_URL": database_url, "OPENAI_BASE_URL": model.base_url, "PORT": "0",
            "DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.api_url,
            "DISCORD_GATEWAY_URL": discord.gateway_url, "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url, "LOG_LEVEL": "debug",
        }  # fmt: skip
        log = tmp_path / "log"
        async with served(Hathi(tmp_path, environment), log):
            await discord.until(lambda: len(discord.identifies) > 0, 40)
            await slack.until(lambda: slack.sockets >= 2, 40)
            ana = discord.person("Ana")
            guild = discord.guild(CANARY)
            channel = discord.channel(guild, CANARY)
            direct = discord.direct(ana)
            said = {"message": CANARY, "code": 50035, "errors": {"content": {"_errors": [{"message": CANARY}]}}}

            async def on_discord(text: str = f"My name is {CANARY}.", place: int = direct) -> None:
                asked = len(model.asked)
                await discord.say(ana, place, text)
                await discord.until(lambda: len(model.asked) > asked, 40)

            await on_discord()
            for status in (400, 403, 404, 500):
                discord.fail("POST /channels/.*/messages", 1, status, body=said)
                await on_discord()
            discord.fail("POST /channels/.*/typing", 3, 400, body=said)
            await on_discord()
            for event in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION_CREATE", "CHANNEL_UPDATE", "GUILD_CREATE"):
                for odd in (
                    {"content": CANARY, "id": CANARY},
                    {"id": "1", "channel_id": str(channel), "author": CANARY},
                ):
                    await discord.dispatch(event, odd, None)
                    await discord.dispatch(event, {}, None, raw=CANARY)
            await discord.slash(ana, direct, "forget", "about", what=CANARY)
            await slack_part(slack, model)
            await discord.until(lambda: len(discord.identifies) > 0, 40)
            await asyncio.sleep(1)
        written = log.read_text()
        assert "connected to Slack" in written
        assert "connected to Discord" in written
        assert [line for line in written.splitlines() if CANARY in line] == []


async def slack_part(slack: FakeSlack, model: FakeModel) -> None:
    user = slack.person(CANARY)
    channel = slack.dm(user)

    async def on_slack() -> None:
        asked = len(model.asked)
        await slack.say(user, channel, f"My name is {CANARY}.")
        await slack.until(lambda: len(model.asked) > asked, 40)

    await on_slack()
    for fault in ({"status": 500, "body": CANARY}, {"status": 200, "body": f"<html>{CANARY}"},
                  {"body": {"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": [CANARY]}}},
                  {"status": 200, "body": {"ok": True, "message": CANARY, "ts": None}}):  # fmt: skip
        slack.fail("chat.*", 1, **fault)
        await on_slack()


async def test_whatever_is_sent_over_http(database_url: str, fake: FakeModel, tmp_path: Path) -> None:
    async with FakeSlack() as slack, ClientSession() as client:
        environment = {
            **bare_environment(tmp_path), "DATABASE_URL": database_url, "OPENAI_BASE_URL": fake.base_url, "PORT": "0",
            "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.api_url, "LOG_LEVEL": "debug",
        }  # fmt: skip
        log = tmp_path / "log"
        async with served(Hathi(tmp_path, environment), log):
            async with asyncio.timeout(40):
                while " on http://" not in log.read_text():
                    await asyncio.sleep(0.05)
            address = log.read_text().split(" on ")[1].split()[0]
            bodies = [
                CANARY, f'{{"{CANARY}', DEEP + CANARY, json.dumps({"type": CANARY}), json.dumps([CANARY]),
                json.dumps({"type": "event_callback", "event": CANARY}),
                json.dumps({"type": "event_callback", "team_id": CANARY, "event": {"type": "message", "text": CANARY}}),
                json.dumps({"type": "event_callback", "team_id": {"a": CANARY}, "event": {"type": "app_mention",
                            "channel": [CANARY], "ts": CANARY, "text": {"a": CANARY}, "user": 7, "files": CANARY}}),
                f"payload={CANARY}", f"payload=%7B%22type%22%3A%22{CANARY}%22%7D", f"command=/forget&text={CANARY}",
            ]  # fmt: skip
            for body in bodies:
                for headers in (slack.sign(body), {}, {"X-Slack-Signature": CANARY, "X-Odd": CANARY * 1000}):
                    for type_ in ("application/json", "application/x-www-form-urlencoded"):
                        sent = headers | {"Content-Type": type_}
                        async with client.post(f"{address}/slack/events", data=body, headers=sent) as response:
                            await response.read()
            for path in (f"/{CANARY}", f"/slack/events?{CANARY}={CANARY}", f"/slack/install?state={CANARY}", "/readyz"):
                async with client.get(address + path) as response:
                    await response.read()
            host, port = address.removeprefix("http://").split(":")
            for line in (f"{CANARY}\r\n\r\n", f"GET /{CANARY} HTTP/9\r\n\r\n", f"POST / HTTP/1.1\r\n{CANARY}\r\n\r\n"):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(line.encode())
                await reader.read(100)
                writer.close()
                await writer.wait_closed()
        assert [line for line in log.read_text().splitlines() if CANARY in line] == []

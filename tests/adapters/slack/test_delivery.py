"""How Slack's events come in: each is taken in once and acknowledged at once, whatever fails around it."""

import asyncio
import contextlib
import io
import json
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.slack import connecting
from bot import wiring
from bot.errors import HathiError, SettingsError
from bot.settings import Settings
from memory.pool import open_database
from tests.adapters.slack.conftest import House, free_port
from tests.conftest import Hathi, Server
from tests.fakes import model as faults
from tests.fakes.proxy import Proxy

SOCKET: dict[str, Any] = {}
HTTP: dict[str, Any] = {"slack_app_token": ""}
both_ways = pytest.mark.parametrize("way", [SOCKET, HTTP], ids=["socket", "http"])
PATIENT = [0.2, 1.0, 15.0]  # Slack's waits before it delivers again, shortened
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is dead is found dead soon."""
    monkeypatch.setattr(connecting, "PING_SECONDS", 0.2)
    monkeypatch.setattr(connecting, "HELLO_SECONDS", 0.5)
    monkeypatch.setattr(connecting, "WATCH_SECONDS", 0.05)
    monkeypatch.setattr(connecting, "DEAF_SECONDS", 0.5)
    monkeypatch.setattr(connecting, "LONGEST_WAIT", 0.5)


async def heard(house: House) -> int:
    """How many messages of people are written down."""
    (row,) = await house.rows("select count(*) as n from public.mastra_messages where role = 'user'")
    return int(row["n"])


async def answered_once(house: House, stamps: list[str]) -> None:
    for ts in stamps:
        await house.answer(house.channel, ts)
    await house.quiet()
    assert await heard(house) == len(stamps)
    assert {ts: len(house.texts(house.channel, ts)) for ts in stamps} == dict.fromkeys(stamps, 1)


# One post, one turn


@both_ways
@pytest.mark.parametrize("how", ["message first", "mention first", "mention alone", "each twice", "reordered"])
async def test_a_post_that_mentions_the_bot_is_one_turn_however_its_events_come(
    house: House, way: dict[str, Any], how: str
) -> None:
    house.slack.mention_first = how == "mention first"
    house.slack.mentions_only = how == "mention alone"
    house.slack.twice = how == "each twice"
    await house.start(**way)
    house.slack.reordered = how == "reordered"
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    if how == "reordered":
        await house.slack.flush()
    await answered_once(house, [ts])
    assert len(house.model.asked) == 1
    assert not house.slack.given_up
    events = {"mention alone": 1, "each twice": 4}.get(how, 2)
    assert len([each for each in house.slack.deliveries if each.payload["event"].get("ts") == ts]) == events


@both_ways
async def test_a_delivery_marked_as_a_retry_is_heard_though_no_first_one_came(
    house: House, way: dict[str, Any]
) -> None:
    house.slack.retry_delays = [1.0, 1.0, 15.0]
    port = free_port()
    if way is HTTP:
        house.slack.endpoint = f"http://127.0.0.1:{port}/slack/events"
    saying = asyncio.create_task(house.slack.say(house.ana, house.dm, "hello"))
    await house.slack.until(lambda: house.slack.deliveries and house.slack.deliveries[-1].reason)
    await house.start(**way, port=port)
    ts = await saying
    assert await house.answer(house.dm, ts) == "You said: hello"
    await house.quiet()
    tries = [each for each in house.slack.deliveries if each.payload["event"].get("ts") == ts]
    assert [each.attempt for each in tries if each.status == 200] == [len(tries) - 1]
    assert len(tries) > 1
    assert len(house.slack.posts(house.dm)) == len(house.model.asked) == 1


@both_ways
async def test_the_same_direct_message_twice_is_one_turn(house: House, way: dict[str, Any]) -> None:
    house.slack.twice = True
    await house.start(**way)
    assert await house.ask("hello", channel=house.dm) == "You said: hello"
    await house.quiet()
    assert len(house.slack.posts(house.dm)) == len(house.model.asked) == 1


# What fails around it


@both_ways
async def test_with_the_database_away_an_event_is_not_acknowledged_and_answered_when_it_comes_again(
    house: House, server: Server, database_name: str, monkeypatch: pytest.MonkeyPatch, way: dict[str, Any]
) -> None:
    monkeypatch.setattr("bot.wiring.open_database", partial(open_database, patience=0.3))
    house.slack.ack_seconds, house.slack.retry_delays = 1.0, PATIENT
    async with Proxy(server.socket_file) as proxy:
        await house.start(**way, database_url=server.through(proxy, database_name))
        await house.ask("before")
        await proxy.shut()
        before = len(house.slack.deliveries)
        saying = asyncio.create_task(house.slack.say(house.ana, house.channel, f"{house.at} during"))
        await house.slack.until(lambda: [each for each in house.slack.deliveries[before:] if each.reason])
        failed = {each.status for each in house.slack.deliveries[before:] if each.reason}
        assert failed == ({503} if way is HTTP else {0})
        await proxy.open()
        ts = await saying
        assert await house.answer(house.channel, ts) == "You said: during"
        await house.quiet()
        assert house.texts(house.channel, ts) == ["You said: during"]
        assert not house.slack.given_up
        assert len(house.model.asked) == 2
        await house.stop()


@both_ways
async def test_what_is_said_while_slack_does_not_say_who_we_are_is_not_lost(house: House, way: dict[str, Any]) -> None:
    status = 429 if way == HTTP else 500
    house.slack.retry_delays = PATIENT
    house.slack.fail(r"auth\.test", 2, status=status)
    port = free_port()
    starting = asyncio.create_task(house.start(**way, port=port))
    await house.slack.until(lambda: house.slack.calls("auth.test"))
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await starting
    await answered_once(house, [ts])
    await ready(house, port)


@pytest.mark.parametrize(("way", "answer"), [(HTTP, faults.Silence()), (SOCKET, faults.Silence(after=3))])
async def test_killed_after_the_acknowledgement_it_answers_once_when_it_is_back(
    house: House, hathi: Hathi, way: dict[str, Any], answer: faults.Silence
) -> None:
    house.model.answers = [answer]
    program = as_program(house, hathi, way).but(HEARTBEAT_SECONDS="0.2", STALLED_SECONDS="1")
    async with running(house, program) as process:
        ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
        await house.slack.until(lambda: house.model.asked)
        if answer.after:
            await house.slack.until(lambda: house.slack.posts(house.channel, ts))
        process.kill()
        await process.wait()
    async with running(house, program):
        await answered_once(house, [ts])
    assert len(house.model.asked) == 2


@pytest.mark.parametrize("way", [SOCKET, HTTP], ids=["socket", "http"])
async def test_events_that_nobody_handles_are_acknowledged_and_leave_nothing(house: House, way: dict[str, Any]) -> None:
    await house.start(**way)
    here = {"channel": house.channel, "user": house.ana}
    ts = await house.slack.say(house.ana, house.channel, "small talk", announce=False)
    for event in (
        {"type": "reaction_added", "user": house.ana, "reaction": "eyes", "item": {"type": "message", "ts": ts}},
        {"type": "member_joined_channel", **here, "channel_type": "C"},
        {"type": "message", "subtype": "channel_join", **here, "text": f"{house.at} has joined", "ts": ts},
        {"type": "message", "subtype": "channel_topic", **here, "text": f"about {house.at}", "ts": ts},
        {"type": "message", "subtype": "message_replied", "channel": house.channel, "message": {"ts": ts}, "ts": ts},
        {"type": "message", "channel": house.channel, "ts": ts, "channel_type": "channel"},
        {"type": "channel_rename", "channel": {"id": house.channel, "name": "other"}},
        {"type": "user_change", "user": {"id": house.ana}},
        {"type": "app_context_changed", **here},
        {"type": "file_shared", "file_id": "F1", **here},
        {"type": "flux_capacitor_charged"},
        {},
    ):
        await house.slack.event(event)
    await house.slack.event({}, type="app_rate_limited", minute_rate_limited=1)
    await house.quiet(0.2)
    assert {each.status for each in house.slack.deliveries} == {200}
    assert len(house.slack.deliveries) == 13
    for table in ("mastra_messages", "mastra_threads", "mastra_resources", "procrastinate_jobs"):
        assert await house.rows(f"select * from public.{table}") == []
    assert house.model.asked == []


@both_ways
async def test_everything_is_acknowledged_while_thirty_wait_for_the_model(house: House, way: dict[str, Any]) -> None:
    await house.start(**way, concurrent_turns=64)  # of which one person may hold half
    asked = await house.slack.say(house.ana, house.channel, f"{house.at} first")
    await house.answer(house.channel, asked)
    (post,) = house.slack.posts(house.channel, asked)
    go = asyncio.Event()
    house.model.otherwise = faults.Held("At last.", go)
    said = [house.slack.say(house.ana, house.channel, f"{house.at} {number}") for number in range(29)]
    stamps = await asyncio.gather(*said, house.slack.say(house.ana, house.dm, "direct"))
    await house.slack.until(lambda: len(house.model.asked) == 31)
    interactions = [
        await house.slack.slash(house.ana, house.channel, "/memory"),
        await house.slack.shortcut(house.ana, house.channel, stamps[0], "reset"),
        await house.slack.press(house.ana, house.channel, post["ts"], "hathi:feedback", "good"),
    ]
    await house.slack.say(house.bob, house.channel, f"{house.at} one more")
    await house.slack.home(house.ana)
    assert all(each.acked is not None for each in interactions)
    await house.slack.until(lambda: all(each.seconds is not None for each in house.slack.deliveries))
    assert {(each.status, each.attempt) for each in house.slack.deliveries} == {(200, 0)}  # in Slack's three seconds
    go.set()
    await house.slack.until(lambda: all(each.texts for each in interactions))


# HTTP


async def test_bad_missing_and_old_signatures_are_refused_and_nothing_is_stored(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start(**HTTP)
    slack = house.slack
    event = {"type": "message", "channel": house.dm, "user": house.ana, "text": "psst", "ts": "1700000000.000100"}
    body = json.dumps(slack._envelope({**event, "channel_type": "im"}))
    now = time.time()
    signatures: list[dict[str, str]] = [
        slack.sign(body, secret="another"), slack.sign(body + " "), slack.sign(body, now - 301),
        slack.sign(body, now + 600), {}, {"X-Slack-Signature": slack.sign(body)["X-Slack-Signature"]},
        {"X-Slack-Request-Timestamp": "yesterday", "X-Slack-Signature": "v0=00"},
        {**slack.sign(body), "X-Slack-Signature": "v0=é"},
    ]  # fmt: skip
    async with aiohttp.ClientSession() as client:
        for headers in signatures:
            given = {"Content-Type": "application/json", **headers}
            async with client.post(slack.endpoint, data=body, headers=given) as answer:
                assert answer.status == 401, headers
        async with client.get(slack.endpoint) as answer:
            assert answer.status == 405
        assert await heard(house) == 0
        assert caplog.text.count("not signed as Slack signs") == 1  # anybody could fill the log
        given = {"Content-Type": "application/json", **slack.sign(body, now - 200)}
        async with client.post(slack.endpoint, data=body, headers=given) as answer:
            assert answer.status == 200
    assert await heard(house) == 1


async def test_the_address_is_verified_over_http(house: House) -> None:
    await house.start(**HTTP)
    assert await house.slack.verify() == (200, house.slack.challenge)


async def test_commands_menus_and_buttons_work_over_http(house: House) -> None:
    await house.start(**HTTP)
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, ts)
    asked = await house.slack.slash(house.ana, house.channel, "/memory")
    await house.slack.until(lambda: asked.texts)
    assert "I keep 2 messages" in asked.texts[0]
    await house.slack.until(lambda: house.slack.posts(house.channel, ts)[0].get("blocks"))
    (post,) = house.slack.posts(house.channel, ts)
    asked = await house.slack.press(house.bob, house.channel, post["ts"], "hathi:feedback", "bad")
    await house.slack.until(lambda: asked.texts)
    assert [row["good"] for row in await house.rows("select good from hathi.feedback")] == [False]
    asked = await house.slack.shortcut(house.ana, house.channel, ts, "forget-message")
    await house.slack.until(lambda: asked.texts)
    assert await heard(house) == 0
    assert not house.slack.given_up


async def test_a_body_that_is_too_big_or_no_request_is_refused_and_does_no_harm(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start(**HTTP)
    body = json.dumps({"type": "event_callback", "event": {"text": "x" * (2 << 20)}})
    async with aiohttp.ClientSession() as client:
        sent = io.BytesIO(body.encode())
        async with client.post(house.slack.endpoint, data=sent, headers=house.slack.sign(body)) as answer:
            assert answer.status == 413
        for odd in ("{", "[]", "null", "payload=%7B", '"text"', '{"type": "event_callback", "event": []}'):
            for headers, wanted in (({}, {401}), (house.slack.sign(odd), {400, 200})):
                given = {"Content-Type": "application/json", **headers}
                async with client.post(house.slack.endpoint, data=odd, headers=given) as answer:
                    assert answer.status in wanted, odd
    await house.ask("hello")
    assert await heard(house) == 1
    assert "Traceback" not in caplog.text


async def test_a_taken_port_ends_http_and_is_only_a_warning_with_sockets(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        await refused(house, rf"^PORT: .*{port}", SettingsError, **HTTP, port=port)
        await house.start(port=port)
        assert f"no health checks on 127.0.0.1:{port}" in caplog.text
        await house.ask("hello")


# Sockets


@pytest.mark.parametrize("how", ["refreshed", "cut"])
async def test_sockets_that_are_refreshed_or_cut_while_messages_flow_lose_nothing(
    house: House, hasty: None, how: str
) -> None:
    house.slack.retry_delays = PATIENT
    await house.start()
    stamps = []
    for number in range(4):
        said = [house.slack.say(house.ana, house.channel, f"{house.at} {number} {each}") for each in range(5)]
        saying = asyncio.gather(*said)
        await asyncio.sleep(0)
        await (house.slack.refresh() if how == "refreshed" else house.slack.drop())
        stamps += await saying
        await house.slack.until(lambda: house.slack.sockets == connecting.CONNECTIONS)
    await answered_once(house, stamps)
    assert not house.slack.given_up
    assert house.slack.tickets <= 2 * (4 + 1) + 2
    assert house.slack.sockets == connecting.CONNECTIONS == 2


@pytest.mark.parametrize("how", ["forbidden", "silent", "without an address"])
async def test_a_bot_that_finds_no_connection_at_its_start_has_one_once_slack_is_back(
    house: House, hasty: None, how: str
) -> None:
    port = free_port()
    undo = await trouble(house, how)
    starting = asyncio.create_task(house.start(port=port))
    await unready(house, port)
    if how in {"refused", "forbidden", "silent"}:
        await house.slack.until(lambda: house.slack.tickets > 4)
    await unready(house, port)
    await undo()
    await starting
    assert await house.ask("hello") == "You said: hello"
    await ready(house, port)
    await house.slack.until(lambda: house.slack.sockets == 2)


@pytest.mark.parametrize("how", ["refused", "silent", "away"])
async def test_a_bot_whose_connections_end_has_new_ones_once_slack_is_back(house: House, hasty: None, how: str) -> None:
    house.slack.ack_seconds, house.slack.retry_delays = 0.5, [0.5, 2.0, 6.0]
    port = free_port()
    await house.start(port=port)
    await ready(house, port)
    undo = await trouble(house, how)
    if how != "silent":
        await house.slack.drop()
    await unready(house, port)
    saying = asyncio.create_task(house.slack.say(house.ana, house.channel, f"{house.at} hello"))
    await house.slack.until(lambda: house.slack.deliveries and house.slack.deliveries[-1].reason)
    await asyncio.sleep(1.0)  # through a few attempts
    assert house.slack.sockets <= 4
    await undo()
    await answered_once(house, [await saying])
    await ready(house, port)
    await house.slack.until(lambda: house.slack.sockets == 2)


async def test_over_many_ends_the_number_of_sockets_and_tasks_stays_what_it_was(house: House, hasty: None) -> None:
    await house.start()
    await house.ask("before")
    tasks = len(asyncio.all_tasks())
    for _ in range(8):
        await house.slack.drop()
        await house.slack.until(lambda: house.slack.sockets == 2)
        await house.slack.refresh()
        await house.slack.until(lambda: house.slack.sockets == 2)
    await house.ask("after")
    await house.quiet()
    assert house.slack.sockets == 2
    assert len(asyncio.all_tasks()) <= tasks + 4


# What nobody can wait out


REFUSALS: dict[str, tuple[dict[str, str], str]] = {
    "a wrong bot token": ({"slack_bot_token": "xoxb-sekret"}, r"SLACK_BOT_TOKEN \(invalid_auth\): copy the Bot User"),
    "the app token for the bot's": (
        {"slack_bot_token": "{app_token}"},
        r"SLACK_BOT_TOKEN \(not_allowed_token_type\): copy the Bot User",
    ),
    "a wrong app token": ({"slack_app_token": "xapp-sekret"}, r"SLACK_APP_TOKEN \(invalid_auth\): copy the app-level"),
    "the bot token for the app's": (
        {"slack_app_token": "{bot_token}"},
        r"SLACK_APP_TOKEN \(not_allowed_token_type\): copy the app-level",
    ),
    "no bot token": ({"slack_bot_token": ""}, "set SLACK_BOT_TOKEN"),
    "no way in": (
        {"slack_app_token": "", "slack_signing_secret": ""},
        "set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP",
    ),
    "an id without a secret": ({"slack_client_id": "1.2"}, "set SLACK_CLIENT_SECRET"),
    "no key for tokens": ({"slack_client_id": "1.2", "slack_client_secret": "s"}, "set ENCRYPTION_KEY"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_a_wrong_or_missing_token_ends_it_with_one_line_that_says_what_to_do(house: House, case: str) -> None:
    settings, line = REFUSALS[case]
    filled = {name: value.format(**vars(house.slack)) for name, value in settings.items()}
    said = await refused(house, line, HathiError, **filled)
    assert "sekret" not in said
    assert len(house.slack.requests) <= 3


@pytest.mark.parametrize("case", ["a wrong app token", "no key for tokens"])  # before, and while it is served
async def test_the_program_ends_with_that_line_and_status_1(house: House, hathi: Hathi, case: str) -> None:
    settings, line = REFUSALS[case]
    filled = {name: value.format(**vars(house.slack)) for name, value in settings.items()}
    ended = await as_program(house, hathi, filled)("run", "slack", timeout=30)
    assert ended.status == 1
    said = [text for text in ended.err.splitlines() if text.startswith("hathi: ")]
    assert len(said) == 1, ended.err
    assert ended.err.splitlines()[-1] == said[0]
    for part in line.replace("\\", "").split(": copy"):
        assert part in said[0]
    assert "Traceback" not in ended.err
    assert not [text for text in ended.err.splitlines() if "WARNING" in text or "ERROR" in text], ended.err
    assert "sekret" not in ended.err


async def test_an_app_token_without_its_scope_says_so(house: House) -> None:
    house.slack.fail(r"apps\.connections\.open", 2, error="missing_scope")
    await refused(house, "SLACK_APP_TOKEN lacks the scope connections:write")


async def test_a_scope_without_which_there_is_no_bot_ends_it_and_any_other_is_a_line_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    house.slack.scopes -= {"chat:write", "files:write"}
    await refused(house, r"lacks the scopes? chat:write: add .* install the app again")
    house.slack.scopes.add("chat:write")
    await house.start()
    assert "lacks the scopes files:write" in caplog.text
    assert await house.ask("hello") == "You said: hello"


async def test_the_doctor_sees_tokens_scopes_and_the_way_in(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    line = partial(house.doctor, capsys)
    assert await line() == (0, f"slack     ok    hathi in {house.slack.team.lower()}; Socket Mode")
    status, found = await line(slack_app_token="")
    assert (status, found.endswith("; HTTP at /slack/events")) == (0, True)
    house.slack.scopes.remove("files:write")
    assert "lacks the scopes files:write" in (await line())[1]
    for settings, words in (
        ({"slack_bot_token": "xoxb-wrong"}, "Slack refuses SLACK_BOT_TOKEN"),
        ({"slack_app_token": "xapp-wrong"}, "Slack refuses SLACK_APP_TOKEN"),
        ({"slack_bot_token": ""}, "set SLACK_BOT_TOKEN"),
        ({"slack_api_url": "http://127.0.0.1:1/api/"}, "Slack is not reachable"),
    ):
        status, found = await line(**settings)
        assert status == 1
        assert found.startswith("slack     fails ")
        assert words in found
    assert house.slack.sockets == 0


# The end, and the beginning


@both_ways
async def test_told_to_stop_in_a_turn_the_program_finishes_it_first(
    house: House, hathi: Hathi, way: dict[str, Any]
) -> None:
    text = "one two three four five six"
    house.model.answers = [faults.Slow(text, first=0.2, each=0.2)]
    async with running(house, as_program(house, hathi, way)) as process:
        ts = await house.slack.say(house.ana, house.channel, f"{house.at} count")
        await house.slack.until(lambda: house.model.asked)
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    assert house.texts(house.channel, ts) == [text]
    assert await house.answer(house.channel, ts) == text


async def test_the_web_process_of_the_procfile_answers_what_slack_posts_to_it(house: House, hathi: Hathi) -> None:
    port = free_port()
    program = as_program(house, hathi, HTTP)
    tools = Path(sys.executable).parent
    environment = {**program.environment, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONWARNINGS": ""}
    del environment["PORT"]  # honcho gives one
    process = await asyncio.create_subprocess_exec(
        tools / "honcho", "-f", str(REPOSITORY / "Procfile"), "-d", str(hathi.folder), "start", "-p", str(port), "web",
        env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        house.slack.endpoint = f"http://127.0.0.1:{port}/slack/events"
        await ready(house, port)
        assert await house.ask("hello") == "You said: hello"
    finally:
        process.terminate()
        async with asyncio.timeout(20):
            await process.wait()


# Helpers


async def refused(house: House, line: str, kind: type[Exception] = HathiError, **settings: Any) -> str:
    """The error with which the bot ends by itself."""
    given = Settings(**{**house.settings, **settings}, _env_file=None)
    with pytest.raises(kind, match=line) as raised:
        await served(given)
    assert "\n" not in str(raised.value)
    return str(raised.value)


async def served(settings: Settings) -> None:
    try:
        async with asyncio.timeout(20):
            await wiring.serve(settings, ["slack"])
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def trouble(house: House, how: str) -> Callable[[], Any]:
    """Something is wrong with Slack's connections; what ends it."""
    slack = house.slack
    if how == "away":
        await slack.shut()
        return slack.open
    if how == "silent":
        slack.silent = True
    elif how == "without an address":
        slack.fail(r"apps\.connections\.open", 10_000, status=500)
    else:
        slack.refuse_sockets = True if how == "refused" else 403

    async def undo() -> None:
        slack.silent = slack.refuse_sockets = False
        slack.faults.clear()

    return undo


async def readiness(port: int) -> int:
    try:
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return answer.status
    except aiohttp.ClientConnectionError:
        return 0


async def ready(house: House, port: int, status: int = 200) -> None:
    async with asyncio.timeout(20):
        while await readiness(port) != status:
            await asyncio.sleep(0.05)


async def unready(house: House, port: int) -> None:
    await ready(house, port, 503)


def as_program(house: House, hathi: Hathi, settings: dict[str, Any]) -> Hathi:
    """The same bot in a process of its own."""
    names = ("slack_bot_token", "slack_app_token", "slack_signing_secret", "slack_api_url")
    given = {name: str(house.settings[name]) for name in names} | settings
    port = str(free_port() if not given["slack_app_token"] else 0)
    house.slack.endpoint = "" if given["slack_app_token"] else f"http://127.0.0.1:{port}/slack/events"
    return hathi.but(PORT=port, **{name.upper(): value for name, value in given.items()})


@contextlib.asynccontextmanager
async def running(house: House, program: Hathi) -> AsyncIterator[asyncio.subprocess.Process]:
    with (program.folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "slack", cwd=program.folder, env=program.environment, stderr=log
        )
    try:
        if house.slack.endpoint:
            await ready(house, int(program.environment["PORT"]))
        else:
            await house.slack.until(lambda: house.slack.sockets >= 2)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(20):
                await process.wait()
        assert "Traceback" not in (program.folder / "log").read_text()

"""The whole program from outside: real processes, real Postgres, a model server that writes down what it is asked."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.agent import TOLD
from bot.errors import ModelBusy
from memory.migrate import migrations
from tests.conftest import Hathi, Server, bare_environment
from tests.fakes import model as faults
from tests.fakes.learner import learner
from tests.fakes.model import FakeModel
from tests.fakes.proxy import Proxy

SEED = ["My favourite colour is Blue.", "What is it?", "Capital of France?", "Speed of light?", "Summarize."]


def chat_of(fake: FakeModel, request: int = -1) -> list[tuple[str, str]]:
    """What a request to the model held, without instructions."""
    return [(m["role"], m["content"]) for m in fake.asked[request]["messages"] if m["role"] != "system"]


def as_said(lines: Sequence[str]) -> list[tuple[str, str]]:
    """A conversation with the fake model up to its last line."""
    pairs = [pair for line in lines for pair in (("user", line), ("assistant", f"You said: {line}"))]
    return pairs[:-1]


async def test_five_lines_are_five_answers(hathi: Hathi, fake: FakeModel) -> None:
    ended = await hathi.watched()("chat", stdin="\n".join(SEED) + "\n")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == [f"You said: {line}" for line in SEED]
    for turn in range(5):
        assert chat_of(fake, turn) == as_said(SEED[: turn + 1])
        assert fake.asked[turn]["messages"][0]["role"] == "system"


async def test_on_nothing_at_all_it_talks_and_remembers_and_leaves_nothing_running(tmp_path: Path) -> None:
    hathi = Hathi(tmp_path, bare_environment(tmp_path))
    first = await hathi("chat", "--as", "ana", stdin="\n".join(SEED) + "\n", timeout=110)
    assert first.status == 0, first.err
    assert len([line for line in first.out.split("\n") if line]) >= 5
    assert first.err.count("embedded model") == 1
    exported = await hathi("export", "console:ana")
    assert [m["text"] for m in json.loads(exported.out)["messages"] if m["role"] == "user"] == SEED
    assert str(tmp_path).encode() not in _processes()
    assert (tmp_path / "hathi").stat().st_mode & 0o777 == 0o700


def _processes() -> bytes:
    """The command lines of everything that runs, but not of what runs this test."""
    return b"\n".join(
        command for line in Path("/proc").glob("[0-9]*/cmdline") if b"pytest" not in (command := _read(line))
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def test_kill_9_in_the_middle_of_an_answer_loses_nothing(tmp_path: Path, fake: FakeModel) -> None:
    hathi = Hathi(tmp_path, {**bare_environment(tmp_path), "OPENAI_BASE_URL": fake.base_url})
    process = await hathi.start("chat", "--as", "ana")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"My favourite colour is Blue.\n")
    assert b"Blue" in await process.stdout.readline()
    fake.answers = [faults.Silence()]
    process.stdin.write(b"Do not forget this.\n")
    while len(fake.asked) < 2:
        await asyncio.sleep(0.02)
    process.kill()
    await process.wait()
    ended = await hathi("chat", "--as", "ana", stdin="What did I say?\n")
    assert ended.out == "You said: What did I say?\n", ended.err
    assert [text for _, text in chat_of(fake)] == [
        "My favourite colour is Blue.",
        "You said: My favourite colour is Blue.",
        "Do not forget this.",
        "What did I say?",
    ]


async def test_kill_9_while_something_is_being_noted_loses_nothing(hathi: Hathi, fake: FakeModel) -> None:
    fake.arguments = faults.Silence()
    process = await hathi.start("chat", "--as", "ana")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"I live in Lisbon\n")
    assert b"Lisbon" in await process.stdout.readline()
    while not fake.calls:
        await asyncio.sleep(0.02)
    process.kill()
    await process.wait()
    fake.arguments = learner
    await hathi("chat", "--as", "bob", stdin="/memory\n")  # anybody's next start reads what was left
    ended = await hathi.watched()("chat", "--as", "ana", stdin="/memory\n")
    assert "Location: Lisbon" in ended.out


async def test_eight_processes_at_once_on_an_empty_home(tmp_path: Path, fake: FakeModel) -> None:
    hathi = Hathi(tmp_path, {**bare_environment(tmp_path), "OPENAI_BASE_URL": fake.base_url})
    ended = await asyncio.gather(
        *(hathi("chat", "--as", f"person {n}", stdin=f"I am {n}.\n", timeout=100) for n in range(8))
    )
    assert [(run.status, run.out) for run in ended] == [(0, f"You said: I am {n}.\n") for n in range(8)], ended
    assert str(tmp_path).encode() not in _processes()


async def test_eight_processes_at_once_on_an_empty_database(tmp_path: Path, server: Server, empty_name: str) -> None:
    hathi = Hathi(tmp_path, {**bare_environment(tmp_path), "DATABASE_URL": server.database(empty_name)})
    ended = await asyncio.gather(*(hathi("chat", "--as", f"p{n}", stdin="/memory\n") for n in range(8)))
    assert [run.status for run in ended] == [0] * 8, ended
    assert all("I keep 0 messages" in run.out for run in ended)


async def test_conversations_are_kept_apart_by_name_and_thread(hathi: Hathi, fake: FakeModel) -> None:
    hathi = hathi.but(SEMANTIC_RECALL="false")
    await hathi("chat", "--as", "ana", stdin="I am Ana.\n")
    await asyncio.gather(
        hathi("chat", "--as", "bob", stdin="I am Bob.\n"),
        hathi("chat", "--as", "ana", "--thread", "work", stdin="At work.\n"),
    )
    assert sorted(chat_of(fake, request) for request in (-2, -1)) == [[("user", "At work.")], [("user", "I am Bob.")]]
    await hathi("chat", "--as", "ana", stdin="Back.\n")
    assert len(chat_of(fake)) == 3


async def test_commands_typed_in_the_terminal(hathi: Hathi, fake: FakeModel) -> None:
    lines = ["one", "two", "/memory", "/help", "/nonsense", "/usr/bin is a folder", "/reset", "/forget", "/forget me"]
    ended = await hathi.watched()("chat", "--as", "ana", stdin="\n".join([*lines, "/forget me yes", "hello again"]))
    assert ended.status == 0
    for part in (
        "I keep 4 messages of our conversations.",
        "/reset: delete this conversation",
        "There is no /nonsense. /help lists what there is.",
        "You said: /usr/bin is a folder",
        "this conversation is deleted, 6 messages.",
        "Say /forget me to delete everything",
        "everything about you, everywhere: 0 messages in all, and 0 lines on your page",
        "(0 in mastra_messages, 0 in mastra_threads, 0 in facts, 0 in mastra_resources, 0 in passages)",
    ):
        assert part in ended.out
    assert chat_of(fake) == [("user", "hello again")]


async def test_export_and_forget_from_the_command_line(hathi: Hathi) -> None:
    await hathi.watched()("chat", "--as", "ana", stdin="My cat is Momo.\n")
    exported = json.loads((await hathi.watched()("export", "console:ana")).out)
    assert [m["text"] for m in exported["messages"]] == ["My cat is Momo.", "You said: My cat is Momo."]
    unsure = await hathi.watched()("forget", "console:ana")
    assert (unsure.status, unsure.out) == (1, "")
    assert "--yes" in unsure.err
    sure = await hathi.watched()("forget", "console:ana", "--yes")
    assert (sure.status, sure.out) == (
        0,
        "mastra_messages 2\nmastra_threads 1\nfacts 0\nmastra_resources 0\npassages 2\n",
    )
    assert json.loads((await hathi.watched()("export", "console:ana")).out)["messages"] == []


async def test_what_is_said_in_one_conversation_is_known_in_another(hathi: Hathi, fake: FakeModel) -> None:
    fake.arguments = learner
    await hathi("chat", "--as", "ana", "--thread", "one", stdin="I live in Lisbon\n")
    await hathi("chat", "--as", "ana", "--thread", "two", stdin="Where do I live?\n")
    await hathi("chat", "--as", "bob", "--thread", "three", stdin="Where does Ana live?\n")
    assert ["Location: Lisbon" in request["messages"][0]["content"] for request in fake.asked] == [False, True, False]
    ended = await hathi.watched()("chat", "--as", "ana", "--thread", "two", stdin="/memory\n")
    assert " Location: Lisbon (in a direct message, " in ended.out
    exported = json.loads((await hathi.watched()("export", "console:ana")).out)
    assert [fact["value"] for fact in exported["facts"]] == ["Lisbon"]
    assert "Lisbon" in exported["working_memory"]
    forgotten = await hathi.watched()("forget", "console:ana", "--yes")
    assert "facts 1\nmastra_resources 1\n" in forgotten.out


async def test_working_memory_can_be_left_off(hathi: Hathi, fake: FakeModel) -> None:
    await hathi.but(WORKING_MEMORY="false")("chat", "--as", "ana", stdin="I live in Lisbon\n")
    assert fake.calls == []
    fake.arguments = learner
    await hathi("chat", "--as", "ana", stdin="/memory\n")
    assert fake.calls == []  # what was said then is not read later


async def test_what_is_said_off_the_record_is_not_kept(hathi: Hathi, fake: FakeModel) -> None:
    fake.arguments = learner
    ended = await hathi.watched()("chat", "--as", "ana", stdin="/memory pause\nI like pangolins\n/memory\n")
    assert "You said: I like pangolins" in ended.out
    assert "You are off the record: I keep nothing of what you say." in ended.out
    assert json.loads((await hathi.watched()("export", "console:ana")).out)["messages"] == []


async def test_what_is_too_old_is_deleted_when_it_is_wished_for(hathi: Hathi, fake: FakeModel) -> None:
    await hathi("chat", "--as", "ana", stdin="I like pangolins\n")
    await asyncio.sleep(1)
    await hathi.but(KEEP_DAYS="0.00001")("chat", "--as", "ana", stdin="/memory\n")
    assert json.loads((await hathi.watched()("export", "console:ana")).out)["messages"] == []


async def test_odd_input_gets_an_answer_and_loses_nothing(hathi: Hathi, fake: FakeModel) -> None:
    lines = [b"", b"   ", b"a \x00 nul", b"broken \xff\xfe utf-8", "Elefant 🐘 象".encode(), b".", b"x" * 100_000]
    ended = await hathi(
        "chat", stdin=b"\xef\xbb\xbfwith a mark\r\n" + b"\n".join([*lines, b"y" * 1_000_001, b"no newline"])
    )
    assert ended.status == 0, ended.err
    out = ended.out.splitlines()
    assert [line[:40] for line in out] == [
        "You said: with a mark",
        "I got an empty message. Write something ",
        "I got an empty message. Write something ",
        "You said: a \ufffd nul",
        "You said: broken \ufffd\ufffd utf-8",
        "You said: Elefant 🐘 象",
        "You said: .",
        "You said: " + "x" * 30,
        "That is too much at once: a message may ",
        "You said: no newline",
    ]
    assert len(out[7]) == 100_010


async def test_a_newline_inside_an_answer_stays_one(hathi: Hathi, fake: FakeModel) -> None:
    fake.answers = ["first\n\n    second"]
    assert (await hathi("chat", stdin="hi\nho\n")).out == "first\n\n    second\nYou said: ho\n"


async def test_whoever_reads_our_answers_may_leave(hathi: Hathi) -> None:
    process = await asyncio.create_subprocess_shell(
        "printf 'one\\ntwo\\nthree\\n' | python -m bot chat 2>err | head -1; echo ${PIPESTATUS[1]}",
        cwd=hathi.folder, executable="/bin/bash", stdout=asyncio.subprocess.PIPE,
        env={**hathi.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    out, _ = await process.communicate()
    assert out == b"You said: one\n0\n"
    assert (hathi.folder / "err").read_text() == ""


async def test_the_database_dies_between_two_turns_and_comes_back(
    hathi: Hathi, server: Server, database_name: str, fake: FakeModel
) -> None:
    async with Proxy(server.socket_file) as proxy:
        process = await hathi.but(DATABASE_URL=server.through(proxy, database_name)).start("chat")
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"one\n")
        assert await process.stdout.readline() == b"You said: one\n"
        await proxy.shut()
        process.stdin.write(b"two\n")
        await asyncio.sleep(1)
        await proxy.open()
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"You said: two\n"
        process.stdin.close()
        assert await process.wait() == 0


BAD_STARTS = {
    "no URL": ({"DATABASE_URL": "nonsense"}, "DATABASE_URL must begin with postgresql://"),
    "wrong password": ({"DATABASE_URL": "wrong password"}, "password authentication failed"),
    "no such host": ({"DATABASE_URL": "postgresql://u:p@no-such-host.invalid/db"}, "does not resolve"),
    "database down": ({"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/db"}, "is not reachable"),
    "unknown provider": ({"MODEL": "skynet/t800"}, "names no provider that is known"),
    "no model": ({"MODEL": "openai/"}, "write openai/ and the model's name"),
    "no key": ({"MODEL": "openrouter/x/y"}, "set OPENROUTER_API_KEY"),
    "fallback without a key": ({"FALLBACK_MODELS": "anthropic/x"}, "set ANTHROPIC_API_KEY"),
    "no persona": ({"PERSONA": "/nowhere/persona.md"}, "PERSONA: /nowhere/persona.md cannot be read"),
    "no template": (
        {"WORKING_MEMORY_TEMPLATE": "/nowhere/page.md"},
        "WORKING_MEMORY_TEMPLATE: /nowhere/page.md cannot",
    ),
    "no field": ({"WORKING_MEMORY_TEMPLATE": "/etc/hostname"}, "WORKING_MEMORY_TEMPLATE: no field in it"),
    "bad number": ({"LAST_MESSAGES": "ten"}, "LAST_MESSAGES"),
    "home is a file": ({"DATABASE_URL": "", "HATHI_HOME": "/etc/hostname"}, "/etc/hostname"),
}


@pytest.mark.parametrize("case", BAD_STARTS)
async def test_what_cannot_start_says_so_in_one_line(hathi: Hathi, case: str) -> None:
    environment, line = BAD_STARTS[case]
    if case == "wrong password":
        environment = {"DATABASE_URL": hathi.environment["DATABASE_URL"].replace("hathi:", "hathi:x", 1)}
    ended = await hathi.but(**environment)("chat", stdin="hi\n")
    assert (ended.status, ended.out) == (1, "")
    said = [text for text in ended.err.splitlines() if "WARNING memory.pool: waiting for the database" not in text]
    assert len(said) == 1, ended.err
    assert said[0].startswith("hathi: ")
    assert line in said[0]


@pytest.mark.parametrize(
    "arguments",
    [["dance"], [], ["run", "irc"], ["export", "nobody"], ["chat", "--as", ""], ["chat", "--thread", "a\nb"]],
)
async def test_wrong_usage_is_status_2(hathi: Hathi, arguments: list[str]) -> None:
    ended = await hathi(*arguments)
    assert (ended.status, ended.out) == (2, "")
    assert "usage: hathi" in ended.err
    assert "Traceback" not in ended.err


async def test_help_loads_nothing_heavy(hathi: Hathi) -> None:
    script = (
        "import sys, bot.__main__ as m\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'openai', 'asyncpg', 'pydantic', 'rich', 'prompt_toolkit', 'aiohttp', 'xllamacpp', 'asyncpg'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, "--help", env=hathi.environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert out.decode().splitlines()[-1] == "[]"


async def test_migrate_says_what_it_did(hathi: Hathi, server: Server, empty_name: str) -> None:
    hathi = hathi.watched().but(DATABASE_URL=server.database(empty_name))
    names = [name for name, _ in migrations()]
    assert names[:2] == ["0001_conversations", "0002_turns"]
    assert (await hathi.watched()("migrate")).out == "".join(f"applied {name}\n" for name in names)
    assert (await hathi.watched()("migrate")).out == "up to date\n"


async def test_doctor_finds_what_works(hathi: Hathi) -> None:
    ended = await hathi.watched()("doctor")
    assert ended.status == 0, ended.out
    states = {line[:9].strip(): line[9:].split()[0] for line in ended.out.splitlines()}
    assert states == {
        "given up": "ok",
        "settings": "ok", "database": "ok", "model": "ok", "memory": "ok", "embedder": "ok", "recall": "ok",
        "discord": "off", "slack": "off",
    }  # fmt: skip


async def test_doctor_says_what_to_do_about_what_does_not(hathi: Hathi, fake: FakeModel) -> None:
    fake.otherwise = faults.Status(401)
    hathi = hathi.watched().but(DATABASE_URL="postgresql://u:sekret@127.0.0.1:1/db", OPENAI_API_KEY="sk-sekret")
    ended = await hathi.watched().but(FALLBACK_MODELS="skynet/x", PERSONA="/nowhere")("doctor")
    assert ended.status == 1
    assert ended.out.count(" fails ") == 4, ended.out
    assert "OPENAI_API_KEY" in ended.out
    assert "sekret" not in ended.out + ended.err


async def test_a_failing_model_is_a_sentence_and_a_line_in_the_log(hathi: Hathi, fake: FakeModel) -> None:
    fake.otherwise = faults.Status(429, headers=(("Retry-After", "0"),))
    ended = await hathi.but(LOG_FORMAT="json")("chat", stdin="my secret\n")
    assert (ended.status, ended.out) == (0, TOLD[ModelBusy] + "\n")
    assert "my secret" not in ended.err
    for line in ended.err.splitlines():
        assert json.loads(line)["levelname"] == "WARNING"


async def test_not_even_a_debug_log_holds_words_or_keys(hathi: Hathi) -> None:
    hathi = hathi.but(LOG_LEVEL="debug", OPENAI_API_KEY="sk-sekret")
    ended = await hathi("chat", stdin="my secret\n")
    assert ended.out == "You said: my secret\n"
    assert "my secret" not in ended.err
    assert "sekret" not in ended.err
    assert "prompt=" in ended.err  # the usage is there


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_run_serves_health_until_told_to_stop(
    hathi: Hathi, server: Server, database_name: str, told: signal.Signals
) -> None:
    async with Proxy(server.socket_file) as proxy, ClientSession() as client:
        process = await hathi.watched().but(PORT="0", DATABASE_URL=server.through(proxy, database_name)).start("run")
        assert process.stderr
        line = await asyncio.wait_for(process.stderr.readline(), 20)
        address = line.decode().split(" on ")[1].split()[0]
        async with client.get(address + "/healthz") as alive, client.get(address + "/readyz") as ready:
            assert (alive.status, ready.status) == (200, 200)
        if told == signal.SIGTERM:
            await proxy.shut()
            async with client.get(address + "/healthz") as alive:
                assert alive.status == 200
            async with asyncio.timeout(20):  # an answer holds for a second
                while (await client.get(address + "/readyz")).status != 503:
                    await asyncio.sleep(0.1)
        process.send_signal(told)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_run_names_a_platform_that_it_cannot_serve(hathi: Hathi) -> None:
    ended = await hathi("run", "discord")
    assert ended.status == 1
    assert "discord" in ended.err


async def test_the_end_of_chat_by_sigterm_is_clean(tmp_path: Path, fake: FakeModel) -> None:
    hathi = Hathi(tmp_path, {**bare_environment(tmp_path), "OPENAI_BASE_URL": fake.base_url})
    process = await hathi.start("chat")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"hi\n")
    await process.stdout.readline()
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert str(tmp_path).encode() not in _processes()


async def test_a_whole_space_is_forgotten_from_the_command_line(hathi: Hathi) -> None:
    nothing = await hathi.watched()("forget", "--space", "slack:T1", "--yes")
    assert (nothing.status, nothing.out) == (0, "mastra_messages 0\nmastra_threads 0\nfacts 0\npassages 0\n")
    assert (await hathi.watched()("forget", "--space", "slack:T1")).status == 1
    assert (await hathi.watched()("forget", "console:ana", "--space", "slack:T1")).status == 2
    assert (await hathi.watched()("forget")).status == 2

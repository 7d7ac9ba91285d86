"""`hathi doctor`, as an operator and a script run it."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bot.models.capabilities import QUESTIONS
from tests.adapters.test_console import Person
from tests.bot.models.test_capabilities import PICTURES, capable, has_picture
from tests.conftest import Hathi
from tests.fakes.embeddings import FakeEmbeddings
from tests.fakes.model import Answer, Body, FakeModel, Held, Status
from tests.fakes.transcriptions import hear

TITLES = [question.title for question in QUESTIONS]


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    """A server that can everything."""
    async with FakeModel(key="sk-sekret") as server:
        server.otherwise = capable
        server.cached = 1500
        server.others["audio/transcriptions"] = hear("hello")
        server.others["embeddings"] = FakeEmbeddings().embeddings
        yield server


@pytest.fixture
def hathi(hathi: Hathi) -> Hathi:
    return hathi.but(OPENAI_API_KEY="sk-sekret", EMBEDDER="openai/small")


async def test_it_says_in_a_line_each_what_the_model_can_do_and_what_hathi_does(hathi: Hathi, fake: FakeModel) -> None:
    PICTURES(fake)
    ended = await hathi.watched()("doctor", "--model")
    assert (ended.status, ended.err) == (0, "")
    first, *lines = ended.out.splitlines()
    assert first.startswith("openai/gpt-5-mini, asked with about ")
    assert [line[:26].strip() for line in lines] == TITLES
    assert [line[27:35].strip() for line in lines] == ["no" if title == "pictures" else "yes" for title in TITLES]
    assert "it refuses pictures. The prompt says that a picture was posted and cannot be seen." in ended.out


async def test_for_a_script_it_is_one_object(hathi: Hathi, fake: FakeModel) -> None:
    ended = await hathi.watched()("doctor", "--model", "--json")
    assert (ended.status, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["ok"] is True
    (model,) = told["models"]
    assert (model["model"], model["trouble"]) == ("openai/gpt-5-mini", None)
    assert model["tokens"] > 3_000
    assert [row["question"] for row in model["capabilities"]] == TITLES
    for row in model["capabilities"]:
        assert set(row) == {"id", "question", "answer", "detail", "hathi"}
        assert row["answer"] == "yes"


async def test_every_model_is_asked_and_one_that_cannot_be_is_told(hathi: Hathi, fake: FakeModel) -> None:
    several = hathi.but(FALLBACK_MODELS="openai/other,skynet/x")
    ended = await several.watched()("doctor", "--model")
    assert ended.status == 1
    assert "openai/other, asked with about " in ended.out
    assert "skynet/x cannot be asked: the model 'skynet/x' names no provider that is known" in ended.out
    told = json.loads((await several("doctor", "--model", "--json")).out)
    assert told["ok"] is False
    assert [model["model"] for model in told["models"]] == ["openai/gpt-5-mini", "openai/other", "skynet/x"]


@pytest.mark.parametrize("fault", ["a wrong key", "no server", "no answer"])
async def test_a_model_that_cannot_be_asked_at_all_is_exit_status_1(hathi: Hathi, fake: FakeModel, fault: str) -> None:
    match fault:
        case "a wrong key":
            hathi = hathi.but(OPENAI_API_KEY="sk-other")
        case "no server":
            await fake.__aexit__(None, None, None)
        case _:
            fake.otherwise = Status(400, None, "no")
    ended = await hathi.watched()("doctor", "--model")
    assert ended.status == 1
    assert "cannot be asked: " in ended.out
    assert "OPENAI_" in ended.out
    assert "Traceback" not in ended.out + ended.err
    assert "sk-" not in ended.out + ended.err


async def test_the_plain_table_is_an_object_too(hathi: Hathi, fake: FakeModel) -> None:
    ended = await hathi.watched()("doctor", "--json")
    assert ended.status == 0, ended.out
    told = json.loads(ended.out)
    assert told["ok"] is True
    assert {finding["what"]: finding["state"] for finding in told["findings"]}["model"] == "ok"

    failing = await hathi.but(OPENAI_API_KEY="sk-other")("doctor", "--json")
    assert failing.status == 1
    told = json.loads(failing.out)
    assert told["ok"] is False
    assert {finding["what"]: finding["state"] for finding in told["findings"]}["model"] == "fails"
    for finding in told["findings"]:
        assert set(finding) == {"what", "state", "detail"}


async def test_in_a_terminal_it_says_what_is_being_asked_and_then_shows_a_table(hathi: Hathi, fake: FakeModel) -> None:
    asked = asyncio.Event()

    def answer(body: Body) -> Answer:
        if not has_picture(body):
            return capable(body)
        asked.set()
        return Held("Red.", go)

    go = asyncio.Event()
    fake.otherwise = answer
    person = Person(hathi)
    await person.sit_down("doctor", "--model")
    await asked.wait()
    await person.sees("asking openai/gpt-5-mini: pictures")
    go.set()
    assert await person.leaves() == 0
    await person.sees("it named the colour of a small picture")
    assert b"what came back, and what Hathi does" in person.bytes  # scrolled out of sight by now
    person.close()


async def test_files_that_others_can_read_are_named_with_what_to_do(hathi: Hathi) -> None:
    env, home = hathi.folder / ".env", hathi.folder / "a home"
    env.write_text("LAST_MESSAGES=7\n")
    home.mkdir()
    hathi = hathi.but(HATHI_HOME=str(home))
    for mode, folder, expected in (
        (0o644, 0o755, "files     warns .env can be read by others on this machine: run `chmod 600 .env`; "
                       f"{home} can be read by others on this machine: run `chmod 700 '{home}'`"),
        (0o640, 0o700, "files     warns .env can be read by others on this machine: run `chmod 600 .env`"),
        (0o600, 0o700, f"files     ok    nobody else can read .env or {home}"),
    ):  # fmt: skip
        env.chmod(mode)
        home.chmod(folder)
        ended = await hathi.watched()("doctor")
        assert (ended.status, ended.err) == (0, ""), ended.out
        assert expected in ended.out.splitlines()
    told = json.loads((await hathi.watched()("doctor", "--json")).out)
    assert [finding["state"] for finding in told["findings"] if finding["what"] == "files"] == ["ok"]

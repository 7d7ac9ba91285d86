"""The ten questions about a model, over the wire: servers that can everything, nothing, and all but one thing."""

import struct
import zlib
from base64 import b64decode
from collections.abc import AsyncIterator, Callable

import pytest

from bot.models import Keys, LateModel, capabilities, open_model
from bot.models.capabilities import QUESTIONS, Report, examine
from bot.models.embedders import open_embedder
from bot.models.local import LocalModel
from bot.models.questions import judge_cache
from bot.models.remote import Profile, RemoteModel
from bot.models.samples import SIDE, picture
from tests.fakes.conversations import Calls
from tests.fakes.embeddings import FakeEmbeddings
from tests.fakes.model import Answer, Body, FakeModel, Raw, Silence, Slow, Status, text_in
from tests.fakes.strict import SERVERS
from tests.fakes.transcriptions import hear

IDS = [question.id for question in QUESTIONS]
KEY = "sk-test-7f3a9c"


def capable(body: Body) -> Answer:
    """What a good model says."""
    text = "\n".join(text_in(message["content"]) for message in body["messages"])
    if body.get("tools"):
        return Calls(("look_up_weather", {"city": "Porto"}))
    return "Red." if has_picture(body) else "Momo." if "Momo" in text else "Ready."


def has_picture(body: Body) -> bool:
    return any(isinstance(message["content"], list) for message in body["messages"])


def roles(body: Body) -> list[str]:
    return [message["role"] for message in body["messages"]]


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    """A server that can everything."""
    async with FakeModel(key=KEY) as server:
        server.otherwise = capable
        server.cached = 1500
        server.others["audio/transcriptions"] = hear("")
        server.others["embeddings"] = FakeEmbeddings().embeddings
        yield server


async def examined(fake: FakeModel, embedder: str = "openai/small", key: str = KEY) -> Report:
    keys = Keys(openai_base_url=fake.base_url, openai_api_key=key)
    model = open_model("openai/fake-1", keys)
    try:
        return await examine(model, lambda: open_embedder(embedder, keys) if embedder else None)
    finally:
        await model.close()


def answers(report: Report) -> dict[str, str]:
    assert not report.trouble
    return {row.question.id: row.finding.answer for row in report.capabilities}


Change = Callable[[FakeModel], object]


def refusing(when: Callable[[Body], bool], message: str, status: int = 400) -> Change:
    """A server that refuses some requests, and can everything else."""

    def change(fake: FakeModel) -> None:
        before = fake.otherwise

        def answer(body: Body) -> Answer:
            if when(body):
                return Status(status, None, message, "invalid_request_error")
            assert callable(before)
            return before(body)

        fake.otherwise = answer

    return change


def without_tools(fake: FakeModel) -> None:
    fake.without_tools = Status(400, None, "fake-1 does not support tools")


def without_schemas(fake: FakeModel) -> None:
    fake.without_schemas = Status(400, None, "This response_format type is unavailable now")


def without_forced_calls(fake: FakeModel) -> None:
    fake.ignores_tool_choice = True


def without_caches(fake: FakeModel) -> None:
    fake.cached = 0


def without_transcriptions(fake: FakeModel) -> None:
    fake.others.pop("audio/transcriptions")


LATE_SYSTEM = refusing(lambda body: "system" in roles(body)[1:], "System message must be at the beginning.", 500)
TURNS = refusing(
    lambda body: ("user", "user") in zip(roles(body), roles(body)[1:], strict=False),
    "Conversation roles must alternate user/assistant/user/assistant/...",
)
STREAM_OPTIONS = refusing(
    lambda body: "stream_options" in body, "Unrecognized request argument supplied: stream_options"
)
PICTURES = refusing(has_picture, "No endpoints found that support image input", 404)

# What a server cannot do, and the rows that say so.
LACKS: dict[str, tuple[Change, set[str]]] = {
    "late system": (LATE_SYSTEM, {"late_system"}),
    "turns": (TURNS, {"user_messages_in_a_row"}),
    "tools": (without_tools, {"tools", "forced_tool"}),
    "forced calls": (without_forced_calls, {"forced_tool"}),
    "schemas": (without_schemas, {"json_schema"}),
    "usage": (STREAM_OPTIONS, {"stream_usage"}),
    "caches": (without_caches, {"caching"}),
    "pictures": (PICTURES, {"pictures"}),
    "transcription": (without_transcriptions, {"transcription"}),
}


async def test_a_server_that_can_everything_is_asked_ten_questions(fake: FakeModel) -> None:
    report = await examined(fake)
    assert answers(report) == dict.fromkeys(IDS, "yes")
    assert len(IDS) == 10
    assert len(fake.requests) == 10  # one to begin with, two about caching; two questions have endpoints of their own
    assert 3_000 < report.tokens < 6_000


@pytest.mark.parametrize("lack", LACKS)
async def test_what_a_server_cannot_do_is_one_no(fake: FakeModel, lack: str) -> None:
    change, rows = LACKS[lack]
    change(fake)
    assert answers(await examined(fake)) == {id_: "no" if id_ in rows else "yes" for id_ in IDS}


LATE, ROW, NO_TOOLS = {"late_system"}, {"late_system", "user_messages_in_a_row"}, {"tools", "forced_tool"}


@pytest.mark.parametrize(
    ("server", "rows"),
    [
        ("Qwen 3.x in llama.cpp", LATE),
        ("Qwen 3.x by OpenRouter", LATE),
        ("Gemma in llama.cpp", ROW),
        ("Mistral 3 by OpenRouter", ROW),
        ("Mistral 7B in vLLM", ROW),
        ("Gemma 2 in vLLM", LATE),
        ("Gemma by Google", LATE),
        ("no stream_options in FastAPI", {"stream_usage"}),
        ("no tools, in words", NO_TOOLS),
        ("no tools without --jinja", NO_TOOLS),
        ("no forced tool", {"forced_tool"}),
        ("no pictures in llama.cpp", {"pictures"}),
        ("plain text only", {"pictures"}),
        ("no max_tokens", set()),
    ],
)
async def test_a_strict_server_is_known_by_its_rows(fake: FakeModel, server: str, rows: set[str]) -> None:
    fake.strict = [SERVERS[server]]
    assert answers(await examined(fake)) == {id_: "no" if id_ in rows else "yes" for id_ in IDS}


async def test_a_server_that_can_nothing_is_ten_times_no(fake: FakeModel) -> None:
    for change, _ in LACKS.values():
        change(fake)
    fake.ignores_tool_choice = False
    fake.arguments = lambda body: Status(400, None, "response_format json_object is not supported")
    report = await examined(fake, embedder="")
    assert answers(report) == dict.fromkeys(IDS, "no")
    for row in report.capabilities:
        assert row.finding.detail
        assert row.does.endswith(".")


async def test_a_model_that_sees_nothing_is_not_believed_to_see(fake: FakeModel) -> None:
    fake.otherwise = lambda body: "A lovely picture!" if has_picture(body) else capable(body)
    assert answers(await examined(fake))["pictures"] == "no"


async def test_a_model_that_calls_no_tool_leaves_it_open(fake: FakeModel) -> None:
    fake.otherwise = lambda body: "It is sunny." if body.get("tools") else capable(body)
    assert answers(await examined(fake))["tools"] == "unknown"


async def test_a_call_that_does_not_fit_is_none(fake: FakeModel) -> None:
    fake.otherwise = lambda body: Calls(("look_up_weather", {"town": 3})) if body.get("tools") else capable(body)
    assert answers(await examined(fake))["tools"] == "no"


async def test_a_stream_without_a_count_has_none(fake: FakeModel) -> None:
    fake.otherwise = lambda body: Raw(
        'data: {"choices": [{"index": 0, "delta": {"content": "Yes."}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    )
    assert answers(await examined(fake))["stream_usage"] == "no"


@pytest.mark.parametrize(
    ("usage", "answer"),
    [
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8}}, "yes"),
        ({"prompt_tokens": 9, "cache_read_input_tokens": 8}, "yes"),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 1}, "yes"),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 0}}, "no"),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, "unknown"),
        ({"prompt_tokens": 9}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_what_is_not_told_of_a_cache_is_not_known(usage: dict[str, object], answer: str) -> None:
    assert judge_cache(usage).answer == answer


async def test_the_prompt_for_the_cache_is_long_and_the_same_twice_and_new_at_every_run(fake: FakeModel) -> None:
    await examined(fake)
    await examined(fake)
    long = [body["messages"] for body in fake.requests if len(text_in(body["messages"][0]["content"])) > 4_000]
    assert len(long) == 4
    assert long[0] == long[1] != long[2] == long[3]


async def test_a_model_whose_prompts_are_marked_is_sent_enough_for_its_cache(fake: FakeModel) -> None:
    remote = RemoteModel(
        name="openrouter/anthropic/x",
        model="anthropic/x",
        base_url=fake.base_url,
        key=KEY,
        profile=Profile.of(cache_marks=True, limits=()),
    )
    model = LateModel(remote.name, remote.budget, lambda: remote)
    report = await examine(model, lambda: None)
    await model.close()
    assert answers(report)["caching"] == "yes"
    first = max((body["messages"][0] for body in fake.requests), key=lambda message: len(str(message)))
    assert len(first["content"][0]["text"]) > 4 * 4_096
    assert first["content"][0]["cache_control"] == {"type": "ephemeral"}


async def test_a_wrong_key_is_a_trouble_that_does_not_say_it(fake: FakeModel) -> None:
    report = await examined(fake, key="sk-wrong-1")
    assert "OPENAI_API_KEY" in report.trouble
    assert "sk-wrong" not in report.trouble
    assert not report.capabilities
    assert len(fake.requests) == 1


async def test_a_server_that_is_down_is_a_trouble(fake: FakeModel) -> None:
    await fake.__aexit__(None, None, None)
    assert "OPENAI_BASE_URL" in (await examined(fake)).trouble


async def test_a_server_that_says_nothing_is_a_trouble(fake: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "SECONDS", 0.3)
    fake.otherwise = Silence()
    assert "no answer within" in (await examined(fake)).trouble


async def test_a_question_that_takes_too_long_leaves_the_others(
    fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capabilities, "SECONDS", 4.0)
    fake.otherwise = lambda body: Slow("Red.", first=20) if has_picture(body) else capable(body)
    assert answers(await examined(fake)) == {id_: "unknown" if id_ == "pictures" else "yes" for id_ in IDS}


async def test_there_is_a_time_for_all_of_it(fake: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "TOTAL_SECONDS", 0.0)
    report = await examined(fake)
    assert answers(report) == dict.fromkeys(IDS, "unknown")
    assert len(fake.requests) == 1


async def test_a_busy_server_is_no_no(fake: FakeModel) -> None:
    refusing(has_picture, "slow down", 429)(fake)
    found = await examined(fake)
    assert answers(found)["pictures"] == "unknown"


async def test_an_embedder_that_cannot_be_opened_or_fails_is_not_known(fake: FakeModel) -> None:
    assert answers(await examined(fake, embedder="anthropic/x"))["embeddings"] == "unknown"
    fake.others.pop("embeddings")
    assert answers(await examined(fake))["embeddings"] != "yes"


async def test_what_is_asked_says_nothing_of_anybody_and_is_told_as_it_goes(fake: FakeModel) -> None:
    told: list[str] = []
    keys = Keys(openai_base_url=fake.base_url, openai_api_key=KEY)
    model = open_model("openai/fake-1", keys)
    await examine(model, lambda: None, told.append)
    await model.close()
    assert told[1:] == [question.title for question in QUESTIONS]


async def test_the_embedded_model_is_asked_too() -> None:
    model = LocalModel()
    try:
        report = await examine(model, lambda: None)
    finally:
        await model.close()
    found = answers(report)
    assert {id_: found[id_] for id_ in ("tools", "json_schema", "stream_usage", "caching", "pictures")} == {
        "tools": "no",
        "json_schema": "yes",
        "stream_usage": "yes",
        "caching": "yes",
        "pictures": "no",
    }
    assert found["transcription"] == "no"


def test_the_picture_is_a_png_of_one_colour() -> None:
    data = b64decode(picture(1, 2, 3).partition(",")[2])
    assert struct.unpack(">II", data[16:24]) == (SIDE, SIDE)
    start = data.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", data[start - 8 : start - 4])
    assert zlib.decompress(data[start : start + length]) == (b"\0" + bytes((1, 2, 3)) * SIDE) * SIDE

"""What servers do differently, over the wire: each refuses in its own words, is answered in its own way, and once."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.chat import Usage
from bot.errors import KeyRefused, ModelBusy, ModelError, ModelRefused, PromptTooLong
from bot.models.remote import Profile, RemoteModel
from bot.models.remote.differences import ROWS
from bot.models.remote.profile import IMAGES, SYSTEM, TOOLS, in_words
from bot.ports import Prompt, Said, Tool
from tests.bot.models.test_answers_with_calls import READ
from tests.bot.models.test_calling import TOOL
from tests.bot.models.test_remote import KEY, SECRET, remote
from tests.fakes.model import TOO_LONG, Body, FakeModel, Status, text_in
from tests.fakes.strict import BAD_PICTURE, MUTE, SERVERS, Rule, Strict, assistant_first, late_system, no_turns, openai

LOOK = Tool("look_up", "Look something up.", {"type": "object", "properties": {"query": {"type": "string"}}})
PICTURE = "data:image/png;base64,AA=="
# All that is ever said at once: a history that begins in the middle and has a failed turn, and what was recalled.
PROMPT: Prompt = [
    Said(None, "INSTRUCTIONS", stable=True),
    Said("assistant", "FIRST", stable=True),
    Said("user", "SECOND", stable=True),
    Said("user", "THIRD", stable=True),
    Said("assistant", "FOURTH", stable=True),
    Said(None, "RECALLED"),
    Said("user", "BEFORE"),
    Said("user", SECRET, images=(PICTURE,)),
]
MORE: dict[str, Any] = {
    "temperature": 0.5,
    "max_tokens": 100,
    "key_field": "session_id",
    "profile": Profile.of(cache_marks=True, limits=("max_tokens", "max_completion_tokens")),
}
CHANGED: dict[str, dict[str, Any]] = {  # what differs for one of them
    "no prompt_cache_key": {"key_field": "prompt_cache_key"},
    "no max_completion_tokens": {
        "profile": Profile.of(cache_marks=True, limits=("max_completion_tokens", "max_tokens"))
    },
}
CALLS_ONLY = {"no forced tool", "no JSON schema", "no JSON"}
# The server says it of a prompt that has something else in it.
ELSEWHERE = {"user last": [Said(None, "INSTRUCTIONS"), Said("user", SECRET), Said("assistant", "FIRST")]}


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        yield server


async def ask(model: RemoteModel, prompt: Prompt = PROMPT, *, tools: bool = True, calling: bool = True) -> str:
    pieces = model.complete(prompt, [LOOK] if tools else [], calling=calling, key="conversation")
    return "".join([piece async for piece in pieces if isinstance(piece, str)])


def words(body: Body) -> str:
    return "\n".join(text_in(message["content"]) for message in body["messages"] if message["content"])


def roles(body: Body) -> str:
    """`suau`: the first letters of the roles."""
    return "".join(message["role"][0] for message in body["messages"])


@pytest.mark.parametrize("name", [name for name in SERVERS if name not in {*CALLS_ONLY, "no tool role"}])
async def test_what_a_server_does_not_take_is_learned_at_the_first_turn(
    fake: FakeModel, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.models")
    fake.strict = [SERVERS[name]]
    model = remote(fake.base_url, retries=2, **MORE | CHANGED.get(name, {}))
    prompt = ELSEWHERE.get(name, PROMPT)
    assert SECRET in await ask(model, prompt) or name == "user last"
    asked = len(fake.requests)
    assert 2 <= asked <= 5
    assert SECRET in await ask(model, prompt) or name == "user last"
    await model.close()
    assert len(fake.requests) == asked + 1
    assert fake.requests[-1] == fake.requests[-2]
    said = words(fake.requests[-1])
    places = [said.index(one.text) for one in prompt]
    assert places == sorted(places)  # nothing is left out, and nothing changes its place
    [record] = caplog.records
    assert (record.levelno, record.getMessage().count("\n")) == (logging.INFO, 0)
    assert "openai/fake-1" in record.getMessage()
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "name", [name for name in SERVERS if name not in {"no tool role", "no JSON schema", "no JSON"}]
)
async def test_the_same_is_learned_where_a_tool_must_be_called(fake: FakeModel, name: str) -> None:
    fake.strict = [SERVERS[name]]
    model = remote(fake.base_url, retries=2, **MORE | CHANGED.get(name, {}))
    prompt = ELSEWHERE.get(name, PROMPT)
    for _ in range(2):
        assert await model.call(prompt, TOOL) == {"facts": [], "sure": False}
    await model.close()
    assert len(fake.requests) <= 6
    assert fake.requests[-1] == fake.requests[-2]
    assert all(one.text in words(fake.requests[-1]) for one in prompt)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Qwen 3.x in llama.cpp", "sauuauuu"),
        ("Gemma in vLLM", "suauau"),
        ("Mistral 3 in llama.cpp", "suauau"),
        ("Mistral 7B in vLLM", "uauau"),
        ("Gemma 2 in llama.cpp", "uauuauuu"),
        ("no stream_options", "sauuasuu"),
    ],
)
async def test_no_more_is_changed_than_has_to_be(fake: FakeModel, name: str, expected: str) -> None:
    fake.strict = [SERVERS[name]]
    model = remote(fake.base_url, **MORE)
    await ask(model)
    await model.close()
    assert roles(fake.requests[-1]) == expected
    assert "tools" in fake.requests[-1]
    assert fake.requests[-1]["max_tokens"] == 100
    assert PICTURE in json.dumps(fake.requests[-1])


async def test_several_rules_at_once_are_learned_within_four_requests(fake: FakeModel) -> None:
    fake.strict = [
        SERVERS[name]
        for name in ("no stream_options, 500", "Gemma 2 in llama.cpp", "Gemma in llama.cpp", "no tools without --jinja")
    ]
    model = remote(fake.base_url, retries=2)
    assert SECRET in await ask(model)
    assert len(fake.requests) == 5
    assert SECRET in await ask(model)
    assert len(fake.requests) == 6
    assert not {"stream_options", "tools", "tool_choice"} & set(fake.requests[-1])
    await model.close()


async def test_a_server_that_takes_nothing_is_asked_five_times_and_no_more(fake: FakeModel) -> None:
    always = Strict(lambda _: True, "tools, stream_options, temperature: unknown; roles must alternate", openai(500))
    fake.strict = [always]
    model = remote(fake.base_url, retries=0, **MORE)
    with pytest.raises(ModelError):
        await ask(model)
    await model.close()
    assert len(fake.requests) <= 5
    assert model.profile == MORE["profile"]  # nothing worked, so nothing was learned


@pytest.mark.parametrize("name", MUTE)
async def test_what_is_unusual_is_left_out_once_where_a_server_does_not_say_what_is_wrong(
    fake: FakeModel, name: str
) -> None:
    fake.strict = [MUTE[name]]
    model = remote(fake.base_url, **MORE)
    assert SECRET in await ask(model)
    asked = len(fake.requests)
    assert 2 <= asked <= 3
    assert SECRET in await ask(model)
    await model.close()
    assert len(fake.requests) <= asked + 2
    assert model.profile.takes(IMAGES)  # one picture may be bad


async def test_an_ordinary_request_that_is_refused_without_a_reason_is_not_tried_again(fake: FakeModel) -> None:
    fake.answers = [Status(400, "invalid_value", "no")]
    model = remote(fake.base_url, retries=2)
    with pytest.raises(ModelRefused):
        await ask(model, [Said(None, "Be brief."), Said("user", "Hi")])
    await model.close()
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (TOO_LONG, PromptTooLong),
        (Status(400, None, "the request exceeds the available context size: tools and system messages"), PromptTooLong),
        (Status(401, "invalid_api_key", "the system role is not supported without a key"), KeyRefused),
        (Status(402, 402, "This request requires more credits, or fewer max_tokens."), KeyRefused),
        (Status(503, None, "The tool is out of order"), ModelBusy),
        (Status(429, None, "max_tokens per minute: roles must alternate"), ModelBusy),
    ],
    ids=repr,
)
async def test_what_is_wrong_for_another_reason_is_asked_once(
    fake: FakeModel, answer: Status, error: type[ModelError]
) -> None:
    fake.otherwise = answer
    model = remote(fake.base_url, **MORE)
    with pytest.raises(error):
        await ask(model)
    await model.close()
    assert len(fake.requests) == 1


async def test_a_bad_picture_is_left_out_once(fake: FakeModel) -> None:
    model = remote(fake.base_url)
    fake.strict = [BAD_PICTURE]
    await ask(model)
    fake.strict = []
    await ask(model)
    await model.close()
    assert model.sees
    assert words(fake.requests[1]).endswith(f"{SECRET} (you cannot see the picture)")
    assert PICTURE in json.dumps(fake.requests[2])


async def test_a_model_without_eyes_is_known_as_one(fake: FakeModel) -> None:
    fake.strict = [SERVERS["no pictures in llama.cpp"]]
    model = remote(fake.base_url, retries=2)
    before = model.sees
    await ask(model)
    await model.close()
    assert (before, model.sees) == (True, False)
    assert len(fake.requests) == 2


async def test_a_500_that_says_nothing_of_the_request_passes(fake: FakeModel) -> None:
    model = remote(fake.base_url, retries=1)
    fake.answers = [Status(500, None, "Oops"), "Here."]
    assert await ask(model) == "Here."
    await model.close()
    assert fake.requests[0] == fake.requests[1]
    assert model.profile == Profile()


@pytest.mark.parametrize("name", ["no tool role", "Gemma 3"])
async def test_a_server_that_has_no_place_for_what_a_tool_brought_is_told_in_words(fake: FakeModel, name: str) -> None:
    fake.strict = [SERVERS[name]]
    model = remote(fake.base_url)
    for prompt in (READ[:-2], READ, READ):
        await ask(model, prompt)
    await model.close()
    assert len(fake.requests) == 4
    assert "(looked up: Ana likes tea.)" in words(fake.requests[-1])
    assert (model.profile.takes(TOOLS), model.profile.takes(SYSTEM)) == (False, True)


async def test_without_a_tool_choice_no_tools_are_sent_where_none_may_be_called(fake: FakeModel) -> None:
    fake.strict = [SERVERS["no tool_choice"]]
    model = remote(fake.base_url)
    await ask(model)
    await ask(model, calling=False)
    await model.close()
    assert ["tools" in body for body in fake.requests] == [True, True, False]


async def test_a_conversation_is_not_stuck_after_a_failed_turn(fake: FakeModel) -> None:
    """Strict turns, and a turn that was never answered: refused for good once."""
    fake.strict = [SERVERS["Mistral 3 in llama.cpp"]]
    model = remote(fake.base_url, retries=2)
    said = [Said(None, "Be brief."), Said("user", "one")]
    await ask(model, said)
    for number in range(14):
        said = [*said, Said("user", f"more {number}")]
        assert f"more {number}" in await ask(model, said)
    await model.close()
    assert len(fake.requests) == 16


@pytest.mark.parametrize(
    ("rule", "broken_by"),
    [(no_turns, "sau au suu suauu susu sua suasu suaa"), (assistant_first, "sau au"), (late_system, "susu us")],
)
def test_the_fakes_enforce_what_they_say(rule: Rule, broken_by: str) -> None:
    def body(letters: str) -> Body:
        names = {"s": "system", "u": "user", "a": "assistant"}
        return {"messages": [{"role": names[letter], "content": letter} for letter in letters]}

    assert all(rule(body(letters)) for letters in broken_by.split())
    assert not any(rule(body(letters)) for letters in ("u", "su", "uau", "suau"))


def test_every_row_of_the_table_has_a_server_that_words_it_so() -> None:
    words = [str(server.put(server.says)) for server in (*SERVERS.values(), BAD_PICTURE)]
    fitting = [[place for place, row in enumerate(ROWS) if row.says.search(said)] for said in words]
    assert {places[0] for places in fitting if places} == set(range(len(ROWS)))


async def test_where_no_form_of_an_answer_can_be_bound_it_is_asked_for_in_words(fake: FakeModel) -> None:
    fake.strict = [SERVERS["no tools, in words"], SERVERS["no JSON schema"], SERVERS["no JSON"]]
    fake.otherwise = '{"facts": [], "sure": true}'
    model = remote(fake.base_url, retries=2)
    for _ in range(2):
        assert await model.call([Said("user", "Hi")], TOOL) == {"facts": [], "sure": True}
    await model.close()
    assert [body.get("response_format", {}).get("type") for body in fake.requests] == [
        *(None, "json_schema", "json_object"),
        *(None, None),
    ]


def test_what_is_left_out_is_named_for_people() -> None:
    assert in_words({"late system", "stream_options"}) == "stream_options, system messages after the first one"


def test_usages_add_up() -> None:
    assert Usage(1, 2, 3, 4) + Usage(10, 20, 30, 40) == Usage(11, 22, 33, 44)

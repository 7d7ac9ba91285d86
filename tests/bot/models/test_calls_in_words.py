"""Calls of tools that a model writes as text: made when the tool was offered, never shown."""

import json
from collections.abc import AsyncIterator

import pytest

from bot.errors import ModelSilent
from bot.models.remote import RemoteModel
from bot.models.written import may_be_whole, read
from bot.ports import Tool
from tests.bot.models.test_answers_with_calls import ask
from tests.bot.models.test_remote import KEY, remote
from tests.fakes.model import FakeModel

LOOK = Tool(
    "look_up",
    "Look it up.",
    {"type": "object", "properties": {"query": {"type": "string"}, "most": {"type": "integer"}}},
)
TEA = {"query": "green tea"}
ARGUMENTS = json.dumps(TEA)
CALL = json.dumps({"name": "look_up", "arguments": TEA})

PARAMETERS = "<parameter=query>\ngreen tea\n</parameter>"
CHANNEL = "<|start|>assistant<|channel|>commentary to=functions.look_up <|constrain|>json<|message|>"

IN_WORDS = {
    "Hermes, Qwen": f"<tool_call>\n{CALL}\n</tool_call>",
    "Qwen, without an end": f"<tool_call>\n{CALL}",
    "Hermes, parameters": f'<tool_call>{{"name": "look_up", "parameters": {ARGUMENTS}}}</tool_call>',
    "Hermes, arguments as text": f'<tool_call>{{"name": "look_up", "arguments": {json.dumps(ARGUMENTS)}}}</tool_call>',
    "Jamba": f"<tool_calls>[{CALL}]</tool_calls>",
    "a function call": f"<function_call>{CALL}</function_call>",
    "Llama": f"<function=look_up>{ARGUMENTS}</function>",
    "Qwen3-Coder": f"<tool_call>\n<function=look_up>\n{PARAMETERS}\n</function>\n</tool_call>",
    "Qwen3-Coder, begun late": f"<function=look_up>\n{PARAMETERS}\n</function>\n</tool_call>",
    "GLM": "<tool_call>look_up\n<arg_key>query</arg_key>\n<arg_value>green tea</arg_value>\n</tool_call>",
    "MiniMax": '<minimax:tool_call>\n<invoke name="look_up">\n<parameter name="query">green tea</parameter>\n'
    "</invoke>\n</minimax:tool_call>",
    "Anthropic": '<function_calls>\n<invoke name="look_up">\n<parameter name="query">green tea</parameter>\n</invoke>\n'
    "</function_calls>",
    "Mistral": f"[TOOL_CALLS][{CALL}]",
    "Mistral, newer": f"[TOOL_CALLS]look_up[ARGS]{ARGUMENTS}",
    "Mistral, with blanks": f"[TOOL_CALLS] [{CALL}]",
    "Llama's python": f'<|python_tag|>{{"name": "look_up", "parameters": {ARGUMENTS}}}<|eom_id|>',
    "bare": CALL,
    "bare, Llama": f'{{"type": "function", "name": "look_up", "parameters": {ARGUMENTS}}}',
    "bare, in a fence": f"```json\n{CALL}\n```",
    "bare, OpenAI": f'{{"function": {{"name": "look_up", "arguments": {json.dumps(ARGUMENTS)}}}, "type": "function"}}',
    "bare, in a list": f"[{CALL}]",
    "DeepSeek": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>look_up\n```json\n{ARGUMENTS}\n```"
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "DeepSeek, newer": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>look_up<｜tool▁sep｜>{ARGUMENTS}<｜tool▁call▁end｜>"
    "<｜tool▁calls▁end｜>",
    "DeepSeek, newest": '<｜DSML｜function_calls>\n<｜DSML｜invoke name="look_up">\n<｜DSML｜parameter name="query" '
    'string="true">green tea</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    "Kimi": f"<|tool_calls_section_begin|><|tool_call_begin|>functions.look_up:0<|tool_call_argument_begin|>{ARGUMENTS}"
    "<|tool_call_end|><|tool_calls_section_end|>",
    "Cohere": f'<|START_ACTION|>[{{"tool_call_id": "0", "tool_name": "look_up", "parameters": {ARGUMENTS}}}]'
    "<|END_ACTION|>",
    "Phi": f"<|tool_call|>[{CALL}]<|/tool_call|>",
    "Gemma": '<|tool_call>call:look_up{query:<|"|>green tea<|"|>}<tool_call|>',
    "gpt-oss": f"<|channel|>analysis<|message|>I look.<|end|>{CHANNEL}{ARGUMENTS}<|call|>",
    "gpt-oss, named before": f"<|start|>assistant to=functions.look_up<|channel|>commentary json<|message|>{ARGUMENTS}",
    "after reasoning": f"<think>\nI look.\n</think>\n\n<tool_call>\n{CALL}\n</tool_call>",
    "in reasoning without an end": f"<think>\nI look.\n<tool_call>\n{CALL}\n</tool_call>",
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        yield server


@pytest.fixture
async def model(fake: FakeModel) -> AsyncIterator[RemoteModel]:
    model = remote(fake.base_url)
    yield model
    await model.close()


@pytest.mark.parametrize("text", IN_WORDS.values(), ids=IN_WORDS)
async def test_a_call_in_words_is_a_call(fake: FakeModel, model: RemoteModel, text: str) -> None:
    fake.answers = [text]
    said, calls = await ask(model, tools=[LOOK])
    assert said == ""
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("look_up", TEA)]


@pytest.mark.parametrize("text", [text for name, text in IN_WORDS.items() if not name.startswith("bare")])
async def test_what_is_said_before_stays_and_the_markup_goes(fake: FakeModel, model: RemoteModel, text: str) -> None:
    if text.startswith(("<think>", "<|channel|>analysis", "<|start|>")):
        return
    fake.answers = [f"Let me look.\n\n{text}", f"Let me look. {text}"]
    for _ in range(2):
        said, calls = await ask(model, tools=[LOOK])
        assert (said.strip(), [call.name for call in calls]) == ("Let me look.", ["look_up"])


@pytest.mark.parametrize("text", [text for name, text in IN_WORDS.items() if not name.startswith("bare")])
async def test_a_tool_that_was_not_offered_is_not_called_nor_shown(
    fake: FakeModel, model: RemoteModel, text: str
) -> None:
    other = Tool("other", "Something else.", {"type": "object", "properties": {}})
    fake.answers = [text, text, f"It is green.\n{text}"]
    with pytest.raises(ModelSilent):
        await ask(model, tools=[other])
    with pytest.raises(ModelSilent):
        await ask(model, tools=[])
    said, calls = await ask(model, tools=[other])
    assert (said.strip(), calls) == ("It is green.", [])


async def test_where_no_tool_may_be_called_any_more_none_is(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [f"It is green.\n<tool_call>{CALL}</tool_call>", CALL]
    assert await ask(model, tools=[LOOK], calling=False) == ("It is green.\n", [])
    with pytest.raises(ModelSilent):
        await ask(model, tools=[LOOK], calling=False)


@pytest.mark.parametrize(
    "text",
    [
        f"Hermes writes `<tool_call>{CALL}</tool_call>`.",
        f"```\n<tool_call>{CALL}</tool_call>\n```\nThat is how.",
        '{"name": "Ana", "age": 3}',
        '{"name": "look_up_all", "arguments": {}}',
        '```json\n{"tea": "green"}\n```',
        "The <tool_call> mark begins a call.",
        "[1, 2, 3]",
        "{curly}",
    ],
)
async def test_what_only_looks_like_a_call_is_text(fake: FakeModel, model: RemoteModel, text: str) -> None:
    fake.answers = [text]
    assert await ask(model, tools=[LOOK]) == (text, [])


async def test_several_calls_in_words_are_several(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [f"<tool_call>{CALL}</tool_call>\n<tool_call>{CALL}</tool_call>", f"[TOOL_CALLS][{CALL}, {CALL}]"]
    for _ in range(2):
        _, calls = await ask(model, tools=[LOOK])
        assert [call.name for call in calls] == ["look_up", "look_up"]
        assert len({call.id for call in calls}) == 2


def test_bare_words_become_what_the_schema_wants() -> None:
    [call] = read("<function=look_up><parameter=query>12</parameter><parameter=most>3</parameter></function>", [LOOK])
    assert json.loads(call.arguments) == {"query": "12", "most": 3}


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("", True),
        ("{", True),
        ('[{"na', True),
        ('{"name"', True),
        ("```json\n{", True),
        ("``", True),
        ('{"colour"', False),
        ("Paris", False),
        ("```python\nprint", False),
        ("[link", False),
    ],
)
def test_only_what_may_become_a_call_is_held(text: str, may_be: bool) -> None:
    assert may_be_whole(text) is may_be

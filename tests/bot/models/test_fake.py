"""The fake model is as strict as the real ones about calls, and answers those it was told nothing about."""

from collections.abc import AsyncIterator
from typing import Any

import fastjsonschema
import openai
import pytest

from tests.fakes.calls import least
from tests.fakes.model import FakeModel

OBJECT: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "note", "parameters": OBJECT}}
CHOICE: dict[str, Any] = {"type": "function", "function": {"name": "note"}}
FORM: dict[str, Any] = {"type": "json_schema", "json_schema": {"name": "note", "schema": OBJECT, "strict": False}}


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    async with FakeModel() as fake, openai.AsyncOpenAI(api_key="any", base_url=fake.base_url, max_retries=0) as client:
        yield client


async def post(client: openai.AsyncOpenAI, body: dict[str, Any]) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | body
    return await client.post("/chat/completions", cast_to=object, body=body)


def function(**changes: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": TOOL["function"] | changes}]


@pytest.mark.parametrize(
    "body",
    [
        {"tools": []},
        {"tools": [TOOL["function"]]},
        {"tools": [TOOL | {"name": "note"}]},
        {"tools": function(name="two words")},
        {"tools": function(name="x" * 65)},
        {"tools": function(description="x" * 1025)},
        {"tools": function(schema=OBJECT)},
        {"tools": function(strict="no")},
        {"tools": function(parameters={"type": "array"})},
        {"tools": function(parameters={"type": "object", "properties": {"a": {"type": "text"}}})},
        {"tools": function(parameters=OBJECT, strict=True)},
        {"tools": [TOOL], "tool_choice": "note"},
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "note"}},
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}},
        {"tool_choice": CHOICE},
        {"response_format": "json"},
        {"response_format": {"type": "json_object"}},  # and no word of JSON
        {"response_format": {"type": "json_schema", "name": "note", "schema": OBJECT}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "note"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": OBJECT}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "note", "schema": {}}}},
    ],
    ids=str,
)
async def test_what_openai_would_refuse_is_refused(client: openai.AsyncOpenAI, body: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        await post(client, body)


async def test_a_forced_tool_is_called_with_the_least(client: openai.AsyncOpenAI) -> None:
    for choice in (CHOICE, "required"):
        message = (await post(client, {"tools": [TOOL], "tool_choice": choice}))["choices"][0]["message"]
        assert message["content"] is None
        [call] = message["tool_calls"]
        assert call == {"id": "call_fake", "type": "function", "function": {"name": "note", "arguments": '{"a": ""}'}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"response_format": FORM}, '{"a": ""}'),
        ({"response_format": {"type": "json_object"}, "messages": [{"role": "user", "content": "Any JSON."}]}, "{}"),
        ({"response_format": {"type": "text"}}, "You said: Hi"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "You said: Hi"),
        ({"tools": [TOOL]}, "You said: Hi"),
    ],
    ids=str,
)
async def test_what_need_not_call_is_answered_in_words(
    client: openai.AsyncOpenAI, body: dict[str, Any], said: str
) -> None:
    message = (await post(client, body))["choices"][0]["message"]
    assert message["content"] == said
    assert "tool_calls" not in message


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "string", "minLength": 3},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        {"type": "array"},
        {"type": "integer", "minimum": 3},
        {"type": "integer", "exclusiveMinimum": 3},
        {"type": "number", "maximum": -3},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["string", "null"]},
        {"enum": ["a", "b"]},
        {"const": 7},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "integer"}, {"type": "null"}]},
        {"properties": {"a": {"$ref": "#/$defs/b"}}, "required": ["a"], "$defs": {"b": {"enum": ["c"]}}},
        OBJECT | {"properties": {"a": OBJECT, "b": {"type": "integer"}}},
    ],
    ids=str,
)
def test_the_least_is_valid(schema: dict[str, Any]) -> None:
    fastjsonschema.validate(schema, least(schema))


async def test_what_it_refused_is_listed_too() -> None:
    odd: list[dict[str, Any]] = [{"tool_choice": {"type": "function"}}, {"response_format": "json"}, {"tools": 3}]
    async with FakeModel() as fake, openai.AsyncOpenAI(api_key="any", base_url=fake.base_url, max_retries=0) as client:
        for body in odd:
            with pytest.raises(openai.BadRequestError):
                await post(client, body)
        assert (len(fake.calls), len(fake.asked)) == (1, 2)

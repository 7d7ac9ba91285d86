"""What a model writes as arguments becomes clean and valid values, or nothing."""

import json
import logging
from typing import Any

import pytest

from bot.models.arguments import DEPTH, MOST, NoArguments, in_words, read
from bot.ports import Prompt, Said, Tool

SECRET = "my cat is called Wednesday"


def tool(properties: dict[str, Any] | None = None, **more: Any) -> Tool:
    return Tool("remember", "Note it.", {"type": "object", "properties": properties or {}, **more})


FACTS = tool({"facts": {"type": "array", "items": {"type": "string"}}}, required=["facts"], additionalProperties=False)
ANYTHING = tool()
NONE: dict[str, object] = {"facts": []}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('{"facts": ["a"]}', {"facts": ["a"]}),
        ({"facts": ["a"]}, {"facts": ["a"]}),
        (' \n{"facts": []}\n', {"facts": []}),
        ('```json\n{"facts": ["```"]}\n```', {"facts": ["```"]}),
        ('```\n{"facts": []}```\n', {"facts": []}),
        ('{"facts": ["a\\u0000b\\ud800"]}', {"facts": ["a\ufffdb?"]}),
        ({"facts": ["\udfff é \U0001f418"]}, {"facts": ["? é \U0001f418"]}),
        ('{"facts": ["\\ud83d\\udc18"]}', {"facts": ["\U0001f418"]}),
        ('<think>\nWhat about {"facts": ["no"]}?\n</think>\n{"facts": ["a"]}', {"facts": ["a"]}),
        ('They said a thing. {"facts": ["no"]}\n</think>\n\n{"facts": ["a"]}', {"facts": ["a"]}),
        ('<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{"facts": []}', NONE),
        ('Here is the JSON:\n\n```json\n{"facts": ["a"]}\n```\n\nLet me know!', {"facts": ["a"]}),
        ('Sure! {"facts": ["a"]} Anything else? {smile}', {"facts": ["a"]}),
        ('First I had {"facts": ["no"]}, but then: {"facts": ["a"]}', {"facts": ["a"]}),
        ('{"facts": []} {"facts": []}', NONE),
        (json.dumps('{"facts": ["a"]}'), {"facts": ["a"]}),
        (json.dumps(json.dumps('{"facts": ["a"]}')), {"facts": ["a"]}),
        ('The answer is "{\\"facts\\": [\\"a\\"]}".', {"facts": ["a"]}),
        ('{"facts": ["a", "b, ]",],}', {"facts": ["a", "b, ]"]}),
        ('{"facts": ["a\nb"]}', {"facts": ["a\nb"]}),
        ('["a"]', {"facts": ["a"]}),
        (["a"], {"facts": ["a"]}),
        ("[]", NONE),
        ('[{"facts": ["a"]}]', {"facts": ["a"]}),
        ('{"name": "remember", "arguments": {"facts": ["a"]}}', {"facts": ["a"]}),
        ('{"name": "remember", "parameters": "{\\"facts\\": [\\"a\\"]}"}', {"facts": ["a"]}),
        ('{"function": {"name": "remember", "arguments": {"facts": ["a"]}}}', {"facts": ["a"]}),
        ('{"remember": {"facts": ["a"]}}', {"facts": ["a"]}),
        ('<tool_call>\n{"name": "remember", "arguments": {"facts": ["a"]}}\n</tool_call>', {"facts": ["a"]}),
    ],
)
def test_what_is_valid_is_read_and_cleaned(said: object, found: object) -> None:
    assert read(said, FACTS) == found


def test_names_are_cleaned_too() -> None:
    assert read('{"a\\u0000": {"\\ud800": 1}}', ANYTHING) == {"a\ufffd": {"?": 1}}


@pytest.mark.parametrize(
    "said",
    [
        "",
        SECRET,
        "null",
        "```",
        "``````",
        '{"facts": ["a"]',
        'Here: {"facts": ["a"], "more": ["b',
        'First {"facts": ["a"]}, and then {"facts": ["b"',
        '["a"',
        '<think>{"facts": ["a"]}',
        '{"facts": [NaN]}',
        json.dumps(json.dumps(json.dumps(json.dumps('{"facts": []}')))),
        '{"name": "forget", "arguments": {"facts": ["a"]}}',
        [{"facts": []}, {"facts": []}],
        '{"facts": "a"}',
        '{"facts": [1]}',
        "{}",
        f'{{"facts": [], "{SECRET}": 1}}',
        None,
        3,
        {"facts": None},
    ],
    ids=repr,
)
def test_what_is_not_valid_is_refused_without_a_word_of_it(said: object) -> None:
    with pytest.raises(NoArguments) as caught:
        read(said, FACTS)
    told = logging.Formatter().formatException((type(caught.value), caught.value, caught.value.__traceback__))
    assert SECRET not in told


@pytest.mark.parametrize(
    "said",
    [
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        {"a": float("nan")},
        f'{{"a": {"9" * 5000}}}',
        f'{{"a": {"[" * DEPTH}{"]" * DEPTH}}}',
        f'{{"a": {"[" * 100_000}',
        '{"a":' * 30_000,
        json.dumps({"a": "x" * MOST}),
        {"a": "x" * MOST},
    ],
    ids=["nan", "infinity", "1e999", "a nan", "digits", "deep", "deeper", "deepest", "long", "a long one"],
)
def test_what_no_database_can_hold_is_refused_even_where_the_schema_allows_it(said: object) -> None:
    with pytest.raises(NoArguments):
        read(said, ANYTHING)


def test_what_a_schema_has_as_default_is_not_put_in_a_models_mouth() -> None:
    assert read("{}", tool({"a": {"type": "string", "default": "b"}})) == {}


def test_a_schema_that_is_none_is_our_own_mistake_and_not_the_models() -> None:
    with pytest.raises(ValueError, match="Unknown type"):
        read("{}", tool({"a": {"type": "text"}}))


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ([Said(None, "Be brief."), Said("user", "Hi")], 1),
        ([Said("user", "Hi", ("data:image/png;base64,AA==",)), Said("assistant", "Hello!")], 0),
        ([Said(None, "Be brief.")], 1),
        ([], 0),
    ],
)
def test_words_go_behind_the_last_thing_a_person_said(prompt: Prompt, place: int) -> None:
    lines = in_words(prompt, FACTS)
    before = prompt[place] if place < len(prompt) else Said("user", "")
    assert [line for number, line in enumerate(lines) if number != place] == [
        line for number, line in enumerate(prompt) if number != place
    ]
    assert (lines[place].role, lines[place].images) == ("user", before.images)
    assert lines[place].text.startswith(before.text)
    assert FACTS.description in lines[place].text
    assert json.loads(lines[place].text.rpartition("\n")[2]) == FACTS.parameters

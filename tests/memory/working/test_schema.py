"""A JSON schema decides what a page says; its leaves are fields, and updates are merged."""

import json
from typing import Any

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.models.arguments import read
from memory.working.page import Edit
from memory.working.schema import SchemaTemplate
from tests.memory.working.facts import facts, pieces, shown

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "person",
    "title": "Person",
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "description": "what to call them", "minLength": 2, "pattern": "^A"},
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 150, "default": None},
        "height": {"type": "number"},
        "member": {"type": "boolean"},
        "mood": {"enum": ["good", "bad", None]},
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string", "format": "city"}, "a/b~c": {"type": "string"}},
        },
        "interests": {"type": "array", "items": {"type": "string", "maxLength": 20}},
        "people": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "bornIn": {"type": "integer"}},
                "required": ["name"],
            },
        },
        "more": {"type": "object", "additionalProperties": True, "examples": [{}]},
    },
}
template = SchemaTemplate(json.dumps(SCHEMA))


def schema(**properties: Any) -> str:
    return json.dumps({"type": "object", "properties": properties})


def nested(depth: int) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": nested(depth - 1)}} if depth else {"type": "string"}


def test_each_leaf_is_a_field() -> None:
    assert template.fields == [
        *["/name", "/age", "/height", "/member", "/mood", "/address/city", "/address/a~1b~0c"],
        *["/interests", "/people", "/more"],
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"type": "object", }', "line 1 column "),
        ('{"type": "object", "properties": {"a": {"type": "number", "minimum": NaN}}}', "NaN is no JSON"),
        ('{"a": ' * 100_000, "is no JSON that can be read"),
        ("{}", "/ needs a type"),
        ('{"type": "object"}', "/ must be of type object and have properties"),
        ('{"type": "object", "properties": {}}', "/ must be of type object and have properties"),
        ('{"type": "array", "items": {"type": "string"}}', "/ must be of type object and have properties"),
        ('{"type": "object", "properties": [1]}', "/properties must be an object"),
        (schema(address={"oneOf": []}), "/properties/address/oneOf is not supported"),
        *((schema(a={"type": "string", name: 1}), f"/properties/a/{name} is not supported") for name in [
            "$ref", "anyOf", "allOf", "not", "patternProperties", "if", "then", "const", "prefixItems",
        ]),
        (schema(a={"type": "string", "x\ny": 1}), "/properties/a/x y is not supported"),
        (schema(**{"a/b": {"type": "string", "not": {}}}), "/properties/a~1b/not is not supported"),
        (schema(a={"type": "array", "items": [{"type": "string"}]}), "/properties/a/items must be a schema"),
        (schema(a={"type": "array", "items": {"$ref": "#"}}), "/properties/a/items/$ref is not supported"),
        (schema(a={"type": "array"}), "/properties/a needs items"),
        (schema(a=True), "/properties/a must be a schema"),
        (schema(a={"description": "?"}), "/properties/a needs a type"),
        (schema(a={"type": "text"}), "/properties/a/type must be one type"),
        (schema(a={"type": ["string", "number"]}), "/properties/a/type must be one type"),
        (schema(a={"type": 3}), "/properties/a/type must be one type"),
        (schema(a={"type": "string", "maxLength": "3"}), "/properties/a/maxLength must be a number"),
        (schema(a={"type": "string", "minLength": -1}), "/properties/a/minLength must be a whole number"),
        (schema(a={"type": "string", "enum": []}), "/properties/a/enum must be a list"),
        (schema(a={"type": "string", "enum": [[1]]}), "/properties/a/enum can list only"),
        (schema(a={"type": "string", "properties": {}}), "/properties/a/properties needs the type object"),
        (schema(a={"type": "string", "items": {}}), "/properties/a/items needs the type array"),
        (schema(a={"type": "object", "additionalProperties": {}}), "/properties/a/additionalProperties can only be"),
        (schema(a={"type": "string", "title": 1}), "/properties/a/title must be a string"),
        (schema(a=nested(5)), "is nested deeper than 5"),
        (schema(**{f"a{n}": {"type": "string"} for n in range(101)}), "/properties has 101 leaves"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_refused_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        SchemaTemplate(text)
    assert str(refused.value).startswith("WORKING_MEMORY_TEMPLATE: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_five_levels_and_a_hundred_leaves_are_taken() -> None:
    assert SchemaTemplate(schema(a=nested(4))).fields == ["/a/a/a/a/a"]
    assert len(SchemaTemplate(schema(**{f"a{n}": {"type": "string"} for n in range(100)})).fields) == 100


PERSON = """\
{
  "name": "Ana",
  "age": 42,
  "address": {
    "city": "São Paulo",
    "a/b~c": "x",
    "zip": "1000"
  },
  "interests": [
    "chess",
    "go"
  ],
  "people": [
    {
      "bornIn": 1990,
      "name": "Bob"
    }
  ],
  "shoes": {
    "size": [
      43,
      44
    ]
  }
}"""
PERSON_LINES = [
    ("/name", '"Ana"'),
    ("/age", "42"),
    ("/address/city", '"São Paulo"'),
    ("/address/a~1b~0c", '"x"'),
    ("/address/zip", '"1000"'),
    ("/interests", '"chess"'),
    ("/interests", '"go"'),
    ("/people", '{"bornIn":1990,"name":"Bob"}'),
    ("/shoes/size", "43"),
    ("/shoes/size", "44"),
]


def test_a_page_is_json_in_the_order_of_the_schema() -> None:
    later = [line for line in PERSON_LINES if line[0] in ("/address/zip", "/shoes/size")]
    mixed = [("/name", '"Anna"'), *later, *(line for line in PERSON_LINES if line not in later)]
    assert template.render(facts(mixed)) == PERSON
    assert template.lines(PERSON) == PERSON_LINES


def test_a_page_without_facts_is_empty() -> None:
    assert template.render([]) == ""


def test_what_the_schema_lacks_stays_where_it_does_not_clash() -> None:
    old = [("/address", '"Lisbon"'), ("/old", '{"a":1}'), ("/name/first", '"B"'), ("Goals", "to win"), ("/old/a", "2")]
    page = json.loads(template.render(facts([("/name", '"Ana"'), *old])))
    assert page == {"name": "Ana", "address": "Lisbon", "old": [{"a": 1}], "Goals": "to win"}
    assert ("/old", '{"a":1}') in template.lines(json.dumps(page))


elements = st.one_of(pieces, st.integers(-(2**40), 2**40), st.booleans(), st.floats(allow_nan=False))


def known(value: Any) -> list[str]:
    """The JSON text of a value as lines have it, if it says anything."""
    return [text for _, text in template.lines(json.dumps({"interests": [value]}))]


texts = elements.map(known).filter(bool).map(lambda found: found[0])
objects = st.dictionaries(pieces, elements, min_size=1, max_size=3).map(known).filter(bool).map(lambda found: found[0])


@given(
    st.dictionaries(st.sampled_from(["/name", "/age", "/address/city", "/address/a~1b~0c"]), texts),
    st.lists(st.tuples(st.sampled_from(["/interests", "/people", "/old", "/address/zip"]), texts | objects)),
    st.lists(objects, max_size=1),
)
def test_a_page_that_we_wrote_comes_back(
    single: dict[str, str], several: list[tuple[str, str]], more: list[str]
) -> None:
    pairs = [*single.items(), *several, *(("/more", one) for one in more)]
    page = template.render(facts(pairs))
    found = template.lines(page)
    for field in {field for field, _ in [*pairs, *found]}:
        assert [pair for pair in found if pair[0] == field] == [pair for pair in pairs if pair[0] == field]


json_values = st.recursive(
    st.none() | elements | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SCHEMA["properties"], "x"]) | pieces, inner)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_page_can_be_read_and_rendered(value: Any) -> None:
    found = template.lines(json.dumps(value))
    assert all(len(text) <= 500 and "\n" not in text for _, text in found)
    template.render(facts(found))


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("", []),
        ("# Bob\n\n- likes tea\n- N/A", [("", "Bob"), ("", "likes tea")]),
        ('["a"]', []),
        ("42", [("", "42")]),
        ('{"name": null, "age": "", "interests": [null, " ", "a\\nb"]}', [("/interests", '"a b"')]),
        ('{"age": 42.0, "height": 1.5, "member": false}', [("/age", "42"), ("/height", "1.5"), ("/member", "false")]),
        ('{"interests": "chess", "name": ["a", "b"]}', [("/interests", '"chess"'), ("/name", '"a"'), ("/name", '"b"')]),
        ('{"more": {"b": 1, "a": [true]}}', [("/more", '{"a":[true],"b":1}')]),
        ('{"x": {"y~/": {}, "z": NaN, "w": 1e999}}', []),
        ('{"name": "\\ud800\\u0000\\u202e"}', [("/name", '"?\ufffd"')]),
        ('{"people": [["a"]]}', [("/people", '["a"]')]),
        (json.dumps({"x" * 300: 1, "y": ["z" * 400] * 2}), [("/y", json.dumps("z" * 400))] * 2),
        (json.dumps({"y": [["z" * 400] * 2]}), []),
    ],
)
def test_pages_of_others_are_read(page: str, lines: list[tuple[str, str]]) -> None:
    assert template.lines(page) == lines


@pytest.mark.parametrize("text", ["x" * 1000, '"' * 1000, "\\" * 1000])
def test_a_long_text_is_cut(text: str) -> None:
    [(_, value)] = template.lines(json.dumps({"name": text}))
    assert 400 <= len(value) <= 500
    assert json.loads(value).endswith("…")


def test_a_page_nested_too_deeply_is_harmless() -> None:
    template.lines('{"a":' * 5000 + "1" + "}" * 5000)
    template.lines('{"a":' * 300 + "1" + "}" * 300)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("/address/city", '"Lisbon"', "address city: Lisbon"),
        ("/homeTown", '"a\\n- b"', "home town: a - b"),
        ("/favourite_URLs", '["a","b"]', "favourite urls: a, b"),
        ("/people", '{"bornIn":1990,"name":"Bob"}', "people: born in: 1990, name: Bob"),
        ("/a~1b", "true", "a/b: true"),
        ("Goals", "to win", "goals: to win"),
        ("", "likes tea", "likes tea"),
        ("/mood", '"none"', "mood: none"),
    ],
)
def test_a_line_is_told_in_words(field: str, value: str, told: str) -> None:
    assert template.told(field, value) == told


def test_the_tool_takes_parts_and_nulls_and_is_bounded() -> None:
    assert template.tool.name == "update_working_memory"
    assert len(template.tool.description) < 1024
    valid = fastjsonschema.compile(json.loads(json.dumps(template.tool.parameters)))
    one = {"message": 1, "quote": "x"}
    for update in (
        {},
        {"name": None, "age": None, "mood": None, "address": None, "interests": None, "people": None, "more": None},
        {"name": "Bo", "age": 3, "address": {"city": None}, "interests": [], "people": [{}], "more": {"a": "b"}},
    ):
        valid({"updates": [{**one, "update": update}], "forget": ["/name"]})
    for wrong in (
        *[{"x": 1}, {"address": {"x": 1}}, {"age": "3"}, {"age": 151}, {"mood": "so"}, {"name": "x" * 201}, None],
        *[{"interests": ["x" * 21]}, {"interests": ["x"] * 51}, {"people": [{"x": 1}]}, {"more": {"a": {}}}],
    ):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            valid({"updates": [{**one, "update": wrong}]})


WRONG: list[object] = [None, [], "x"]
SHOWN = shown(
    [
        ("/name", '"Ana"'),
        ("/address/city", '"Porto"'),
        ("/address/zip", '"1000"'),
        ("/interests", '"chess"'),
        ("/interests", '"go"'),
        ("/people", '{"bornIn":1990,"name":"Bob"}'),
        ("Goals", "to win"),
    ]
)


def edit(field: str, value: str | None, *replaces: int) -> Edit:
    return Edit(field, value, 3, "so", replaces)


@pytest.mark.parametrize(
    ("update", "edits"),
    [
        ({"name": "Anna"}, [edit("/name", '"Anna"', 1)]),
        ({"name": "Ana", "age": 42}, [edit("/age", "42")]),
        ({"name": " An\na\u200b "}, [edit("/name", '"An a"', 1)]),
        ({"name": None, "age": None}, [edit("/name", None, 1)]),
        ({"name": " "}, [edit("/name", None, 1)]),
        ({"address": {"city": "Lisbon"}}, [edit("/address/city", '"Lisbon"', 2)]),
        ({"address": None}, [edit("/address", None, 2, 3)]),
        ({"address": {"a/b~c": "x"}}, [edit("/address/a~1b~0c", '"x"')]),
        ({"interests": ["go", "tea", "tea"]}, [edit("/interests", '"tea"'), edit("/interests", None, 4)]),
        ({"interests": []}, [edit("/interests", None, 4, 5)]),
        ({"interests": None}, [edit("/interests", None, 4, 5)]),
        ({"interests": ["go", 3, "chess"]}, []),
        ({"people": [{"name": "Bob", "bornIn": 1990}]}, []),
        (
            {"people": [{"name": "Eve", "bornIn": None}]},
            [edit("/people", '{"name":"Eve"}'), edit("/people", None, 6)],
        ),
        ({"more": {"b": 1, "a": True}}, [edit("/more", '{"a":true,"b":1}')]),
        ({"mood": "good", "member": False, "height": 1.5}, [
            edit("/height", "1.5"), edit("/member", "false"), edit("/mood", '"good"')
        ]),
        ({"age": 42.0}, [edit("/age", "42")]),
        *(({name: wrong}, []) for name, wrong in [
            ("x", 1), ("name", 3), ("name", "A"), ("age", "42"), ("age", True), ("age", 151), ("mood", "so"),
            ("member", 1), ("address", "Lisbon"), ("address", {"x": 1}), ("interests", "chess"), ("interests", [3]),
            ("people", [{"x": 1}]), ("people", ["Bob"]), ("more", {"a": {}}), ("more", []), ("name", {1, 2}),
            ("height", float("nan")),
        ]),
    ],
)  # fmt: skip
def test_an_update_is_merged(update: Any, edits: list[Edit]) -> None:
    assert template.edits({"updates": [{"message": 3, "quote": "so", "update": update}]}, SHOWN) == edits


def test_a_later_update_goes_before_an_earlier_one() -> None:
    updates = [
        {
            "message": 1,
            "quote": "a",
            "update": {"name": "Anna", "address": {"city": "Lisbon"}, "interests": ["tea", "x"]},
        },
        {
            "message": 3,
            "quote": "so",
            "update": {"name": "Ana", "address": None, "interests": ["chess", "go", "tea", "y"]},
        },
    ]
    assert template.edits({"updates": updates}, SHOWN) == [
        edit("/address", None, 2, 3),
        Edit("/interests", '"tea"', 1, "a"),
        edit("/interests", '"y"'),
    ]


@pytest.mark.parametrize(
    ("pointer", "field", "lines"),
    [
        ("/name", "/name", (1,)),
        ("name", "/name", (1,)),
        ("/address", "/address", (2, 3)),
        ("/interests", "/interests", (4, 5)),
        ("/interests/1", "/interests", (5,)),
        ("/Goals", "/Goals", (7,)),
        ("", "", (1, 2, 3, 4, 5, 6, 7)),
    ],
)
def test_what_the_person_wants_forgotten_goes_for_good(pointer: str, field: str, lines: tuple[int, ...]) -> None:
    assert template.edits({"forget": [pointer]}, SHOWN) == [Edit(field, None, replaces=lines, forget=True)]


@pytest.mark.parametrize("pointer", ["/age", "/interests/2", "/interests/-1", "/interests/x", "/nam", "/", 3, None])
def test_there_is_nothing_to_forget_where_nothing_is(pointer: object) -> None:
    assert template.edits({"forget": [pointer]}, SHOWN) == []


@pytest.mark.parametrize(
    "update",
    [
        *[None, [], "x", {}, {"message": 3, "quote": "so"}],
        *[{"message": 3, "quote": "so", "update": wrong} for wrong in WRONG],
        *[{"message": wrong, "quote": "so", "update": {"age": 3}} for wrong in (None, "3", True, 1.5)],
        *[{"message": 3, "quote": wrong, "update": {"age": 3}} for wrong in (None, 3)],
    ],
)
def test_what_cannot_be_used_is_left_out(update: object) -> None:
    assert template.edits({"updates": [update]}, SHOWN) == []


@pytest.mark.parametrize("arguments", [{}, {"updates": None, "forget": None}, {"updates": "x", "forget": {}}])
def test_no_updates_are_no_edits(arguments: dict[str, object]) -> None:
    assert template.edits(arguments, SHOWN) == []


@given(json_values)
def test_whatever_comes_is_no_error(value: Any) -> None:
    one = {"message": 3, "quote": "so", "update": value}
    for found in template.edits({"updates": [one, value], "forget": [value]}, SHOWN):
        assert found.field in template.fields or found.value is None
        assert set(found.replaces) <= set(SHOWN)


def test_what_the_tool_lets_through_is_used() -> None:
    update = {"name": "Anna", "interests": ["tea"], "people": [{"name": "Bob", "bornIn": None}]}
    arguments = read(json.dumps({"updates": [{"message": 3, "quote": "so", "update": update}]}), template.tool)
    assert [found.field for found in template.edits(arguments, SHOWN)] == [
        *["/name", "/interests", "/interests", "/people", "/people"]
    ]


@pytest.mark.parametrize(
    ("field", "typed", "value"),
    [
        ("/name", "Ana", '"Ana"'),
        ("/name", "42", '"42"'),
        ("/age", "42", "42"),
        ("/age", "forty", None),
        ("/mood", "good", '"good"'),
        ("/mood", "so so", None),
        ("/member", "true", "true"),
        ("/interests", "tea", '"tea"'),
        ("/people", '{"name": "Bob"}', '{"name":"Bob"}'),
        ("/people", "Bob", None),
        ("/gone", "tea", '"tea"'),
        ("/name", " ", None),
    ],
)
def test_what_a_person_types_becomes_json_that_fits(field: str, typed: str, value: str | None) -> None:
    assert template.value(field, typed) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [("/name", '"Ana \\"Ann\\" Silva"'), ("/age", "42"), ("/member", "true"), ("/people", '{"name":"Bob"}')],
)
def test_what_a_person_is_given_to_correct_reads_the_same_when_it_comes_back(field: str, value: str) -> None:
    assert template.value(field, template.typed(value)) == value
    assert not template.typed(value).startswith('"')

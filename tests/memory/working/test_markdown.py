"""A template in Markdown decides what a page says, and reads pages that others wrote."""

import json

import fastjsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SettingsError
from memory.working.markdown import MarkdownTemplate
from memory.working.page import Edit
from tests.memory.working.facts import facts, pieces, shown, values

MASTRA = """\
# User Information
- **First Name**:
- **Last Name**:
- **Location**:
- **Occupation**:
- **Interests**:
- **Goals**:
- **Events**:
- **Facts**:
- **Projects**:
"""

PROFILE = """\
# User Profile

<!-- Filled in by the assistant.
- **Comment**: is no field -->

## Personal Info

- Name:
- Location: city, country
- Timezone: [e.g. Europe/Lisbon]

## Preferences

- **Communication Style:** [e.g., Formal, Casual]
- Key Deadlines:
  - [Deadline 1]: [Date]
  - [Deadline 2]: [Date]

## Session State

Only what is open.

- Open Questions:
  - [Question 1]
    - why

## Pets

-
- [name]: [kind]

## Never

Never: passwords, and `keys`.
- whatever others say

## Books
"""

mastra, profile = MarkdownTemplate(MASTRA), MarkdownTemplate(PROFILE)


def test_mastras_own_template_has_its_fields() -> None:
    assert mastra.fields == [
        *["First Name", "Last Name", "Location", "Occupation", "Interests", "Goals", "Events", "Facts", "Projects"]
    ]
    assert mastra.text == MASTRA


def test_sections_hints_comments_and_prose_are_told_from_fields() -> None:
    assert profile.fields == [
        *["Name", "Location", "Timezone", "Communication Style", "Key Deadlines", "Open Questions", "Pets", "Books"]
    ]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("- Name:", ["Name"]),
        ("* **Name**: hint", ["Name"]),
        ("+ **Name:** hint", ["Name"]),
        ("- **Time: zone**: hint", ["Time: zone"]),
        ("- Ort：Stadt", ["Ort"]),
        ("Remember:\n- Name: x\n- Age: y", ["Name", "Age"]),
        ("# Name\n# Age", ["Name", "Age"]),
        ("# About\n## Name\n## Age", ["Name", "Age"]),
        ("# About\n---\n- Name:", ["Name"]),
        ("## **Goals:** ##\n- <goal>", ["Goals"]),
        ("- Name: what\n  they are called: always", ["Name"]),
        ("- Name:\n- see https://example.org\n- no label\n- Never do this. Really: never", ["Name"]),
        ("```\n- Name:\n```", ["Name"]),
    ],
)
def test_bullets_with_a_label_and_empty_headings_are_fields(text: str, fields: list[str]) -> None:
    assert MarkdownTemplate(text).fields == fields


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Title\nprose", "no field"),
        ("", "no field"),
        ("- Name:\n\n- **name**: again", "line 3: the label 'name' stands in line 1 already"),
        ("## Name\n## NAME", "line 2: the label 'NAME' stands in line 1 already"),
        ("\n- " + "x" * 61 + ":", "line 2: a label over 60 characters"),
        ("\n".join(f"- a{n}:" for n in range(61)), "61 fields"),
        ("- Name: " + "é" * 10_000, "longer than 20 kB"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        MarkdownTemplate(text)
    assert str(refused.value).startswith("WORKING_MEMORY_TEMPLATE: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_page_follows_the_template_without_its_hints() -> None:
    page = profile.render(
        facts(
            [
                ("Shoe size", "43"),
                ("Pets", "Tom: a cat"),
                ("Key Deadlines", "Tax: 15 April"),
                ("name", "Ana"),
                ("Key Deadlines", "Thesis: 1 May"),
                ("Shoe size", "44 in winter"),
            ]
        )
    )
    assert page == (
        "# User Profile\n\n## Personal Info\n- **Name**: Ana\n- **Location**:\n- **Timezone**:\n\n"
        "## Preferences\n- **Communication Style**:\n- **Key Deadlines**:\n  - Tax: 15 April\n  - Thesis: 1 May\n\n"
        "## Session State\n- **Open Questions**:\n\n## Pets\n- Tom: a cat\n\n## Never\n\n## Books\n\n---\n"
        "- **Shoe size**: 43\n- **Shoe size**: 44 in winter\n"
    )


def test_a_page_without_facts_is_empty() -> None:
    assert mastra.render([]) == ""
    assert mastra.lines("") == []


@pytest.mark.parametrize("template", [mastra, profile], ids=["mastra", "profile"])
def test_an_empty_template_says_nothing(template: MarkdownTemplate) -> None:
    assert template.lines(template.text) == []


@given(
    st.lists(st.tuples(st.sampled_from([*profile.fields, "Old field", "/address/city", "Größe \U0001f4cf"]), values))
)
def test_a_page_that_we_wrote_comes_back(pairs: list[tuple[str, str]]) -> None:
    order = [*profile.fields, *dict.fromkeys(field for field, _ in pairs if field not in profile.fields)]
    assert profile.lines(profile.render(facts(pairs))) == sorted(pairs, key=lambda pair: order.index(pair[0]))


@given(st.lists(st.tuples(st.sampled_from([*mastra.fields, "Old field"]), values)))
def test_a_page_of_bullets_that_we_wrote_comes_back(pairs: list[tuple[str, str]]) -> None:
    order = [*mastra.fields, "Old field"]
    assert mastra.lines(mastra.render(facts(pairs))) == sorted(pairs, key=lambda pair: order.index(pair[0]))


@given(st.lists(pieces).map("\n".join))
def test_any_page_can_be_read_and_settles(page: str) -> None:
    once = profile.lines(page)
    again = profile.lines(profile.render(facts(once)))
    assert sorted(again) == sorted(once)


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("- **Location**: Lisbon", [("Location", "Lisbon")]),
        ("- location: Lisbon", [("Location", "Lisbon")]),
        ("LOCATION: Lisbon", [("Location", "Lisbon")]),
        ("**Location:** Lisbon", [("Location", "Lisbon")]),
        ("* __Location__: Lisbon", [("Location", "Lisbon")]),
        ("- *Location*: Lisbon", [("Location", "Lisbon")]),
        ("1. Location：Lisbon", [("Location", "Lisbon")]),
        ("```markdown\n# User Information\n- **Location**: Lisbon\n```", [("Location", "Lisbon")]),
        ("- **First Name**: [name]\n- **Goals**: N/A\n- **Events**: -\n- **Facts**: None", []),
        ("- **Location**:\n  Lisbon,\n  Portugal", [("Location", "Lisbon, Portugal")]),
        ("## Interests\n- chess\n- music: jazz\n", [("Interests", "chess"), ("Interests", "music: jazz")]),
        (
            "## Interests\n- **Music**: jazz\n- **Location**: Lisbon",
            [("Interests", "Music: jazz"), ("Location", "Lisbon")],
        ),
        ("Interests:\n- chess\n- go", [("Interests", "chess"), ("Interests", "go")]),
        ("- **Interests**\n  - chess", [("Interests", "chess")]),
        (
            "- **Interests**: many\n  - chess\n    - blitz",
            [("Interests", "many"), ("Interests", "chess"), ("Interests", "blitz")],
        ),
        (
            "- Projects:\n  - Hathi:\n    - due: June\n    - in: Python",
            [("Projects", "Hathi: due: June"), ("Projects", "Hathi: in: Python")],
        ),
        ("- Personal:\n  - First name: Bob\n  - likes cats", [("First Name", "Bob"), ("Personal", "likes cats")]),
        ("First Name:\nLocation: Lisbon", [("Location", "Lisbon")]),
        ("- Favourite colour: blue", [("Favourite colour", "blue")]),
        ("## Pets\n- Tom, a cat\n- Age: 3", [("Pets", "Tom, a cat"), ("Pets", "Age: 3")]),
        ("# Bob\n- Location: Lisbon\nHe likes tea.", [("Location", "Lisbon"), ("Facts", "He likes tea.")]),
        (
            "She said: hello, and left.\nMeets at 10:30.",
            [("She said", "hello, and left."), ("Facts", "Meets at 10:30.")],
        ),
        ("This is a long beginning of a thing: really", [("Facts", "This is a long beginning of a thing: really")]),
        ("Here is what I know so far:\n- **Location**: Lisbon", [("Location", "Lisbon")]),
        ("<!-- a\nb -->\n- **Location**: Lisbon", [("Location", "Lisbon")]),
        ("see https://x.org/a", [("Facts", "see https://x.org/a")]),
    ],
)
def test_pages_in_free_style_are_read(page: str, lines: list[tuple[str, str]]) -> None:
    assert mastra.lines(page) == lines


def test_what_a_model_copies_from_the_template_is_no_fact() -> None:
    page = PROFILE.replace("- Name:", "- Name: Ana").replace("[e.g. Europe/Lisbon]", "e.g. europe/lisbon")
    page = page.replace("- Location: city, country", "- **Location**: City, country")
    assert profile.lines(page) == [("Name", "Ana")]


def test_words_without_a_label_go_to_the_last_field_where_there_are_no_facts() -> None:
    assert profile.lines("Likes tea.") == [("Books", "Likes tea.")]


def test_a_line_is_told_with_its_label() -> None:
    assert mastra.told("Location", "Lisbon") == "Location: Lisbon"


def test_the_tool_is_bounded_and_names_the_fields() -> None:
    assert mastra.tool.name == "update_working_memory"
    assert len(mastra.tool.description) < 1024
    valid = fastjsonschema.compile(json.loads(json.dumps(mastra.tool.parameters)))
    edit = {"field": "Location", "value": "", "message": 1, "quote": "I moved"}
    valid({"edits": [edit, {**edit, "replaces": [1], "forget": True}]})
    for wrong in ({"field": "Age"}, {"value": "x" * 201}, {"message": "1"}, {"quote": None}, {"more": 1}):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            valid({"edits": [{**edit, **wrong}]})


EDIT = {"field": "location", "value": "- **Lisbon**\n", "message": 2, "quote": "I live in Lisbon"}
READ = Edit("Location", "Lisbon", 2, "I live in Lisbon")
WRONG: list[object] = [None, [], {}, True]
SHOWN = shown([("Location", "Porto"), ("Goals", "win")])


@pytest.mark.parametrize(
    ("edit", "read"),
    [
        (EDIT, READ),
        ({**EDIT, "replaces": [1, 7, 1, "2", True, 2.0]}, Edit("Location", "Lisbon", 2, READ.quote, (1, 2))),
        ({**EDIT, "replaces": "1"}, READ),
        ({**EDIT, "message": 2.0}, READ),
        ({**EDIT, "value": "", "replaces": [1]}, Edit("Location", None, 2, READ.quote, (1,))),
        ({**EDIT, "value": "N/A", "replaces": [1]}, Edit("Location", None, 2, READ.quote, (1,))),
        ({**EDIT, "forget": True, "replaces": [1]}, Edit("Location", None, 2, READ.quote, (1,), True)),
        ({**EDIT, "forget": "yes"}, READ),
    ],
)
def test_what_a_model_wants_is_read(edit: object, read: Edit) -> None:
    assert mastra.edits({"edits": [edit]}, SHOWN) == [read]


@pytest.mark.parametrize(
    "edit",
    [
        *[None, [], "x", {}],
        *({**EDIT, name: wrong} for name in EDIT for wrong in WRONG),
        {**EDIT, "field": "Age"},
        {**EDIT, "value": ""},
        {**EDIT, "forget": True},
        {**EDIT, "value": "", "replaces": [7]},
    ],
)
def test_what_cannot_be_used_is_left_out(edit: object) -> None:
    assert mastra.edits({"edits": [edit, EDIT]}, SHOWN) == [READ]


def test_a_hint_is_no_value() -> None:
    edit = {**EDIT, "value": "City, country"}
    assert profile.edits({"edits": [edit]}, {}) == []


@pytest.mark.parametrize("arguments", [{}, {"edits": None}, {"edits": {}}, {"edits": "x"}])
def test_no_edits_are_no_edits(arguments: dict[str, object]) -> None:
    assert mastra.edits(arguments, SHOWN) == []


def test_no_more_than_twenty_edits_are_read() -> None:
    assert len(mastra.edits({"edits": [EDIT] * 30}, SHOWN)) == 20


@pytest.mark.parametrize(
    ("typed", "value"),
    [("Porto", "Porto"), ("  # Porto\n- Faro ", "Porto - Faro"), ("city, country", None), ("", None), ("[x]", None)],
)
def test_what_a_person_types_may_stand_on_a_line(typed: str, value: str | None) -> None:
    assert profile.value("Location", typed) == value

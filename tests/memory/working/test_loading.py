"""The operator's template is read from a file, or the built-in one is taken."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from memory.working.loading import read_template
from memory.working.markdown import MarkdownTemplate
from memory.working.schema import SchemaTemplate


def test_without_a_file_the_built_in_template_is_taken() -> None:
    template = read_template(None)
    assert template.fields == [
        *[
            "Name",
            "Location",
            "Occupation",
            "Interests",
            "Preferences",
            "Projects",
            "Goals",
            "Events",
            "People",
            "Facts",
        ]
    ]
    assert template.lines(template.text) == []
    assert "Never: passwords" in template.text
    assert template.lines("Likes tea.") == [("Facts", "Likes tea.")]


@pytest.mark.parametrize(
    ("content", "kind", "fields"),
    [
        (b"- Name:\n", MarkdownTemplate, ["Name"]),
        (b"\xef\xbb\xbf- Name:\r\n- Age:\r\n", MarkdownTemplate, ["Name", "Age"]),
        (b'\n {"type": "object", "properties": {"name": {"type": "string"}}}', SchemaTemplate, ["/name"]),
    ],
)
def test_a_file_is_a_schema_if_it_begins_with_a_brace(
    tmp_path: Path, content: bytes, kind: type, fields: list[str]
) -> None:
    file = tmp_path / "template"
    file.write_bytes(content)
    template = read_template(file)
    assert isinstance(template, kind)
    assert template.fields == fields


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfe", "cannot be read: it is not UTF-8"),
        (b" \n\0", "is empty"),
        (b"# Title\nprose", "no field"),
        (b"\n\n- A:\n- a:", "line 4: "),
        (b'\n{"type": "object",\n  "properties" {}}', "line 3 column 16 is no JSON: "),
        (b'{"$ref": "#/x"}', "/$ref is not supported"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, content: bytes | None, problem: str) -> None:
    file = tmp_path / "template"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read_template(file)
    assert str(refused.value).startswith("WORKING_MEMORY_TEMPLATE: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_is_no_template(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_template(tmp_path)

"""The operator's template of working memory, or the built-in one."""

from pathlib import Path

from bot.settings import read_file
from memory.working.markdown import MarkdownTemplate
from memory.working.page import Template
from memory.working.schema import SchemaTemplate


def read_template(path: Path | None) -> Template:
    """The template in a file: a JSON schema if it begins with `{`, else Markdown. Raises SettingsError."""
    text = read_file("WORKING_MEMORY_TEMPLATE", path or Path(__file__).with_name("template.md"))
    return SchemaTemplate(text) if text.lstrip().startswith("{") else MarkdownTemplate(text)

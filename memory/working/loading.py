"""The operator's template of working memory, or the built-in one."""

from pathlib import Path

from bot.errors import SettingsError
from memory.working.markdown import MarkdownTemplate
from memory.working.page import Template
from memory.working.schema import SchemaTemplate


def read_template(path: Path | None) -> Template:
    """The template in a file: a JSON schema if it begins with `{`, else Markdown. Raises SettingsError."""
    path = path or Path(__file__).with_name("template.md")
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\0", "").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"WORKING_MEMORY_TEMPLATE: {path} cannot be read: {reason}") from error
    if not text:
        raise SettingsError(f"WORKING_MEMORY_TEMPLATE: {path} is empty")
    return SchemaTemplate(text) if text.lstrip().startswith("{") else MarkdownTemplate(text)

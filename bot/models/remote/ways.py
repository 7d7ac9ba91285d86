"""The ways of making a model call a tool, and how servers say that they do not go one."""

import re

import openai

from bot.errors import KeyRefused, PromptTooLong
from bot.models.remote.errors import refusal_of, status_of
from bot.models.remote.refusals import IN_STREAM, kind
from bot.models.remote.request import Way

# The next way where a server does not go one, and how it says so. Statuses are as various as the words: Ollama 400
# ("does not support tools"), OpenRouter 404 ("No endpoints found that support tool use"), llama.cpp 500 ("tools param
# requires --jinja flag"), DeepSeek 400 ("Thinking mode does not support this tool_choice"; and it has no json_schema:
# "This response_format type is unavailable now").
FURTHER = {
    Way.TOOL: (Way.SCHEMA, re.compile(r"tool|function.?call|grammar", re.IGNORECASE)),
    Way.SCHEMA: (Way.JSON, re.compile(r"response.?format|json.?schema|structured.?output|grammar", re.IGNORECASE)),
}
_TURNED_DOWN = {IN_STREAM, 400, 404, 422, 500, 501}


def turned_down(error: openai.APIError, way: Way) -> bool:
    """Whether a server says that it does not know this way of calling, or not for this model."""
    status = status_of(error)
    if way not in FURTHER or status not in _TURNED_DOWN:
        return False
    refusal = refusal_of(error)
    if issubclass(kind(refusal), PromptTooLong | KeyRefused):
        return False
    _, words = FURTHER[way]
    return words.search(refusal.message) is not None

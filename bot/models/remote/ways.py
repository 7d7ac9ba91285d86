"""The ways of making a model call a tool, and how servers say that they do not go one."""

import re

import openai

from bot.errors import KeyRefused, PromptTooLong
from bot.models.remote.errors import IN_STREAM, kind_of, status_of
from bot.models.remote.request import Way
from bot.models.remote.response import mapping

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
    if kind_of(error, status, error.code or "") in {PromptTooLong, KeyRefused}:
        return False
    body = mapping(error.body)
    passed_on = mapping(body.get("metadata")).get("raw")  # OpenRouter's: what the provider behind it said
    _, words = FURTHER[way]
    return words.search(f"{body.get('message') or error.message} {passed_on}") is not None

"""Servers that are strict where OpenAI's is not, each with a rule that it enforces and its own way of saying so.

`fake.strict = [SERVERS["Qwen 3.x in llama.cpp"]]` makes a FakeModel one of them. The words are those of public reports.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

Body = dict[str, Any]  # JSON as it came
Rule = Callable[[Body], bool]  # whether a request breaks it
Envelope = Callable[[str], tuple[int, object]]  # status and body, for a message


@dataclass(frozen=True)
class Strict:
    """A server with one rule."""

    breaks: Rule
    says: str
    put: Envelope

    def refusal(self, body: Body) -> web.Response | None:
        """What it answers to a request that breaks its rule; None to all others."""
        if not self.breaks(body):
            return None
        status, answer = self.put(self.says)
        if isinstance(answer, str):
            return web.Response(status=status, text=answer)
        return web.json_response(answer, status=status)


# ---- rules


def late_system(body: Body) -> bool:
    return "system" in roles(body)[1:]


def any_system(body: Body) -> bool:
    return "system" in roles(body)


def no_turns(body: Body) -> bool:
    """Whether user and assistant do not take turns after a system message; Mistral's and Gemma's templates."""
    said = roles(body)
    said = said[1:] if said[:1] == ["system"] else said
    turns = [role for role, message in zip(said, messages(body)[-len(said) :], strict=True) if not _of_tools(message)]
    return turns != [("user", "assistant")[place % 2] for place in range(len(turns))] or said[-1] == "assistant"


def no_turns_at_all(body: Body) -> bool:
    """The same of a template that counts a system message too: Mistral 7B."""
    return any_system(body) or no_turns(body)


def no_turns_or_tools(body: Body) -> bool:
    """The same of a template that counts what tools bring too: Gemma 3."""
    return no_turns(body) or any(_of_tools(message) for message in messages(body))


def assistant_last(body: Body) -> bool:
    return roles(body)[-1] == "assistant"


def assistant_first(body: Body) -> bool:
    return [role for role in roles(body) if role != "system"][:1] == ["assistant"]


def tool_role(body: Body) -> bool:
    return "tool" in roles(body)


def pictures(body: Body) -> bool:
    return any(part["type"] == "image_url" for message in messages(body) for part in _parts(message))


def parts(body: Body) -> bool:
    return any(_parts(message) for message in messages(body))


def cache_marks(body: Body) -> bool:
    return any("cache_control" in part for message in messages(body) for part in _parts(message))


def has(*fields: str) -> Rule:
    """Whether one of these fields is in the body."""
    return lambda body: any(field in body for field in fields)


def forced(body: Body) -> bool:
    return isinstance(body.get("tool_choice"), dict)


def form(kind: str) -> Rule:
    return lambda body: (body.get("response_format") or {}).get("type") == kind


def messages(body: Body) -> list[Body]:
    return list(body["messages"])


def roles(body: Body) -> list[str]:
    return [message["role"] for message in messages(body)]


def _parts(message: Body) -> Sequence[Body]:
    return message["content"] if isinstance(message["content"], list) else ()


def _of_tools(message: Body) -> bool:
    return message["role"] == "tool" or "tool_calls" in message


# ---- envelopes


def openai(status: int = 400, **more: object) -> Envelope:
    return lambda says: (
        status,
        {"error": {"message": says, "type": "invalid_request_error", "param": None, "code": None} | more},
    )


def llama_cpp(status: int = 500) -> Envelope:
    """llama.cpp's, with the place in the template where it was raised."""
    kind = "server_error" if status >= 500 else "invalid_request_error"

    def put(says: str) -> tuple[int, object]:
        where = (
            f"While executing CallExpression at line 85, column 32 in source:\n...{{{{- raise_exception('{says[:40]}..."
        )
        message = f"\n------------\n{where}\n                     ^\nError: Jinja Exception: {says}"
        return status, {"error": {"code": status, "message": message, "type": kind}}

    return put


def vllm(status: int = 400) -> Envelope:
    return lambda says: (
        status,
        {"object": "error", "message": f"{says} {says}", "type": "BadRequestError", "param": None, "code": status},
    )


def openrouter(status: int = 400, *, nested: bool = True) -> Envelope:
    """OpenRouter's: what the provider behind it said is passed on raw."""

    def put(says: str) -> tuple[int, object]:
        raw = json.dumps({"object": "error", "message": says, "code": "3230"}) if nested else says
        error = {"message": "Provider returned error", "code": status}
        return status, {"error": error | {"metadata": {"raw": raw, "provider_name": "Mistral"}}}

    return put


def fastapi(field: str) -> Envelope:
    """FastAPI's validation, which repeats what was sent."""
    return lambda says: (
        422,
        {"detail": [{"type": "extra_forbidden", "loc": ["body", field], "msg": says, "input": "what was sent"}]},
    )


def text(status: int) -> Envelope:
    return lambda says: (status, says)


# ---- servers

_ALTERNATE = "Conversation roles must alternate user/assistant/user/assistant/..."
_AFTER = (
    "After the optional system message, conversation roles must alternate user and assistant roles except for tool "
    "calls and results."
)
_BEGINNING = "System message must be at the beginning."
_EXTRA = "Extra inputs are not permitted"

SERVERS: Mapping[str, Strict] = {
    # No system message after the first.
    "Qwen 3.x in llama.cpp": Strict(late_system, _BEGINNING, llama_cpp(500)),
    "Qwen 3.x in a later llama.cpp": Strict(late_system, _BEGINNING, llama_cpp(400)),
    "Qwen 3.x in vLLM": Strict(late_system, _BEGINNING, vllm()),
    "Qwen 3.x in Ollama": Strict(late_system, f"Jinja Exception: {_BEGINNING}", openai(500, type="api_error")),
    "Qwen 3.x by OpenRouter": Strict(late_system, _BEGINNING, openrouter()),
    "system first": Strict(late_system, "The system message must come first in the conversation", openai(422)),
    "only the first": Strict(late_system, "Only the first message can have the role system", openai()),
    "one system": Strict(late_system, "Multiple system messages are not supported", openai()),
    "Mistral's API, system": Strict(late_system, "Unexpected role 'system' after role 'assistant'", openai(422)),
    # Strict turns.
    "Gemma in vLLM": Strict(no_turns, _ALTERNATE, vllm()),
    "Gemma in llama.cpp": Strict(no_turns, _ALTERNATE, llama_cpp(500)),
    "Mistral 3 in llama.cpp": Strict(no_turns, _AFTER, llama_cpp(500)),
    "Mistral 3 by OpenRouter": Strict(no_turns, _AFTER, openrouter(nested=False)),
    "Mistral 7B in vLLM": Strict(no_turns_at_all, _ALTERNATE, vllm()),
    "Mistral's API": Strict(
        no_turns,
        "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
        openai(400, type="invalid_request_message_order", code="3230"),
    ),
    "Perplexity": Strict(
        no_turns,
        "After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).",
        openai(400, type="invalid_message", code=400),
    ),
    "LM Studio": Strict(
        no_turns, 'Error rendering prompt with jinja template: "Conversation roles must alternate"', text(400)
    ),
    "consecutive": Strict(no_turns, "messages: consecutive user messages are not allowed", openai(422)),
    "Gemma 3": Strict(no_turns_or_tools, _ALTERNATE, vllm()),
    "same role": Strict(no_turns, "Two messages with the same role in a row", openai(500)),
    "order": Strict(no_turns, "invalid message order", openai(400, code="invalid_request_message_order")),
    "user first": Strict(assistant_first, 'messages: first message must use the "user" role', openai()),
    "user last": Strict(
        assistant_last,
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        openrouter(),
    ),
    # No system messages.
    "Gemma 2 in vLLM": Strict(any_system, "System role not supported", vllm()),
    "Gemma 2 in llama.cpp": Strict(any_system, "System role not supported", llama_cpp(500)),
    "Mistral 7B in LM Studio": Strict(any_system, "Only user and assistant roles are supported!", openai(422)),
    "Gemma by Google": Strict(
        any_system, "Developer instruction is not enabled for models/gemma-3-27b-it", openai(400, code=400)
    ),
    "MiniMax": Strict(any_system, "invalid params, chat content has invalid message role: system", openai()),
    "o1-mini": Strict(
        any_system, "Unsupported value: 'messages[0].role' does not support 'system' with this model.", openai()
    ),
    # Fields.
    "no stream_options": Strict(
        has("stream_options"), "Unrecognized request argument supplied: stream_options", openai()
    ),
    "no stream_options in FastAPI": Strict(has("stream_options"), _EXTRA, fastapi("stream_options")),
    "no stream_options, 500": Strict(has("stream_options"), "unknown field 'stream_options'", openai(500)),
    "no stream_options, inside": Strict(has("stream_options"), "include_usage is not supported", openai()),
    "no session_id": Strict(has("session_id"), "property 'session_id' is unsupported", openai()),
    "no prompt_cache_key": Strict(has("prompt_cache_key"), _EXTRA, fastapi("prompt_cache_key")),
    "no temperature": Strict(
        has("temperature"),
        "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) is supported.",
        openai(),
    ),
    "no max_tokens": Strict(
        has("max_tokens"),
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        openai(param="max_tokens", code="unsupported_parameter"),
    ),
    "no max_completion_tokens": Strict(
        has("max_completion_tokens"),
        "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens'), 'msg': 'Extra inputs are not "
        "permitted', 'input': 8192}]",
        vllm(),
    ),
    "no limits": Strict(
        has("max_tokens", "max_completion_tokens"), "max_tokens, max_completion_tokens: unknown", openai()
    ),
    "no tool_choice": Strict(has("tool_choice"), _EXTRA, fastapi("tool_choice")),
    "no tools": Strict(has("tools", "tool_choice"), _EXTRA, fastapi("tools")),
    "no tools, in words": Strict(
        has("tools", "tool_choice"), "registry.ollama.ai/library/gemma:2b does not support tools", openai()
    ),
    "no tools without --jinja": Strict(has("tools", "tool_choice"), "tools param requires --jinja flag", openai(500)),
    "no tool role": Strict(tool_role, "Unexpected role RoleEnum.tool", openai()),
    "no forced tool": Strict(forced, "Thinking mode does not support this tool_choice", openai()),
    "no JSON schema": Strict(form("json_schema"), "This response_format type is unavailable now", openai()),
    "no JSON": Strict(form("json_object"), "'response_format.type' must be 'text'", openai()),
    "a template of its own": Strict(late_system, "Unsupported conversation", llama_cpp(500)),
    # Content.
    "no marks": Strict(cache_marks, "messages.0.content.0.cache_control: Extra inputs are not permitted", openai(422)),
    "plain text only": Strict(parts, "messages[0].content must be a string", openai()),
    "no pictures by OpenRouter": Strict(pictures, "No endpoints found that support image input", openai(404, code=404)),
    "no pictures in llama.cpp": Strict(
        pictures,
        "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
        openai(500, type="server_error"),
    ),
    "no pictures in vLLM": Strict(pictures, "At most 0 image(s) may be provided in one request.", vllm()),
    "no pictures by DeepSeek": Strict(
        pictures,
        "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`, expected "
        "`text`",
        openai(422),
    ),
}
# True of one request, and not of the model.
BAD_PICTURE = Strict(pictures, "Could not process image", openai(400, code="invalid_image"))
# Those that say nothing of what was wrong.
MUTE: Mapping[str, Strict] = {
    "late system": Strict(late_system, "Bad request", openai()),
    "turns": Strict(no_turns, "Invalid input", openai(422)),
    "late system, 500": Strict(late_system, "invalid conversation", openai(500)),
    "pictures": Strict(pictures, "invalid_request", text(400)),
}

"""The words in which servers refuse, from public reports, and what is left out first after each."""

import pytest

from bot.models.remote.differences import ROWS, Difference

LATE = [
    "System message must be at the beginning",
    "system messages are only allowed at the start of the conversation",
    "messages[3].role: 'system' messages must precede all other messages",
    "The system role is only allowed as the first message",
    "Invalid message sequence: system message found at index 4, expected at index 0",
    "System messages are not supported after the first message",
    "role 'system' can only be used for the first message",
    "Unexpected system message at position 3",
    "only one system message is allowed",
    "Received more than one system message",
    "System prompt must be the first message",
    "system message should be the first one in messages",
    "got a system message in the middle of the conversation",
]
NO_SYSTEM = [
    "System role not supported",
    "system role is not supported by this model",
    "Role 'system' is not supported",
    "Unsupported role: system",
    "This model does not support the system role",
    "Only user and assistant roles are supported!",
    "Only user, assistant roles are supported",
    "`system` is not a valid role. Must be one of: user, assistant",
    "invalid role: system",
    "Invalid role: 'system'. Must be user or assistant.",
    "roles must be 'user' or 'assistant', got 'system'",
    "System instructions are not available for this model",
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter',
]
STRICT_TURNS = [
    "Conversation roles must alternate user/assistant/user/assistant/...",
    'roles must alternate between "user" and "assistant", but found multiple "user" roles in a row',
    "messages: roles must alternate between user and assistant",
    "Please ensure that multiturn requests alternate between user and model",
    "Please ensure that multiturn requests ends with a user role or a function response",
    "The last message must be from the user",
    "last message role must be 'user'",
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
    "Expected a user message but got assistant",
    "Unexpected role 'user' after role 'user'",
    "two consecutive user messages",
    "After the optional system message, conversation roles must alternate user and assistant roles except for tool "
    "calls and results.",
    "Messages must be in alternating order",
    "user message cannot follow another user message",
    "Invalid message sequence: user followed by user",
    "Consecutive messages from the same sender are not allowed",
    "messages with role 'user' and 'assistant' must be interleaved",
    "the first message must be a user message",
    "Cannot have 2 or more assistant messages at the end of the list.",
    "Cannot set add_generation_prompt to True when the last message is from the assistant.",
    "No user query found in messages.",
    "history must be of the form user, assistant, user, assistant",
]
NO_PICTURES = [
    "This model does not support image input",
    "image_url is not supported by this model",
    "Invalid content type. image_url is only supported by certain models.",
    "unknown variant `image_url`, expected `text`",
    "google/gemma-3-1b-it is not a multimodal model",
    "model does not support vision",
    "this model is missing data required for image input",
    "Model only supports text input",
    "Unsupported content part type for text-only server: image_url",
]
BAD_PICTURE = [
    "Invalid image data",
    "image is too large: 8000x8000, at most 5 MB",
    "Unsupported image format: image/svg+xml",
    "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg']",
    "The image dimensions exceed max allowed size: 8000 pixels",
]
NO_TOOLS = [
    "registry.ollama.ai/library/gemma:2b does not support tools",
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    "Function calling is not enabled for this model",
    "tools is not supported with this model",
    "`tools` is not a supported parameter",
]


def first(words: str) -> Difference:
    """The row that decides."""
    return next(row for row in ROWS if row.says.search(words))


@pytest.mark.parametrize(
    ("words", "left_out", "lasting"),
    [
        *((words, {"late system"}, True) for words in LATE),
        *((words, {"late system", "system"}, True) for words in NO_SYSTEM),
        *((words, {"late system", "free turns"}, True) for words in STRICT_TURNS),
        *((words, {"images"}, True) for words in NO_PICTURES),
        *((words, {"images"}, False) for words in BAD_PICTURE),
        *((words, {"tools"}, True) for words in NO_TOOLS),
    ],
)
def test_each_wording_leads_to_one_change(words: str, left_out: set[str], lasting: bool) -> None:
    row = first(words)
    assert (set(row.leave_out[0]), row.lasting) == (left_out, lasting)


@pytest.mark.parametrize("words", ["Oops", "Internal server error", "Provider returned error", "Bad request", ""])
def test_words_that_say_nothing_lead_to_none(words: str) -> None:
    assert not any(row.says.search(words) for row in ROWS)

"""What a model and its server can do: ten questions, each asked once, and what Hathi does about each answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.errors import HathiError, ModelError, ModelRefused
from bot.models import ClosableModel, questions
from bot.models.questions import Finding, Server, Verdict
from bot.ports import Embedder, Said

SECONDS = 60.0  # for one question
TOTAL_SECONDS = 300.0  # for all of one model


@dataclass(frozen=True, slots=True)
class Question:
    """Something that servers differ in."""

    id: str
    title: str
    ask: Callable[[Server], Awaitable[Finding]]
    does: Mapping[Verdict, str]  # what Hathi does then


@dataclass(frozen=True, slots=True)
class Capability:
    """One row of the table."""

    question: Question
    finding: Finding

    @property
    def does(self) -> str:
        """What Hathi does about it."""
        return self.question.does[self.finding.answer]


@dataclass(frozen=True, slots=True)
class Report:
    """What one model can do."""

    model: str
    trouble: str  # why it cannot be asked at all; empty when it can
    capabilities: Sequence[Capability] = ()
    tokens: int = 0  # sent and received, about


async def examine(
    model: ClosableModel,
    open_embedder: Callable[[], Embedder | None],
    progress: Callable[[str], None] = lambda title: None,
) -> Report:
    """Ask a model all questions, in order. `open_embedder` raises SettingsError; `progress` is told what is asked."""
    loop = asyncio.get_running_loop()
    end = loop.time() + TOTAL_SECONDS
    progress("anything at all")
    try:
        async with asyncio.timeout(SECONDS):
            server = Server(await model.wire(), open_embedder)
            plain = server.without()
            await server.answer(plain, [Said("user", "Answer with the one word: ready")])
    except (ModelError, TimeoutError) as error:
        return Report(model.name, _reason(error))
    server.known = plain.profile
    found = []
    for question in QUESTIONS:
        progress(question.title)
        found.append(Capability(question, await _asked(server, question, end - loop.time())))
    return Report(model.name, "", found, server.tokens)


async def _asked(server: Server, question: Question, left: float) -> Finding:
    if left <= 0:
        return Finding("unknown", f"not asked: the questions before took {TOTAL_SECONDS:.0f} s")
    try:
        async with asyncio.timeout(min(SECONDS, left)):
            return await question.ask(server)
    except (HathiError, TimeoutError) as error:
        return Finding("no" if isinstance(error, ModelRefused) else "unknown", _reason(error))


def _reason(error: Exception) -> str:
    return f"no answer within {SECONDS:.0f} s" if isinstance(error, TimeoutError) else str(error)


QUESTIONS = (
    Question(
        "late_system",
        "late system message",
        questions.late_system,
        {
            "yes": "A system message is sent where it stands in a conversation.",
            "no": "What a later system message would say is sent in a user's message.",
            "unknown": "A system message is sent where it stands in a conversation, until that is refused.",
        },
    ),
    Question(
        "user_messages_in_a_row",
        "two user messages in a row",
        questions.two_users,
        {
            "yes": "Messages are sent one by one, as they were said.",
            "no": "Messages of one role in a row are sent as one.",
            "unknown": "Messages are sent one by one, until that is refused.",
        },
    ),
    Question(
        "tools",
        "tools",
        questions.tools,
        {
            "yes": "It may search the memory while it answers.",
            "no": "It answers from what recall brings, and cannot search the memory by itself.",
            "unknown": "It is offered the search of the memory, until that is refused.",
        },
    ),
    Question(
        "forced_tool",
        "forced tool",
        questions.forced_tool,
        {
            "yes": "What it learns about people comes in calls of a tool.",
            "no": "What it learns about people comes in JSON answers.",
            "unknown": "What it learns about people is asked for as a call of a tool, until that is refused.",
        },
    ),
    Question(
        "json_schema",
        "JSON schema",
        questions.json_schema,
        {
            "yes": "Where no tool can be forced, its answers are bound to a schema.",
            "no": "Where no tool can be forced, the form is asked for in words, and the answer is checked.",
            "unknown": "Where no tool can be forced, a schema is tried, and the answer is checked.",
        },
    ),
    Question(
        "stream_usage",
        "stream usage",
        questions.stream_usage,
        {
            "yes": "The log says how many tokens each answer took.",
            "no": "The log does not say how many tokens an answer took; prompts are kept short by an estimate.",
            "unknown": "The log says how many tokens an answer took, where the server does.",
        },
    ),
    Question(
        "caching",
        "caching",
        questions.caching,
        {
            "yes": "A conversation's beginning stays the same from turn to turn, and is cheaper to read.",
            "no": "Each turn pays for its whole prompt: LAST_MESSAGES and RECALL_TOKENS bound it.",
            "unknown": "A conversation's beginning stays the same from turn to turn, should it be cached.",
        },
    ),
    Question(
        "pictures",
        "pictures",
        questions.pictures,
        {
            "yes": "It is shown the pictures that people post.",
            "no": "The prompt says that a picture was posted and cannot be seen.",
            "unknown": "It is sent the pictures that people post, until they are refused.",
        },
    ),
    Question(
        "embeddings",
        "embeddings",
        questions.embeddings,
        {
            "yes": "Recall finds by meaning and by words.",
            "no": "Recall finds by words alone: set EMBEDDER.",
            "unknown": "Recall finds by words alone until the embedder answers.",
        },
    ),
    Question(
        "transcription",
        "transcription",
        questions.transcription,
        {
            "yes": "Nothing yet: the prompt says that a voice message was posted and cannot be heard.",
            "no": "The prompt says that a voice message was posted and cannot be heard.",
            "unknown": "The prompt says that a voice message was posted and cannot be heard.",
        },
    ),
)

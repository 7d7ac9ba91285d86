"""One model's answer, and what it looks up with the tools of memories while it gives it."""

import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b

from bot.chat import Answer, Thread, Turn, Usage, storable
from bot.errors import HathiError, ModelSilent
from bot.models import arguments
from bot.ports import Ability, Call, Model, Prompt, Retraction, Said

log = logging.getLogger(__name__)

ROUNDS = 3  # times that a model may call tools; then it has to answer with what it has
CALLS = 4  # in one round
LONGEST = 8_000  # characters of what one call brings
NOT_NOW = "That cannot be looked up right now."
TOO_MANY = f"This was not looked up: {CALLS} calls at once are the most."
NOTHING = "Nothing."


async def ask(
    turn: Turn, model: Model, prompt: Prompt, tools: Sequence[Ability], show: Callable[[str], Awaitable[None]]
) -> Answer:
    """Ask; `show` gets the whole text so far. What is said before a call belongs to the answer. Raises ModelError."""
    texts: list[str] = []
    read = list(prompt)
    using = _Using(turn, tools)
    used: Usage | None = None
    key = _key(turn.thread)
    for left in range(ROUNDS if tools else 0, -1, -1):
        text, calls = "", list[Call]()
        async with aclosing(model.complete(read, tools, calling=left > 0, key=key)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    used = used + piece if used else piece
                elif isinstance(piece, Call):
                    calls.append(piece)
                elif isinstance(piece, Retraction):
                    text = ""
                else:
                    text += piece
                    await show(_joined([*texts, text]))
        texts.append(text)
        if not (calls and left):
            break
        read.append(Said("assistant", storable(text.strip()), calls=tuple(calls)))
        for number, call in enumerate(calls):
            result = await using.result(call) if number < CALLS else TOO_MANY
            read.append(Said("tool", result, call=call.id))
    if used:
        log.info("turn %s: %s: %s", turn.id, model.name, used)
    if not texts[-1].strip():
        raise ModelSilent(f"{model.name} answered with nothing")
    return Answer(_joined(texts), model.name)


def _key(thread: Thread) -> str:
    """Names a conversation for a provider, the same in every process, without the ids in it."""
    return blake2b(str(thread).encode(), digest_size=16, person=b"hathi thread").hexdigest()


class _Using:
    """The tools in one model's answer: the same call twice is made once."""

    def __init__(self, turn: Turn, tools: Sequence[Ability]) -> None:
        self._turn = turn
        self._tools = {tool.name: tool for tool in tools}
        self._results: dict[tuple[str, str], str] = {}

    async def result(self, call: Call) -> str:
        """What the model reads of it."""
        tool = self._tools.get(call.name)
        if tool is None:
            return f"There is no tool {call.name[:40]!r}. There are: {', '.join(self._tools)}."
        try:
            found = arguments.read(call.arguments, tool)
        except arguments.NoArguments as error:
            return f"The arguments are not valid: {error.why}."
        key = call.name, json.dumps(dict(found), sort_keys=True)
        if key not in self._results:
            try:
                self._results[key] = (await tool.use(found)).strip()[:LONGEST] or NOTHING
            except HathiError as error:
                log.warning("turn %s: %s brought nothing (%s)", self._turn.id, tool.name, type(error).__name__)
                self._results[key] = NOT_NOW
            except Exception:  # a bug must not keep the model from answering
                log.exception("turn %s: a bug in %s", self._turn.id, tool.name)
                self._results[key] = NOT_NOW
        return self._results[key]


def _joined(texts: Sequence[str]) -> str:
    return "\n\n".join(text.strip() for text in texts if text.strip())

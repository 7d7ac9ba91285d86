"""One turn: hear, recall, think, reply, digest. Decides what a person is told when something goes wrong."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.chat import Answer, Message, Turn, Usage
from bot.errors import (
    DatabaseDown,
    DatabaseError,
    HathiError,
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelSilent,
    PromptTooLong,
)
from bot.ports import Adapter, Jobs, Memory, Model, Prompt, Recollection, Reply, Transcript
from bot.prompt import compose, tokens

log = logging.getLogger(__name__)

TOLD: Mapping[type[HathiError], str] = {
    ModelBusy: "My language model is busy right now. Please ask me again in a minute.",
    ModelDown: "I cannot reach my language model right now. Please ask me again in a minute.",
    ModelRefused: "My language model will not answer that.",
    ModelSilent: "My language model gave me no answer. Please ask me again.",
    PromptTooLong: "That is more than I can read at once. Please make it shorter.",
    KeyRefused: "My language model does not let me in. Whoever runs me has to look at its key.",
    DatabaseDown: "My memory is out of reach right now. Please write to me again in a few minutes.",
    DatabaseError: "My memory does not take anything in right now. Whoever runs me has to look at its database.",
}
BUG = "Something went wrong inside me. Whoever runs me finds it in my log as turn {turn}."
NOT_WRITTEN = "(I could not write this answer down: my memory is out of reach.)"


def apology(error: HathiError) -> str:
    """What a person is told about an error: short, honest, nothing of its text."""
    return next((TOLD[kind] for kind in type(error).__mro__ if kind in TOLD), TOLD[DatabaseError])


@dataclass(frozen=True, slots=True)
class Agent:
    """The shared core. Adapters bring it messages; it brings them replies."""

    transcript: Transcript
    memory: Memory
    models: Sequence[Model]  # the first one answers; the others in order when it fails
    jobs: Jobs
    adapters: Mapping[str, Adapter]
    persona: str
    own_persona: bool = False  # the operator's own: it goes before what a model was trained on

    async def accept(self, message: Message) -> None:
        """Take a message in; once this returns it is safe and will be answered. Raises DatabaseError."""
        if await self.transcript.hear(message):
            await self.jobs.enqueue(message.thread)

    async def turn(self, turn: Turn) -> None:
        """Answer everything that waits in the thread with one reply."""
        adapter = self.adapters[turn.thread.platform]
        async with adapter.typing(turn.thread):
            await self._answer(turn, adapter.reply(turn.thread))
        try:
            await self.memory.digest(turn.thread)
        except HathiError as error:
            log.warning("turn %s: digest left for later: %s", turn.id, error)

    async def _answer(self, turn: Turn, reply: Reply) -> None:
        recollection = Recollection()
        try:
            recollection = await self.memory.recall(turn)
            if not any(line.waiting for line in recollection.lines):
                log.info("turn %s: nothing waits, it was answered with another message", turn.id)
                return
            answer = await self._think(turn, recollection, reply)
            await self._deliver(turn, recollection, answer, reply)
        except ModelError as error:
            log.warning("turn %s: given up: %s", turn.id, error)
            await self._apologise(turn, recollection, apology(error), reply)
        except DatabaseError as error:  # what was heard waits on, and is answered with the next message
            log.error("turn %s: %s", turn.id, error)  # noqa: TRY400  # expected: one line, no traceback
            await reply.finish(apology(error))
        except Exception:  # a bug must not leave a person waiting or a thread stuck
            log.exception("turn %s: a bug", turn.id)
            await self._apologise(turn, recollection, BUG.format(turn=turn.id), reply)

    async def _think(self, turn: Turn, recollection: Recollection, reply: Reply) -> Answer:
        """Ask the models in order. Raises the first one's ModelError when none answers."""
        failures: list[ModelError] = []
        for model in self.models:
            try:
                return await self._ask(turn, model, recollection, reply)
            except ModelError as error:
                log.warning("turn %s: %s failed (%s): %s", turn.id, model.name, type(error).__name__, error)
                failures.append(error)
        raise failures[0]

    async def _ask(self, turn: Turn, model: Model, recollection: Recollection, reply: Reply) -> Answer:
        """Ask one model, with less and less of the history while it says that it is too much."""
        own = None if self.own_persona else model.persona
        now = None if own else datetime.now(UTC)
        budget = model.budget
        while True:
            prompt = compose(own or self.persona, recollection, budget, now)
            try:
                return await self._stream(turn, model, prompt, reply)
            except PromptTooLong:
                budget = sum(tokens(said.text) for said in prompt) // 2
                if compose(own or self.persona, recollection, budget, now) == prompt:
                    raise
                log.info("turn %s: too long for %s, trying with %d tokens", turn.id, model.name, budget)

    async def _stream(self, turn: Turn, model: Model, prompt: Prompt, reply: Reply) -> Answer:
        text = ""
        async with aclosing(model.complete(prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    log.info("turn %s: %s: %s", turn.id, model.name, piece)
                else:
                    text += piece
                    await reply.show(text.strip())
        if not text.strip():
            raise ModelSilent(f"{model.name} answered with nothing")
        return Answer(text.strip(), model.name)

    async def _deliver(self, turn: Turn, recollection: Recollection, answer: Answer, reply: Reply) -> None:
        """Written down first, then shown to its end."""
        try:
            written = await self.transcript.answer(turn, recollection, answer)
        except DatabaseError as error:
            log.error("turn %s: the answer is not written down: %s", turn.id, error)  # noqa: TRY400  # expected
            await reply.finish(f"{answer.text}\n\n{NOT_WRITTEN}")
            return
        if written:
            await reply.finish(answer.text)
        else:
            log.info("turn %s: answered elsewhere, or deleted meanwhile", turn.id)

    async def _apologise(self, turn: Turn, recollection: Recollection, sentence: str, reply: Reply) -> None:
        try:
            if any(line.waiting for line in recollection.lines):
                await self.transcript.give_up(turn, recollection)
        except DatabaseError as error:
            log.error("turn %s: not closed: %s", turn.id, error)  # noqa: TRY400  # expected
        await reply.finish(sentence)

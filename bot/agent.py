"""One turn: hear, recall, think, reply. Decides what a person is told when something goes wrong."""

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.answering import ask
from bot.chat import Answer, Message, Thread, Turn
from bot.errors import (
    DatabaseDown,
    DatabaseError,
    DatabaseRefused,
    HathiError,
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelSilent,
    ModelUnknown,
    NoCredit,
    PlatformDown,
    PlatformRefused,
    PromptTooLong,
    RequestRefused,
    TurnLost,
)
from bot.jobs.delays import delay_after
from bot.ports import Adapter, Forgetting, Jobs, Lease, Memory, Model, Recollection, Reply, Transcript
from bot.prompt import compose, tokens
from bot.waiting import Vigil
from bot.zones import first_zone

log = logging.getLogger(__name__)

TOLD: Mapping[type[HathiError], str] = {
    ModelBusy: "My language model is busy right now. Please ask me again in a minute.",
    ModelDown: "I cannot reach my language model right now. Please ask me again in a minute.",
    ModelRefused: "My language model will not answer that.",
    RequestRefused: "My language model cannot take in what I sent it. Whoever runs me finds the reason in my log.",
    ModelUnknown: "I am set up with a language model that I cannot find. Whoever runs me has to look at my settings.",
    ModelSilent: "My language model gave me no answer. Please ask me again.",
    PromptTooLong: "That is more than I can read at once. Please make it shorter.",
    KeyRefused: "My language model does not let me in. Whoever runs me has to look at its key.",
    NoCredit: "My language model wants to be paid before it answers. Whoever runs me has to top up its account.",
    DatabaseDown: "My memory is out of reach right now. Please write to me again in a few minutes.",
    DatabaseError: "My memory does not take anything in right now. Whoever runs me has to look at its database.",
}
BUSY_ATTEMPTS = 3  # times that a turn is put off because the model is busy; the client has tried thrice each time
POST_ATTEMPTS = 20  # times that a turn tries to post while the platform is away, up to a minute apart
PICTURES = 8  # of all that waits in one turn; up to 5 MB each
BUG = "Something went wrong inside me. Whoever runs me finds it in my log as turn {turn}."
NOT_WRITTEN = "(I could not write this answer down: my memory is out of reach.)"


def apology(error: HathiError) -> str:
    """What a person is told about an error: short, honest, nothing of its text."""
    return next((TOLD[kind] for kind in type(error).__mro__ if kind in TOLD), TOLD[DatabaseError])


@dataclass(slots=True)
class Posts:
    """An Outbox: what this turn has posted, in the transcript as soon as it is posted."""

    transcript: Transcript
    turn: Turn
    lease: Lease
    posts: list[str]
    question: str

    @property
    def key(self) -> str:
        return self.turn.first or str(self.turn.id)  # the message's id: a turn's may come again with a new database

    async def allow(self) -> None:
        await self.lease.check()

    async def record(self, post: str, number: int) -> None:
        await self.transcript.record(self.turn, number, post)
        self.posts[number : number + 1] = [post]


@dataclass(frozen=True, slots=True)
class Agent:
    """The shared core. Adapters bring it messages; it brings them replies."""

    transcript: Transcript
    forgetting: Forgetting
    memory: Memory
    models: Sequence[Model]  # the first one answers; the others in order when it fails
    jobs: Jobs
    adapters: Mapping[str, Adapter]
    persona: str
    timezone: str = "UTC"  # of people whose own is not known
    own_persona: bool = False  # the operator's own: it goes before what a model was trained on
    digested: Callable[[Thread], None] = lambda thread: None  # told of each thread in which a turn has ended

    async def accept(self, message: Message) -> int | None:
        """Take a message in; once this returns it is safe and will be answered, by that turn. Raises DatabaseError."""
        turn = await self.transcript.hear(message)
        if turn is not None:
            self.jobs.wake(turn)
        return turn

    async def turn(self, turn: Turn, lease: Lease) -> None:
        """Answer everything that waits in the thread with one reply.

        Raises what means that the turn is to be tried again: ModelBusy, DatabaseDown, PlatformDown; and TurnLost.
        """
        adapter = self.adapters[turn.thread.platform]
        posts = Posts(self.transcript, turn, lease, list(turn.posts), turn.question or turn.first)
        off_record = True  # as long as we do not know better
        try:
            async with adapter.typing(turn.thread), adapter.reply(turn.thread, posts) as reply:
                if turn.answer is not None:  # written down before a crash: all that is left is to post it
                    await reply.finish(turn.answer)
                else:
                    off_record = await self._answer(turn, posts, reply)
        except PlatformRefused as error:
            log.warning("turn %s: nobody sees the answer: %s", turn.id, error)
        except PlatformDown as error:
            if turn.attempt >= POST_ATTEMPTS:
                log.error("turn %s: nobody sees the answer: %s", turn.id, error)  # noqa: TRY400  # expected
            else:
                log.warning("turn %s: posted later: %s", turn.id, error)
                raise
        if off_record:
            await self._strike(turn)
        self.digested(turn.thread)

    async def _strike(self, turn: Turn) -> None:
        try:
            await self.forgetting.strike(turn.thread)
        except DatabaseRefused as error:
            log.error("turn %s: what was said off the record is still there: %s", turn.id, error)  # noqa: TRY400

    async def _answer(self, turn: Turn, posts: Posts, reply: Reply) -> bool:
        """Answer; whether something of what waited was said off the record."""
        recollection = Recollection()
        vigil = Vigil(turn, reply)
        try:
            while True:
                recollection = await self.memory.recall(turn)
                waiting = [line for line in recollection.lines if line.waiting]
                if not waiting:
                    await self._tidy(turn, posts, reply)
                    break
                posts.question = waiting[-1].id
                async with vigil:
                    answer = await self._think(turn, recollection, vigil)
                if await self._deliver(turn, recollection, answer, reply):
                    break
                log.info("turn %s: what it answers was deleted meanwhile", turn.id)
                await reply.withdraw()
        except (TurnLost, PlatformDown, PlatformRefused):
            raise
        except ModelError as error:
            if isinstance(error, ModelBusy) and turn.attempt < BUSY_ATTEMPTS:
                log.warning("turn %s: put off: %s", turn.id, error)
                await vigil.put_off(delay_after(turn.attempt, error.delay))
                raise
            log.warning("turn %s: given up: %s", turn.id, error)
            await self._apologise(turn, recollection, apology(error), type(error).__name__, reply)
        except DatabaseDown as error:  # the turn is tried again when it is back; who waits hears that it takes time
            log.error("turn %s: put off: %s", turn.id, error)  # noqa: TRY400  # expected: one line, no traceback
            if turn.attempt == 0:
                await reply.finish(apology(error))
            raise
        except DatabaseError as error:  # what was heard waits on, and is answered with the next message
            log.error("turn %s: %s", turn.id, error)  # noqa: TRY400  # expected
            await reply.finish(apology(error))
        except Exception as error:  # a bug must not leave a person waiting or a thread stuck
            log.exception("turn %s: a bug", turn.id)
            await self._apologise(turn, recollection, BUG.format(turn=turn.id), type(error).__name__, reply)
        return any(line.off_record for line in recollection.lines)

    async def _tidy(self, turn: Turn, posts: Posts, reply: Reply) -> None:
        """Nothing waits any more: what earlier attempts posted and never finished does not stay as it is."""
        reason = await self.transcript.given_up_because(turn) if turn.attempt else None
        if reason is not None:
            log.info("turn %s: was given up: %s", turn.id, reason)
            sentence = next((told for kind, told in TOLD.items() if kind.__name__ == reason), BUG.format(turn=turn.id))
            await reply.finish(sentence)
            return
        log.info("turn %s: nothing waits, it was answered with another message or deleted", turn.id)
        if any(posts.posts):
            await reply.withdraw()

    async def _think(self, turn: Turn, recollection: Recollection, vigil: Vigil) -> Answer:
        """Ask the models in order. Raises the first one's ModelError when none answers."""
        failures: list[ModelError] = []
        for model in self.models:
            try:
                return await self._ask(turn, model, recollection, vigil)
            except ModelError as error:
                vigil.failed()
                log.warning("turn %s: %s failed (%s): %s", turn.id, model.name, type(error).__name__, error)
                failures.append(error)
        raise failures[0]

    async def _ask(self, turn: Turn, model: Model, recollection: Recollection, reply: Vigil) -> Answer:
        """Ask one model, with less and less of the history while it says that it is too much."""
        own = None if self.own_persona else model.persona
        now = None if own else datetime.now(self._zone(recollection))
        budget = model.budget
        pictures = await self._pictures(turn, recollection) if model.sees else {}
        tools = recollection.tools
        while True:
            prompt = compose(own or self.persona, recollection, budget, now, pictures, plain=not model.trusted)
            try:
                return await ask(turn, model, prompt, tools, reply.show)
            except PromptTooLong:
                budget = sum(tokens(said.text) for said in prompt) // 2
                if compose(own or self.persona, recollection, budget, now, pictures, plain=not model.trusted) == prompt:
                    if not tools:
                        raise
                    tools = ()  # what they bring may be what is too much
                log.info("turn %s: too long for %s, trying with %d tokens", turn.id, model.name, budget)

    def _zone(self, recollection: Recollection) -> tzinfo:
        """The time zone of who asked last: from their page, from the platform, or the operator's."""
        told = next((line.zone for line in reversed(recollection.lines) if line.waiting), "")
        return first_zone(recollection.zone, told, self.timezone, "UTC")

    async def _pictures(self, turn: Turn, recollection: Recollection) -> Mapping[str, Sequence[str]]:
        """The pictures of what waits, by line, as data: URLs; where there are too many, the newest ones."""
        found: dict[str, list[str]] = {}
        there = [(line.id, image) for line in recollection.lines if line.waiting for image in line.images]
        for line, image in there[-PICTURES:]:
            data = await self.adapters[turn.thread.platform].download(image, turn.thread)
            if data is not None:
                found.setdefault(line, []).append(f"data:{image.type};base64,{b64encode(data).decode()}")
        return found

    async def _deliver(self, turn: Turn, recollection: Recollection, answer: Answer, reply: Reply) -> bool:
        """Written down first, then shown to its end; False when what it answers was deleted."""
        try:
            written = await self.transcript.answer(turn, recollection, answer)
        except DatabaseRefused as error:
            log.error("turn %s: the answer is not written down: %s", turn.id, error)  # noqa: TRY400  # expected
            await reply.finish(f"{answer.text}\n\n{NOT_WRITTEN}")
            return True
        if written:
            await reply.finish(answer.text)
        return written

    async def _apologise(
        self, turn: Turn, recollection: Recollection, sentence: str, reason: str, reply: Reply
    ) -> None:
        try:
            if any(line.waiting for line in recollection.lines):
                await self.transcript.give_up(turn, recollection, reason)
        except DatabaseRefused as error:
            log.error("turn %s: not closed: %s", turn.id, error)  # noqa: TRY400  # expected
        await reply.finish(sentence)

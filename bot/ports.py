"""The doors: what the core needs from adapters, memory, models and the job engine. Small on purpose."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from bot.chat import Answer, Image, Line, Message, Resource, Role, Thread, Turn, Usage

Counts = Mapping[str, int]  # rows by table


@dataclass(frozen=True, slots=True)
class Known:
    """What may be known of somebody where the answer will be read."""

    author: str  # a resource in its text form
    name: str  # what people call them
    lines: tuple[str, ...]  # one fact each: `Location: Lisbon`
    months: tuple[str, ...] = ()  # when each of them was learned: `May 2026`; empty where that is not known


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model may call, or be made to."""

    name: str  # [a-z_]{1,40}
    description: str  # what it is for; at most 1,024 characters, which is what OpenAI takes
    parameters: Mapping[str, Any]  # a JSON schema of type object


@dataclass(frozen=True, slots=True)
class Ability(Tool):
    """A tool that a model may use while it answers."""

    # Given arguments that are valid and storable: what the model reads of the result. Raises HathiError.
    use: Callable[[Mapping[str, Any]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool called inside an answer."""

    id: str
    name: str
    arguments: str  # JSON as the model wrote it, never checked


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a prompt."""

    role: Role | Literal["tool"] | None  # tool: what a call brought; None: instructions
    text: str
    images: tuple[str, ...] = ()  # as data: URLs
    calls: tuple[Call, ...] = ()  # of an assistant's message: the tools that it calls, each answered right behind it
    call: str = ""  # of a tool's message: the id of the call that it answers
    # Where it stands, and not what it says: the conversation's next prompt begins with this too, as a rule.
    stable: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Recalled:
    """Something that was said earlier, or elsewhere, and may matter now."""

    said: datetime
    author: str | None  # a resource in its text form; None: the bot
    name: str  # what people call the author; empty when that is not known
    text: str
    more: str = ""  # where something is left out: what search_memory takes to read on


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a memory brings to a turn."""

    lines: tuple[Line, ...] = ()  # the conversation, oldest first; those that wait for an answer are marked
    known: tuple[Known, ...] = ()  # of the people who speak there: the same from turn to turn
    pertinent: tuple[Known, ...] = ()  # what of them the question is about and found no room in `known`
    recalled: tuple[Recalled, ...] = ()  # what was said earlier and is not among the lines, oldest first
    tools: tuple[Ability, ...] = ()  # what can be looked up while it is answered
    zone: str = ""  # the time zone of who asked last, as far as it may be known there


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it was left, for catching up with what was said since."""

    thread: Thread
    newest: str | None  # the id of the last message that was heard there; None when it was deleted
    at: datetime  # when something last happened there


@dataclass(frozen=True, slots=True)
class Kept:
    """What is about a person in one conversation."""

    thread: Thread
    messages: int
    at: datetime  # when the last of them was said


@dataclass(frozen=True, slots=True)
class Remembered:
    """One line of a person's page, with where it was learned."""

    id: int
    text: str  # as people read it: `Location: Lisbon`
    value: str  # what of it can be corrected: `Lisbon`
    at: datetime  # when it was learned
    kind: str  # of the room where it was said: direct, private or public; empty when that is not known
    message: str = ""  # id of the newest message that says so; empty when that is not known
    thread: Thread | None = None  # where that message was said


@dataclass(frozen=True, slots=True)
class Page:
    """What is remembered of a person beside the conversations themselves."""

    lines: tuple[Remembered, ...] = ()  # oldest first
    paused: bool = False  # off the record
    linked: tuple[Resource, ...] = ()  # the person's other identities


@dataclass(frozen=True, slots=True)
class Forgettable:
    """What goes, or would go, when a matter is forgotten."""

    lines: tuple[str, ...]  # of the page, as people read them
    messages: int  # of the person's own
    answers: int  # to them
    conversations: int  # in which these were said
    counts: Counts = field(default_factory=dict)  # rows by table: more than the lines where some only end others


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that was written on a person's page after an answer."""

    person: Resource
    thread: Thread  # where they said it
    message: str  # the id of the message that says it
    post: str  # the platform's id of the last post of the answer to it; empty when that is not known
    lines: tuple[int, ...]  # ids, for undoing it
    texts: tuple[str, ...]  # as people read them
    gone: int = 0  # what was deleted because they asked for it: lines and messages
    gone_lines: int = 0  # how many of them are lines


Prompt = Sequence[Said]
Accept = Callable[[Message], Awaitable[int | None]]  # the turn that will answer; None: nothing is left to be begun


class Outbox(Protocol):
    """What a turn has posted, kept where a crash cannot reach it."""

    @property
    def turn(self) -> Turn:
        """The turn whose answer it is."""
        ...

    @property
    def key(self) -> str:
        """Names this turn for ever, for a platform's idempotency key: with the number of the post behind it."""
        ...

    @property
    def question(self) -> str:
        """The id of the message that is answered: the newest of those that wait."""
        ...

    @property
    def posts(self) -> Sequence[str]:
        """The platform's ids of what is posted already, in order: those are edited, not posted again.

        Empty for one that was taken back.
        """
        ...

    async def allow(self) -> None:
        """Call before each post and edit. Raises TurnLost when the turn is no longer ours."""
        ...

    async def record(self, post: str, number: int) -> None:
        """Call after each post, with the platform's id of it; empty before it is taken back. `number` counts from 0."""
        ...


class Reply(Protocol):
    """An answer on its way to a place."""

    async def show(self, text: str) -> None:
        """Show the whole answer so far; the platform decides how often. It may shrink when a model starts over."""
        ...

    async def show_notice(self, text: str) -> None:
        """Show a sentence in the answer's place until there is one: what is shown or finished later replaces it.

        Returns when the platform has it. Raises PlatformError, DatabaseError and TurnLost.
        """
        ...

    async def finish(self, text: str) -> None:
        """Show the final text, all of it; returns when the platform has it. Raises PlatformError."""
        ...

    async def withdraw(self) -> None:
        """Take back what was shown: what it answers was deleted meanwhile."""
        ...


class Adapter(Protocol):
    """A platform where people talk."""

    @property
    def name(self) -> str: ...

    @property
    def trouble(self) -> str | None:
        """What is wrong with the connection to the platform, in one line; None when nothing is."""
        ...

    async def run(self, accept: Accept) -> None:
        """Serve until cancelled or at its end; `accept` returns once the message is safe.

        Raises PlatformRefused when the platform does not let us in.
        """
        ...

    def reply(self, thread: Thread, outbox: Outbox) -> AbstractAsyncContextManager[Reply]:
        """A reply to be streamed into; one that a crash interrupted goes on where `outbox` says it stood."""
        ...

    def typing(self, thread: Thread) -> AbstractAsyncContextManager[None]:
        """Show that the bot is at work."""
        ...

    def routes(self) -> Sequence[Any]:
        """What the platform asks for over HTTP: aiohttp.web routes, to be served while `run` runs."""
        ...

    async def download(self, image: Image, thread: Thread) -> bytes | None:
        """A picture that somebody posted in `thread`; None when it is gone, or too large to be looked at."""
        ...

    async def noted(self, noted: Noted) -> None:
        """Tell somebody in the quietest way there is what was written on their page. Raises PlatformError."""
        ...


class Transcript(Protocol):
    """What was said, in order. Everything is harmless to do twice; everything may raise DatabaseError."""

    async def hear(self, message: Message) -> int | None:
        """Write a person's message down and enqueue a turn for it, together; the id of the turn that will answer.

        None if nothing is left to be begun for it: it was answered, or deleted. One round trip.
        """
        ...

    async def overhear(self, messages: Sequence[Message], owner: Resource) -> None:
        """Write down what others said in a thread, oldest first, before `owner` brought the bot in.

        What waits for an answer comes behind it.
        """
        ...

    async def answer(self, turn: Turn, recollection: Recollection, answer: Answer) -> bool:
        """Write the answer to what waited in `recollection`; False if that was deleted. Raises TurnLost."""
        ...

    async def give_up(self, turn: Turn, recollection: Recollection, reason: str) -> None:
        """Close the turn without an answer: what waited waits no longer. `reason`: for the operator, without words."""
        ...

    async def given_up_because(self, turn: Turn) -> str | None:
        """The reason for which an earlier attempt has given this turn up; None when none has."""
        ...

    async def record(self, turn: Turn, piece: int, post: str) -> None:
        """Note the platform's id of a posted piece; `piece` counts from 0."""
        ...

    async def edit(self, message: Message) -> bool:
        """A message now reads like this; False when it is not known, or read like this before."""
        ...

    async def knows(self, thread: Thread, post: str) -> bool:
        """Whether the bot takes part in a thread: it was spoken to there, or the thread grew out of this post."""
        ...

    async def ours(self, posts: Sequence[str]) -> Set[str]:
        """Those of these posts that a turn has recorded."""
        ...

    async def rate(self, post: str, person: Resource, good: bool) -> bool:
        """Note what somebody says of the answer that a post belongs to; False when it is not known."""
        ...

    async def reset_at(self, thread: Thread) -> datetime | None:
        """When a conversation was last reset: what is older is not read in again."""
        ...

    async def look_back(self, platform: str, since: datetime) -> datetime:
        """Note that a platform is looked through for what was missed; since when, with what was not ended before."""
        ...

    async def looked_back(self, platform: str, since: datetime) -> None:
        """A look back is done; one that began earlier is not."""
        ...

    async def conversations(self, platform: str, days: float, most: int) -> Sequence[Conversation]:
        """The conversations of the last `days`, newest first."""
        ...


class Forgetting(Protocol):
    """What is wanted gone is gone, for good. Everything is harmless to do twice; everything may raise DatabaseError."""

    async def delete(self, ids: Sequence[str]) -> Counts:
        """Delete messages, or answers by the ids of their posts, for good, with the answers to nothing but them."""
        ...

    async def strike(self, thread: Thread) -> Counts:
        """Delete what was said off the record in a thread and is answered, with the answers to it."""
        ...

    async def reset(self, thread: Thread, person: Resource | None = None) -> Counts:
        """Delete a conversation, or what is about one person in it."""
        ...

    async def leave(self, space: str) -> Counts:
        """Delete all conversations of a guild or workspace."""
        ...

    async def forget(self, resource: Resource) -> Counts:
        """Delete all that is stored about a person."""
        ...

    async def export(self, resource: Resource) -> Mapping[str, Any]:
        """All that is stored about a person, as values that JSON can hold."""
        ...

    async def about(self, resource: Resource, thread: Thread | None = None) -> Counts:
        """How many rows there are about a person, everywhere or in one conversation."""
        ...

    async def within(self, place: Thread) -> Sequence[Thread]:
        """The conversations in a place that holds several: the one that has its name, and those in threads of it."""
        ...

    async def kept(self, resource: Resource, most: int) -> Sequence[Kept]:
        """The conversations in which something is about a person, the latest first."""
        ...

    async def forget_matter(
        self, person: Resource, lines: Set[int], what: str = "", keep: Sequence[str] = ()
    ) -> Counts:
        """Delete lines of a person's page, and all messages of theirs, and answers to them, that say the same.

        `what`: the matter in the person's words, for what stands on no page. `keep`: ids of messages that stay.
        """
        ...

    async def would_forget(self, person: Resource, lines: Set[int], what: str = "") -> Forgettable:
        """What `forget_matter` would delete now; nothing is changed."""
        ...

    async def owners(self, message: str) -> Set[str]:
        """Whose a message, or a post of ours, is: its author, or those whom it answers; as resources in text form."""
        ...


class Pages(Protocol):
    """The pages about people, in their own hands. Everything may raise DatabaseError."""

    async def page(self, person: Resource) -> Page:
        """All that is on a person's page, with where it was learned."""
        ...

    async def correct(self, person: Resource, line: int, text: str) -> bool:
        """A line reads like this now; False when it is not this person's, or the text cannot stand there."""
        ...

    async def undo(self, person: Resource, lines: Sequence[int]) -> int:
        """Take back what was written; what it replaced holds again. How many lines that were."""
        ...

    async def pause(self, person: Resource, paused: bool) -> None:
        """Off the record: nothing that this person says is kept once it is answered; or on it again."""
        ...


class Links(Protocol):
    """One person on several platforms. Everything may raise DatabaseError."""

    async def offer(self, person: Resource) -> str | None:
        """A code for whoever types it first within ten minutes; it replaces the one before. None after too many."""
        ...

    async def claim(self, person: Resource, code: str, *, sure: bool = False) -> Resource | None:
        """Whose code it is: it is this person's to use now, who is `sure`, or has only looked; None when it is wrong,
        too old, somebody else's by now or this person's own, or there were too many tries.
        """
        ...

    async def burn(self, person: Resource, code: str) -> None:
        """Make a code worthless that others could read."""
        ...

    async def claimed(self, person: Resource) -> tuple[Resource, str] | None:
        """Who has typed this person's code and is sure, and what they are called; None when nobody has."""
        ...

    async def link(self, person: Resource, claimer: Resource) -> bool:
        """Use this person's code up: from now on both are one person; False when it is not this claimer's."""
        ...

    async def unlink(self, person: Resource) -> bool:
        """This identity stands alone again, with what was learned from it; False when it did already."""
        ...


class Vault(Protocol):
    """Keeps what platforms entrust us with, encrypted. Everything may raise DatabaseError, and SettingsError when
    the key that something was encrypted with is not there."""

    async def put(self, name: str, value: str, seconds: float | None = None) -> None:
        """Keep a value under a name, for as long as given, or until it is deleted."""
        ...

    async def get(self, name: str) -> str | None:
        """What is kept under a name."""
        ...

    async def take(self, name: str) -> str | None:
        """What was kept under a name, once: it is gone then."""
        ...

    async def delete(self, name: str) -> bool:
        """Forget it; False when there was nothing."""
        ...

    def changing(self, name: str) -> AbstractAsyncContextManager["Secret | None"]:
        """What is kept under a name, to be changed by nobody else, in any process, while the block runs."""
        ...


class Secret(Protocol):
    """One value of a vault."""

    @property
    def value(self) -> str: ...

    async def replace(self, value: str) -> None:
        """Keep another value instead."""
        ...


class Memory(Protocol):
    """A reading of the transcript."""

    async def recall(self, turn: Turn) -> Recollection:
        """What to bring to the turn, before the model is asked. Raises DatabaseError."""
        ...

    async def digest(self, thread: Thread) -> Sequence[Noted]:
        """Catch up with the transcript; may run at any time, any number of times. What people are to be told of it.

        Raises HathiError; what was not done then is done the next time.
        """
        ...


@dataclass(frozen=True, slots=True)
class Retraction:
    """What has come of an answer was none: reasoning, whose end was marked after it. The answer begins anew."""


class Model(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        ...

    @property
    def budget(self) -> int:
        """Tokens that a prompt may take up."""
        ...

    @property
    def persona(self) -> str | None:
        """Instructions this model was trained on and works best with; None: give it ours."""
        ...

    @property
    def trusted(self) -> bool:
        """Whether it may put into its own words what people say; else only their own words are believed."""
        ...

    @property
    def sees(self) -> bool:
        """Whether it can be shown pictures, as far as is known."""
        ...

    def complete(
        self, prompt: Prompt, tools: Sequence[Tool] = (), *, calling: bool = True, key: str = ""
    ) -> AsyncGenerator[str | Retraction | Call | Usage, None]:
        """Pieces of text, then the tools that are called, then at most one Usage. Raises ModelError, also half way.

        A piece may be empty: it says that the model has begun to answer, and only thinks before its first word.
        A prompt that holds calls goes with the tools that were called; without `calling`, none is called any more. A
        model that has no tools answers as if it were given none. `key`: the same for all prompts of one conversation,
        so that a provider finds again what it has read of it; it tells nobody whose it is. A Retraction takes back the
        text before it.
        """
        ...

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        """The arguments with which the model calls `tool` after reading the prompt; valid for its schema, and storable.

        A small model comes to an end in time only if the schema bounds it: everything `required`, `maxLength` on every
        string, `maxItems` on every array, no `additionalProperties`. Raises ModelError: ModelSilent if the model does
        not manage.
        """
        ...


class Embedder(Protocol):
    """Turns text into vectors."""

    @property
    def name(self) -> str:
        """`provider/model`; vectors of different names have nothing to do with one another."""
        ...

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One unit vector for each text, all of the same dimension, in order. Raises ModelError."""
        ...

    async def warm_up(self) -> None:
        """Load what takes long to load before somebody waits for it; sends nothing. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        ...


class Lease(Protocol):
    """The right to work on a turn; it ends when the holder is taken for dead."""

    async def check(self) -> None:
        """Raises TurnLost when somebody else holds the turn, DatabaseError when that cannot be found out."""
        ...


Work = Callable[[Turn, Lease], Awaitable[None]]


class Jobs(Protocol):
    """Runs turns: of one thread one at a time and in order, of different threads side by side, over all processes."""

    def wake(self, turn: int) -> None:
        """A turn was enqueued: begin it as soon as its thread is free."""
        ...

    async def run(self, work: Work) -> None:
        """Run turns until cancelled; then those that run may finish, or are handed back.

        What `work` raises decides: ModelBusy, DatabaseDown, PlatformDown and cancellation mean again, all else never.
        """
        ...


class Statements(Protocol):
    """Postgres, as the job engine needs it."""

    async def fetch(self, query: str, *args: object) -> Sequence[Any]:
        """Run one statement that is harmless to run twice; its rows, with values by name. Raises DatabaseError."""
        ...

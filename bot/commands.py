"""What people can ask of the bot itself: one registry for every platform."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.chat import Resource, Thread
from bot.ports import Counts, Forgetting

ASK = "Ask Hathi about this"  # a message's menu entry that begins a turn instead of a command


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as somebody gave it."""

    person: Resource
    thread: Thread
    words: tuple[str, ...] = ()  # what followed the command's name
    shared: bool = False  # others speak in this conversation too
    manages: bool = True  # the person may delete what others said here
    message: str = ""  # the id of the message that the command was given on
    whole: bool = False  # the thread is a place with conversations in it: all of them are meant


@dataclass(frozen=True, slots=True)
class Told:
    """What the bot says to a command; with `confirm`, the line to be typed, or the button to be pressed, to do it."""

    text: str
    confirm: str = ""  # a command as it is typed, without its slash: `forget me yes`


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name as it is typed, what it does in a few words, and how to do it."""

    name: str
    usage: str
    summary: str
    run: Callable[[Asked], Awaitable[Told]]
    words: str = ""  # the words that a platform with forms sends with it when there is nothing to choose
    menu: str = ""  # its title in the menu of a message; only there


class Commands:
    """The registry. Each answer is one short text for the person who asked. May raise DatabaseError."""

    def __init__(self, forgetting: Forgetting, last_messages: int) -> None:
        self._forgetting = forgetting
        self._last_messages = last_messages
        self.all = (
            Command("reset", "/reset", "delete this conversation", self._reset),
            Command("forget", "/forget me", "delete everything about you, everywhere", self._forget, words="me"),
            Command("memory", "/memory", "what I keep of you", self._memory),
            Command("help", "/help", "what you can ask of me", self._help),
        )
        self.menu = (
            Command("forget-message", "", "delete this message", self._forget_message, menu="Forget this message"),
        )

    async def run(self, name: str, asked: Asked) -> Told:
        """Run the command called `name`; says so when there is none."""
        for command in (*self.all, *self.menu):
            if command.name == name.lower() and bool(command.menu) == bool(asked.message):
                return await command.run(asked)
        return Told(f"There is no /{name}. /help lists what there is.")

    async def typed(self, line: str, person: Resource, thread: Thread) -> str:
        """Run a command as it was typed, `/forget me`."""
        name, *words = line.split()
        told = await self.run(name.removeprefix("/"), Asked(person, thread, tuple(words)))
        return f"{told.text} Say /{told.confirm} to do it." if told.confirm else told.text

    async def _reset(self, asked: Asked) -> Told:
        if asked.shared and not asked.manages:
            return await self._reset_own(asked)
        what = "the conversations here" if asked.whole else "this conversation"
        if asked.shared and asked.words[:1] != ("yes",):
            return Told(f"This deletes what I keep of {what}, for everybody in it. There is no way back.", "reset yes")
        counts = await self._each(asked, self._forgetting.reset)
        is_ = "are" if asked.whole else "is"
        return Told(f"Done: {what} {is_} deleted, {_many(counts['mastra_messages'], 'message')}.")

    async def _reset_own(self, asked: Asked) -> Told:
        """Who may not delete what others said may always delete what they said themselves."""
        what = "the conversations here" if asked.whole else "this conversation"
        if asked.words[:1] != ("yes",):
            about = await self._each(asked, lambda thread: self._forgetting.about(asked.person, thread))
            return Told(
                f"To delete {what} for everybody, one needs the right to manage messages here. What you said, and what "
                f"I answered you, is yours to delete: {_many(about['mastra_messages'], 'message')}. "
                "There is no way back.",
                "reset yes",
            )
        counts = await self._each(asked, lambda thread: self._forgetting.reset(thread, asked.person))
        return Told(f"Done: your part of {what} is deleted, {_many(counts['mastra_messages'], 'message')}.")

    async def _each(self, asked: Asked, do: Callable[[Thread], Awaitable[Counts]]) -> Counts:
        """Do it to each conversation that is meant; all rows together."""
        threads = await self._forgetting.within(asked.thread) if asked.whole else [asked.thread]
        counts = Counter(mastra_messages=0)
        for thread in threads:
            counts.update(await do(thread))
        return counts

    async def _forget(self, asked: Asked) -> Told:
        if asked.words[:1] != ("me",):
            return Told("Say /forget me to delete everything about you, or /reset to delete this conversation.")
        if asked.words[1:] != ("yes",):
            about = await self._forgetting.about(asked.person)
            return Told(
                f"This deletes everything about you, everywhere: {_many(about['mastra_messages'], 'message')} in all. "
                "There is no way back.",
                "forget me yes",
            )
        counts = await self._forgetting.forget(asked.person)
        rows = ", ".join(f"{number} in {table}" for table, number in counts.items())
        return Told(f"Done: everything about you is deleted ({rows}).")

    async def _memory(self, asked: Asked) -> Told:
        about = await self._forgetting.about(asked.person)
        here = await self._each(asked, lambda thread: self._forgetting.about(asked.person, thread))
        what = "the conversations here" if asked.whole else "this conversation"
        return Told(
            f"I keep {_many(about['mastra_messages'], 'message')} of our conversations. {here['mastra_messages']} of "
            f"them are from here. The last {self._last_messages} of a conversation are before me when I answer in it. "
            f"/reset deletes {what}, /forget me everything."
        )

    async def _help(self, asked: Asked) -> Told:
        return Told("\n".join(f"{command.usage}: {command.summary}" for command in self.all))

    async def _forget_message(self, asked: Asked) -> Told:
        owners = await self._forgetting.owners(asked.message)
        if not owners:
            return Told("I do not remember this message.")
        if str(asked.person) not in owners and not asked.manages:
            return Told("That is somebody else's. Only they, or who may manage messages here, can have me forget it.")
        counts = await self._forgetting.delete([asked.message])
        return Told(f"Done: it is forgotten, {_many(counts['mastra_messages'], 'message')} in all.")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

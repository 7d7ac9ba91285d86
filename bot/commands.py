"""What people can ask of the bot itself: one registry for every platform."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.chat import Resource, Thread
from bot.ports import Transcript


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as somebody gave it."""

    person: Resource
    thread: Thread
    words: tuple[str, ...]  # what followed the command's name


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name as it is typed, what it does in a few words, and how to do it."""

    name: str
    usage: str
    summary: str
    run: Callable[[Asked], Awaitable[str]]


class Commands:
    """The registry. Each answer is one short text for the person who asked. May raise DatabaseError."""

    def __init__(self, transcript: Transcript, last_messages: int) -> None:
        self._transcript = transcript
        self._last_messages = last_messages
        self.all = (
            Command("reset", "/reset", "delete this conversation", self._reset),
            Command("forget", "/forget me", "delete everything about you, everywhere", self._forget),
            Command("memory", "/memory", "what I keep of you", self._memory),
            Command("help", "/help", "this list", self._help),
        )

    async def run(self, name: str, asked: Asked) -> str:
        """Run the command called `name`; says so when there is none."""
        for command in self.all:
            if command.name == name.lower():
                return await command.run(asked)
        return f"There is no /{name}. /help lists what there is."

    async def typed(self, line: str, person: Resource, thread: Thread) -> str:
        """Run a command as it was typed, `/forget me`."""
        name, *words = line.split()
        return await self.run(name.removeprefix("/"), Asked(person, thread, tuple(words)))

    async def _reset(self, asked: Asked) -> str:
        counts = await self._transcript.reset(asked.thread)
        return f"Done: this conversation is deleted, {_many(counts['mastra_messages'], 'message')}."

    async def _forget(self, asked: Asked) -> str:
        if asked.words[:1] != ("me",):
            return "Say /forget me to delete everything about you, or /reset to delete this conversation."
        if asked.words[1:] != ("yes",):
            about = await self._transcript.about(asked.person)
            return (
                f"This deletes everything about you, everywhere: {_many(about['mastra_messages'], 'message')} in all. "
                "There is no way back. Say /forget me yes to do it."
            )
        counts = await self._transcript.forget(asked.person)
        rows = ", ".join(f"{number} in {table}" for table, number in counts.items())
        return f"Done: everything about you is deleted ({rows})."

    async def _memory(self, asked: Asked) -> str:
        about = await self._transcript.about(asked.person)
        return (
            f"I keep {_many(about['mastra_messages'], 'message')} of our conversations. "
            f"The last {self._last_messages} of this one are before me when I answer. "
            "/reset deletes this conversation, /forget me everything."
        )

    async def _help(self, asked: Asked) -> str:
        return "\n".join(f"{command.usage}: {command.summary}" for command in self.all)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

"""What people can ask of the bot itself: one registry for every platform."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.chat import Resource, Thread
from bot.ports import Counts, Forgettable, Forgetting, Links, Noted, Page, Pages, Remembered

ASK = "Ask Hathi about this"  # a message's menu entry that begins a turn instead of a command
EVERYTHING = ("me", "myself", "everything", "all", "everything about me")  # what `/forget me` is for
LONGEST = 56  # characters of what is to be forgotten: a button has to hold them
SHOWN = 1200  # characters of lines that are shown before they are deleted
TYPED = "I have typed it"  # a button
NOT_TYPED = "Nobody has typed your code yet, and confirmed there that both are theirs. /link new makes another one."


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as somebody gave it; only they see what they are told."""

    person: Resource
    thread: Thread
    words: tuple[str, ...] = ()  # what followed the command's name
    shared: bool = False  # others speak in this conversation too
    manages: bool = True  # the person may delete what others said here
    message: str = ""  # the id of the message that the command was given on
    openly: bool = False  # others can read what was typed
    whole: bool = False  # the thread is a place with conversations in it: all of them are meant


@dataclass(frozen=True, slots=True)
class Told:
    """What the bot says to a command; with `confirm`, the line to be typed, or the button to be pressed, to do it."""

    text: str
    confirm: str = ""  # a command as it is typed, without its slash: `forget me yes`
    button: str = "Delete"  # what the button says
    page: Page | None = None  # to be shown behind the text, with all that can be done about its lines
    file: Mapping[str, Any] | None = None  # to be handed over as JSON


@dataclass(frozen=True, slots=True)
class Choice:
    """One word that may follow a command's name."""

    word: str
    summary: str
    asks: str = ""  # what is typed behind it, in one word; empty: nothing


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name as it is typed, what it does in a few words, and how to do it."""

    name: str
    usage: str
    summary: str
    run: Callable[[Asked], Awaitable[Told]]
    words: str = ""  # the words that a platform with forms sends with it when nothing was typed
    choices: tuple[Choice, ...] = ()  # one of them has to follow
    asks: str = ""  # what may be typed behind the name, in one word; empty: nothing
    menu: str = ""  # its title in the menu of a message; only there


class Commands:
    """The registry. Each answer is one short text for the person who asked. May raise DatabaseError."""

    def __init__(self, forgetting: Forgetting, pages: Pages, links: Links, last_messages: int) -> None:
        self._forgetting = forgetting
        self._pages = pages
        self._links = links
        self._last_messages = last_messages
        forgets = (
            Choice("me", "delete everything about you, everywhere"),
            Choice("about", "delete what you said about something", asks="what"),
        )
        self.all = (
            Command("reset", "/reset", "delete this conversation", self._reset),
            Command(
                "forget",
                "/forget me",
                "delete everything about you, everywhere; or what you said about something",
                self._forget,
                words="me",
                choices=forgets,
            ),
            Command(
                "memory", "/memory", "what I remember of you, to correct, forget, pause or take with you", self._memory
            ),
            Command("link", "/link", "be one person here and on another platform", self._link, asks="code"),
            Command("unlink", "/unlink", "be two people again", self._unlink),
            Command("help", "/help", "what you can ask of me", self._help),
        )
        self.menu = (
            Command("forget-message", "", "delete this message", self._forget_message, menu="Forget this message"),
        )

    async def run(self, name: str, asked: Asked) -> Told:
        """Run the command called `name`; says so when there is none. Capitals in what steers it do not matter."""
        asked = replace(asked, words=_steering(asked.words))
        for command in (*self.all, *self.menu):
            if command.name == name.lower() and bool(command.menu) == bool(asked.message):
                return await command.run(asked)
        return Told(f"There is no /{name}. /help lists what there is.")

    async def typed(self, line: str, person: Resource, thread: Thread) -> str:
        """Run a command as it was typed, `/forget me`."""
        name, *words = line.split()
        told = await self.run(name.removeprefix("/"), Asked(person, thread, tuple(words)))
        if told.file is not None:
            return f"{told.text}\n\n```json\n{json.dumps(told.file, indent=2, ensure_ascii=False)}\n```"
        if told.page is not None:
            return f"{told.text}\n\n{_typed_page(told.page)}"
        lines = told.text.replace("\n", "  \n")  # as Markdown breaks a line
        return f"{lines} Say /{told.confirm} to do it." if told.confirm else lines

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
            return await self._forget_matter(asked)
        if asked.words[1:] != ("yes",):
            about = await self._forgetting.about(asked.person)
            return Told(
                f"This deletes everything about you, everywhere: {_many(about['mastra_messages'], 'message')} in all, "
                f"and {_many(about['facts'], 'line')} on your page. There is no way back.",
                "forget me yes",
            )
        counts = await self._forgetting.forget(asked.person)
        rows = ", ".join(f"{number} in {table}" for table, number in counts.items())
        return Told(f"Done: everything about you is deleted ({rows}).")

    async def _forget_matter(self, asked: Asked) -> Told:
        sure = asked.words[-1:] == ("yes",)
        words = asked.words[:-1] if sure else asked.words
        what = " ".join(words[1:] if words[:1] == ("about",) else words)
        if not what:
            return Told(
                "Say /forget me to delete everything about you, or /reset to delete this conversation; /forget about … "
                "deletes one thing."
            )
        if len(what) > LONGEST:
            return Told("Say what I am to forget in fewer words: my favourite colour.")
        if not sure:
            found = await self._forgetting.would_forget(asked.person, frozenset(), what)
            if not sum(found.counts.values()):
                hint = " /forget me deletes everything about you." if what.lower() in EVERYTHING else ""
                return Told(f"I found nothing about “{what}”.{hint}")
            return Told(
                f"Forgetting “{what}” deletes {_listed(found)} There is no way back.",
                f"forget about {what} yes",  # `forget me yes` would be something else
            )
        return _forgotten(await self._forgetting.forget_matter(asked.person, frozenset(), what))

    async def _memory(self, asked: Asked) -> Told:  # noqa: PLR0911  # one way for each word
        match asked.words:
            case ("forget", *lines) if _ids(lines):
                return await self._forget_lines(asked, lines)
            case ("undo", *lines) if _ids(lines):
                taken = await self._pages.undo(asked.person, _ids(lines))
                return Told("Done: it is not on your page." if taken else "That is not on your page any more.")
            case ("correct", line, *text) if _ids([line]) and text:
                done = await self._pages.correct(asked.person, _ids([line])[0], " ".join(text))
                return await self._show(
                    asked, "Done." if done else "That line is not on your page, or cannot be changed to that."
                )
            case ("pause",):
                await self._pages.pause(asked.person, True)
                return await self._show(
                    asked,
                    "Off the record from now on: I answer each message by itself, without what I know of you, and keep "
                    "nothing of it.",
                )
            case ("resume",):
                await self._pages.pause(asked.person, False)
                return await self._show(asked, "On the record again: I remember what you say from now on.")
            case ("export",):
                return Told("All that I keep about you.", file=await self._forgetting.export(asked.person))
        return await self._show(asked, "")

    async def _show(self, asked: Asked, done: str) -> Told:
        """A person's page, behind what was just done about it."""
        page = await self._pages.page(asked.person)
        about = await self._forgetting.about(asked.person)
        here = await self._each(asked, lambda thread: self._forgetting.about(asked.person, thread))
        what = "the conversations here" if asked.whole else "this conversation"
        parts = [done] if done else []
        if page.paused and not done:
            parts.append("You are off the record: I keep nothing of what you say.")
        parts.append(
            f"I keep {_many(about['mastra_messages'], 'message')} of our conversations. {here['mastra_messages']} of "
            f"them are from here. When I answer, I see the last {self._last_messages} messages of the conversation. "
            f"/reset deletes {what}, /forget me everything."
        )
        if not page.lines:
            parts.append("There is nothing on your page yet.")
        if page.linked:
            parts.append(f"You are one person here and as {', '.join(map(str, page.linked))}; /unlink parts you.")
        return Told(" ".join(parts), page=page)

    async def _forget_lines(self, asked: Asked, words: list[str]) -> Told:
        if words[-1] != "yes":
            page = await self._pages.page(asked.person)
            lines = [line for line in page.lines if line.id in _ids(words)]
            if not lines:
                return Told("That line is not on your page.")
            found = await self._forgetting.would_forget(asked.person, frozenset(_ids(words)))
            return Told(f"This deletes {_listed(found)} There is no way back.", f"memory forget {' '.join(words)} yes")
        return _forgotten(await self._forgetting.forget_matter(asked.person, frozenset(_ids(words))))

    async def _link(self, asked: Asked) -> Told:
        match asked.words:
            case () | ("done",):
                claimed = await self._links.claimed(asked.person)
                if claimed is not None:
                    return _confirmed_by_offerer(*claimed)
                return Told(NOT_TYPED, "link done", TYPED) if asked.words else await self._offer(asked)
            case ("new",):
                return await self._offer(asked)
            case ("with", other, "yes") if ":" in other:
                claimer = Resource.parse(other)
                if not await self._links.link(asked.person, claimer):
                    return Told("This is not, or no longer, possible. Say /link to begin again.")
                return Told(f"Done: you and {claimer} are one person. /unlink parts you again.")
        return await self._claim(asked)

    async def _offer(self, asked: Asked) -> Told:
        code = await self._links.offer(asked.person)
        if code is None:
            return Told("That is often enough for now. Try again in an hour.")
        return Told(
            f"Type /link {code} where you also talk with me, within ten minutes, and where nobody else reads it. Then "
            "come back here: I show you who typed it, and you confirm that it was you. Give this code to nobody.",
            "link done",
            TYPED,
        )

    async def _claim(self, asked: Asked) -> Told:
        """Somebody types a code that was shown elsewhere."""
        sure = asked.words[-1] == "yes"
        code = "".join(asked.words[:-1] if sure else asked.words).upper()
        if asked.openly:
            await self._links.burn(asked.person, code)
            return Told(
                "Others can read here what you type, so this code is not good any more. Say /link where it came from "
                "to get a new one, and type that in a direct message with me."
            )
        other = await self._links.claim(asked.person, code, sure=sure)
        if other is None:
            return Told("This code is wrong or has expired. Say /link where it came from to get a new one.")
        if not sure:
            return Told(
                f"This makes you and {other} one person: each reads in direct messages with me what I know of the "
                "other. Do it only if both are you.",
                f"link {code} yes",
                "Both are me",
            )
        return Told(f"Now say /link where the code came from, as {other}: there you confirm that it was you.")

    async def _unlink(self, asked: Asked) -> Told:
        if await self._links.unlink(asked.person):
            return Told(
                "Done: you stand alone here again. What I learned from you here stays here, and the rest there."
            )
        return Told("You are not linked with anybody. /link does that.")

    async def _help(self, asked: Asked) -> Told:
        return Told("\n".join(f"{usage}: {summary}" for command in self.all for usage, summary in _usages(command)))

    async def _forget_message(self, asked: Asked) -> Told:
        owners = await self._forgetting.owners(asked.message)
        if not owners:
            return Told("I do not remember this message.")
        if str(asked.person) not in owners and not asked.manages:
            return Told("That is somebody else's. Only they, or who may manage messages here, can have me forget it.")
        counts = await self._forgetting.delete([asked.message])
        return Told(f"Done: it is forgotten, {_many(counts['mastra_messages'], 'message')} in all.")


def _confirmed_by_offerer(claimer: Resource, name: str) -> Told:
    called = f"{name} ({claimer})" if name else str(claimer)
    return Told(
        f"Your code was typed by {called}. This makes you one person: each reads in direct messages with me what I "
        "know of the other. Do it only if that is you; if not, /link new makes this code worthless.",
        f"link with {claimer} yes",
        "That is me",
    )


def _listed(found: Forgettable) -> str:
    """What would go: the lines word for word, as far as there is room, and how much it is."""
    shown: list[str] = []
    room = SHOWN
    for line in found.lines:
        quoted = f"“{' '.join(line.split())}”"
        room -= len(quoted)
        if room < 0 and shown:
            break
        shown.append(quoted)
    more = len(found.lines) - len(shown)
    lines = ", ".join(shown) + (f" and {more} more: " if more else ": ") if shown else ""
    number = found.counts.get("facts", 0)
    counts = [_many(number, "line") + " of your page"] if number else []
    said = [f"{_many(found.messages, 'message')} of yours"] if found.messages else []
    said += [f"{_many(found.answers, 'answer')} to you"] if found.answers else []
    where = f", in {_many(found.conversations, 'conversation')}" if said else ""
    *first, last = [*counts, *said]
    return f"{lines}{', '.join(first)}{' and ' if first else ''}{last}{where}."


def _usages(command: Command) -> Iterator[tuple[str, str]]:
    """The ways in which a command is given, each with what it does."""
    if not command.choices:
        yield command.usage, command.summary
    for choice in command.choices:
        yield f"/{command.name} {choice.word}{' …' if choice.asks else ''}", choice.summary


def _forgotten(counts: Counts) -> Told:
    if not sum(counts.values()):
        return Told("I found nothing about that.")
    return Told(f"Done: forgotten, {_many(counts['facts'], 'line')} and {_many(counts['mastra_messages'], 'message')}.")


def gone(noted: Noted) -> str:
    """How much was forgotten because somebody asked for it: `1 line and 2 messages`."""
    counts = ((noted.gone_lines, "line"), (noted.gone - noted.gone_lines, "message"))
    return " and ".join(_many(number, noun) for number, noun in counts if number)


def _steering(words: tuple[str, ...]) -> tuple[str, ...]:
    """The first word in small letters, and a last one that says that one is sure."""
    end = ("yes",) if len(words) > 1 and words[-1].lower() == "yes" else words[1:][-1:]
    return (*(word.lower() for word in words[:1]), *words[1:-1], *end)


def _ids(words: list[str]) -> list[int]:
    """The lines that are meant: numbers, which fit a bigint; a last `yes` does no harm."""
    return [int(word) for word in words if word.isdecimal() and len(word) < 19]


def where(line: Remembered) -> str:
    """Where and when a line was learned, in a few words."""
    place = {"direct": "in a direct message", "private": "in a private room", "public": "in public"}.get(line.kind)
    return f"{place or 'not said to me'}, {line.at.day} {line.at:%B %Y}"


def _typed_page(page: Page) -> str:
    lines = [f"- `{line.id}` {line.text} ({where(line)})" for line in page.lines]
    first = page.lines[0].id if page.lines else 1
    about = [f"/memory correct {first} …, /memory forget {first}, "] if page.lines else []
    return "\n".join([*lines, "", f"{''.join(about)}/memory {'resume' if page.paused else 'pause'}, /memory export"])


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"

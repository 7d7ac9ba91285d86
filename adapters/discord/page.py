"""A person's page in their hands: lines with links, a menu to choose one, and what can be done about it."""

import asyncio
import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import discord

from adapters.discord.buttons import button, cut, id_of, view
from adapters.discord.reading import PLATFORM
from adapters.markup.discord import LIMIT
from adapters.markup.inline import GAP
from bot.commands import where
from bot.ports import Page, Remembered

LINES = 10  # shown at once
HEAD = 1000  # characters of what is said above them
LINE = 300  # characters of one of them
OPTION = 100  # characters of a line in the menu
TYPED = 200  # characters that a line can be corrected to
CHOOSE, TURN = "choose", "turn"  # what is done here and is no command

Danger, Primary = discord.ButtonStyle.danger, discord.ButtonStyle.primary
Item = discord.ui.Item[discord.ui.View]
Link = Callable[[Remembered], str | None]  # to the message that says so


@dataclass(frozen=True, slots=True)
class Looking:
    """At what of a page somebody looks, by ids of lines: these stay when others come and go."""

    at: int = 0  # in the leaf with this line, or with the next one
    chosen: int = 0


def looking(words: Sequence[str]) -> Looking:
    """Where somebody is after what they did: `choose 12`, `turn on 12`, `correct 12 Lisbon`."""
    match words:
        case ("turn", _, line) if line.isdecimal():
            return Looking(int(line))
        case ("choose" | "correct", line, *_) if line.isdecimal():
            return Looking(int(line), int(line))
    return Looking()


def shown(page: Page, said: str, link: Link, look: Looking, owner: str) -> tuple[str, discord.ui.View]:
    """A leaf of a page, below what is said about it: text that fits into a message, and what can be done."""
    head = cut(_plain(said), HEAD)
    lines = [_line(line, link(line)) for line in page.lines]
    leaves = _leaves(lines, LIMIT - len(head) - len(_count(range(len(lines)), len(lines))) - 2)
    number = next((n for n, leaf in enumerate(leaves) if page.lines[leaf[-1]].id >= look.at), len(leaves) - 1)
    here = leaves[number] if leaves else range(0)
    count = [_count(here, len(lines))] if len(leaves) > 1 else []
    items = _menu(page.lines[here.start : here.stop], look.chosen, owner)
    if len(leaves) > 1:
        begins = [page.lines[leaf.start].id for leaf in leaves]
        items += [_turning(owner, "‹", "back", begins, number - 1), _turning(owner, "›", "on", begins, number + 1)]
    record = ("Resume", "memory resume") if page.paused else ("Pause", "memory pause")
    items += [button(owner, *record, row=3), button(owner, "Export", "memory export", row=3)]
    return "\n".join([head, *count, *lines[here.start : here.stop]]), view(*items)


def form(line: Remembered, owner: str) -> discord.ui.Modal:
    """Where a line is typed anew."""
    modal = discord.ui.Modal(title="Correct a line", timeout=None, custom_id=id_of(owner, f"memory correct {line.id}"))
    field: discord.ui.TextInput[discord.ui.Modal] = discord.ui.TextInput(
        custom_id="text", default=cut(line.value, TYPED) or None, max_length=TYPED
    )
    modal.add_item(discord.ui.Label(text="It should read", component=field))
    modal.stop()
    return modal


def back(owner: str, line: str) -> discord.ui.Button[discord.ui.View]:
    """Back to the page, where a line stands or stood."""
    return button(owner, "Back", f"memory {CHOOSE} {line}")


def link_with(client: discord.Client) -> Link:
    """Finds messages of this platform: in direct messages, and in servers that this process serves."""

    def link(line: Remembered) -> str | None:
        platform, _, message = line.message.partition(":")
        thread = line.thread
        if thread is None or (platform, thread.platform) != (PLATFORM, PLATFORM):
            return None
        if not message.isdecimal() or not thread.id.isdecimal():  # said to the bot where nobody else can see it
            return None
        channel: Any = client.get_channel(int(thread.id))
        guild = getattr(channel, "guild", None)
        if guild is None and line.kind != "direct":
            return None
        return f"https://discord.com/channels/{'@me' if guild is None else guild.id}/{thread.id}/{message}"

    return link


async def export(kept: Mapping[str, Any], most: int) -> discord.File | None:
    """All that is kept about somebody, in `most` bytes; None when that is not possible."""

    def written() -> tuple[str, bytes]:
        data = json.dumps(kept, indent=2, ensure_ascii=False).encode("utf-8", "replace")
        return ("hathi.json", data) if len(data) <= most else ("hathi.json.gz", gzip.compress(data))

    name, data = await asyncio.to_thread(written)  # it may be all that somebody said in years
    return discord.File(BytesIO(data), name) if len(data) <= most else None


def _menu(lines: Sequence[Remembered], chosen: int, owner: str) -> list[Item]:
    """A menu of lines; with one chosen, what can be done about it."""
    if not lines:
        return []
    options = [
        discord.SelectOption(
            label=cut(line.text, OPTION) or "…",
            value=str(line.id),
            description=cut(where(line), OPTION),
            default=line.id == chosen,
        )
        for line in lines
    ]
    ask = "Choose a line to correct or forget"
    menu: Item = discord.ui.Select(custom_id=id_of(owner, f"memory {CHOOSE}"), placeholder=ask, options=options, row=0)
    if chosen not in {line.id for line in lines}:
        return [menu]
    return [
        menu,
        button(owner, "Correct", f"memory correct {chosen}", style=Primary, row=1),
        button(owner, "Forget", f"memory forget {chosen}", style=Danger, row=1),
    ]


def _turning(owner: str, label: str, way: str, begins: Sequence[int], leaf: int) -> Item:
    """A button that turns to a leaf; it keeps its place when there is none."""
    there = 0 <= leaf < len(begins)
    return button(owner, label, f"memory {TURN} {way} {begins[leaf] if there else 0}", row=2, disabled=not there)


def _leaves(lines: Sequence[str], room: int) -> list[range]:
    """Which lines are shown together: at most LINES, in as many characters as there is room for."""
    leaves: list[range] = []
    begin = used = 0
    for number, line in enumerate(lines):
        if number > begin and (number - begin == LINES or used + len(line) + 1 > room):
            leaves.append(range(begin, number))
            begin, used = number, 0
        used += len(line) + 1
    return [*leaves, range(begin, len(lines))] if lines else []


def _count(leaf: range, lines: int) -> str:
    return f"Lines {leaf.start + 1} to {leaf.stop} of {lines}:"


def _line(line: Remembered, link: str | None) -> str:
    learned = f"[{where(line)}]({link})" if link else where(line)
    return f"- {_plain(cut(line.text, LINE))} ({learned})"


def _plain(text: str) -> str:
    """A text as Discord shows it letter by letter: it mentions nobody, and is no markup."""
    return re.sub(r"<(?=[@#/:a-z])|@(?=everyone|here)", rf"\g<0>{GAP}", discord.utils.escape_markdown(text))

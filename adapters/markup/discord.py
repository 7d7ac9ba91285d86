"""A model's Markdown as Discord's client shows it as it was meant, in pieces that Discord takes."""

import re

from adapters.markup.blocks import Dialect, joined, lines_of, read
from adapters.markup.inline import GAP, rewritten, simplified
from adapters.markup.splitting import split

# Discord counts code points: https://github.com/discord/discord-api-docs/issues/1315 (its staff). So does len().
LIMIT = 2000
RULE = "─" * 10


def pieces(text: str, limit: int = LIMIT) -> list[str]:
    """Markdown → messages for Discord, in order, each of at most `limit` (50 or more) code points; none for no text.

    No piece is blank and none leaves a code block open, whatever the text. While an answer grows, all pieces but
    the last two stay what they are; only a table, or markup as long as a piece, can still change an earlier one.
    """
    return split(rewrite(text), limit)


def rewrite(text: str) -> str:
    """Markdown as models write it → Markdown that Discord's client shows as it was meant, of any length.

    Code blocks come out as three backticks at the start of a line, outside of lists and quotes, and closed;
    three backticks are nowhere else. Tables, deep headings, images and rules are put in terms that Discord has;
    what looks like a mention is made none. Blank lines come singly.
    """
    return joined(read(lines_of(text), _DIALECT))


_DEEP_HEADING = re.compile(r" {0,3}#{4,6}[ \t]+(\S.*)")
_TICK = re.compile(r"\\.|`")
_MENTION = re.compile(r"https?://[^\s<>]*|@(?=everyone|here)|<@(?=[!&]?\d)")


def _line(line: str) -> str:
    if (heading := _DEEP_HEADING.fullmatch(line)) and (title := heading[1].replace("**", "").strip()):
        return f"**{rewritten(title, _prose)}**"
    return rewritten(line, _prose)


def _prose(text: str) -> str:
    text = simplified(text)
    text = _TICK.sub(lambda tick: "\\" + tick[0][-1], text)  # opens nothing here; Discord would look in other lines
    return _MENTION.sub(_no_mention, text)


def _no_mention(match: re.Match[str]) -> str:
    """The last line of defence: no mention is allowed when a message is sent."""
    if match[0].startswith("http"):  # must stay a link that works
        return re.sub("@(?=everyone|here)", "%40", match[0])
    return match[0] + GAP


_DIALECT = Dialect(line=_line, prose=_prose, divider=(RULE,))

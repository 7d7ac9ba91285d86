"""A model's Markdown in the standard Markdown that Slack takes, in pieces, whole or while it is still written."""

import re
from collections.abc import Sequence

from adapters.markup.blocks import Block, Dialect, joined, lines_of, read, shown_line
from adapters.markup.inline import GAP, LINK, code_spans, masked, rewritten, simplified
from adapters.markup.splitting import split

LIMIT = 12_000  # characters of `markdown_text` (https://docs.slack.dev/reference/methods/chat.postMessage)


def pieces(text: str, limit: int = LIMIT) -> list[str]:
    """Markdown → messages for Slack, in order, each of at most `limit` (50 or more) characters; none for no text.

    No piece is blank, none leaves a code block open and none pings anybody, whatever the text.
    """
    return split(rewrite(text), limit)


def growing(text: str, limit: int = LIMIT) -> list[str]:
    """The pieces of an answer of which this is the beginning, as far as they are certain: more is only appended.

    A code block that is still written is left open. While there is one piece, it begins every later one. What an
    earlier piece is can still change, as with `pieces`; so does a line that turns out to be the header of a table
    after its first words were given: one that does not begin with `|`.
    """
    blocks = _certain_blocks(lines_of(text))
    close = blocks[-1].close if blocks and blocks[-1].open else ""
    markdown = joined(blocks).removesuffix(close).rstrip()
    parts = split(_unpinged(markdown + close), limit)
    if parts and close:
        parts[-1] = parts[-1].removesuffix(close).rstrip()
    return parts


def rewrite(text: str) -> str:
    """Markdown as models write it → Markdown that Slack shows as it was meant, of any length.

    Code blocks come out as three backticks at the start of a line, outside of lists and quotes, and closed.
    Tables and images are put in terms that Slack has; what would ping is made harmless, in code too: Slack looks
    for it there as well. Blank lines come singly.
    """
    return _unpinged(joined(read(lines_of(text), _DIALECT)))


_PING = re.compile(r"<(?=!(?:(?:channel|here|everyone|group)\b|subteam\^)|@[UWB][A-Z0-9])", re.IGNORECASE)
_URL = r"https?://(?:[^\s<>()]|\([^\s<>()]*\))*"
_CALL = re.compile(rf"{_URL}|(?<![^\W_])@(?=(?:channel|here|everyone)(?![^\W_]))", re.IGNORECASE)
_FENCE_OR_ESCAPE = re.compile(r"(?P<fence>(?:\\?`){3,}|(?:\\?~){3,})|\\.")


def _unpinged(text: str) -> str:
    return _PING.sub("<" + GAP, text)


def _line(line: str) -> str:
    return rewritten(line, _prose)


def _prose(text: str) -> str:
    text = _FENCE_OR_ESCAPE.sub(_no_fence, simplified(text))
    return _CALL.sub(lambda call: call[0] + GAP if call[0] == "@" else call[0], text)


def _no_fence(match: re.Match[str]) -> str:
    """What is here opens no code block, or it would have been read as one; Slack could see it differently."""
    return re.sub(r"\\?([`~])", r"\\\1", match[0]) if match["fence"] else match[0]


_DIALECT = Dialect(line=_line, prose=_prose, divider=("", "---"))  # right below text `---` makes that a heading


# What is certain of an answer that is still written.

_NOTHING_YET = re.compile(r"[ \t>#*+_=-]*(?:\d{1,9}[.)]?)?[ \t>#*+_=-]*")  # may become a list, a divider, a fence…
_WHOLE_LINK = re.compile(rf"{LINK}|\[[^\[\]]*\](?![(]|$)")
_MAY_BEGIN = re.compile(r"`|~~~|\[|<[bB]")  # code, a fence, an image or a link, a break


def _certain_blocks(lines: Sequence[str]) -> list[Block]:
    """All blocks that later lines, and more of the last line, leave as they are, but for what is appended."""
    *complete, unfinished = lines
    blocks = list(read(complete, _DIALECT))
    if blocks and not blocks[-1].certain:  # a table, or a line that may be the header of one
        unfinished = complete[-1] if blocks.pop().start == len(complete) - 1 else ""
    elif blocks and blocks[-1].open:
        return [*blocks[:-1], _with_more_code(blocks[-1], complete, unfinished)]
    if begun := _certain_part(unfinished):
        blocks.append(Block(len(complete), len(lines), shown_line(begun, _DIALECT)))
    return blocks


def _with_more_code(block: Block, lines: Sequence[str], unfinished: str) -> Block:
    """The open block with what is certain of its next line, if that is certain to be code of it."""
    code = _whole_words(unfinished.partition("<")[0])
    if not code.strip(" \t>`~"):  # may become the end of the block
        return block
    longer = next(read([*lines[block.start :], code], _DIALECT))
    return longer if longer.open else block


def _certain_part(line: str) -> str:
    """What will be shown the same however the line goes on."""
    code = [(start, end) for start, end, _ in code_spans(line) if end < len(line)]
    beside_code = masked(line, code)
    open_yet = masked(beside_code, (link.span() for link in _WHOLE_LINK.finditer(beside_code)))
    begun = _MAY_BEGIN.search(open_yet)
    sure = open_yet[: begun.start() if begun else len(line)]
    part = line[: len(_whole_words(sure[: len(line.partition("|")[0])]))]
    return "" if _NOTHING_YET.fullmatch(part) else part


def _whole_words(text: str) -> str:
    """Up to the last white space, without it."""
    ended = re.match(r".*(?=\s)", text, re.DOTALL)
    return ended[0].rstrip() if ended else ""

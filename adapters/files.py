"""Files that people post, on any platform: which of them are read, how much of them, and how they are fetched."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

import aiohttp

log = logging.getLogger(__name__)

TEXT_FILE_BYTES = 256_000  # a text file that is larger is named, not read
TEXT_FILE_CHARACTERS = 20_000  # of one that is read
IMAGES = 4  # of one message
IMAGE_BYTES = 5_000_000
IMAGE_TYPES = {"image/png", "image/jpeg", "image/gif", "image/webp"}  # what models take
DOWNLOAD_SECONDS = 10.0
TEXT_ENDINGS = (
    ".txt .md .rst .log .csv .tsv .json .jsonl .yaml .yml .toml .ini .cfg .conf .env .xml .html .css .js .ts .jsx .tsx "
    ".py .rb .go .rs .java .kt .c .h .cc .cpp .hpp .cs .php .pl .sh .bash .ps1 .sql .lua .swift .r .tex .diff .patch"
).split()
HTML = "text/html"


def is_text(name: str, type_: str, size: int) -> bool:
    """Whether a file's words go into the message."""
    named = name.lower().endswith(tuple(TEXT_ENDINGS))
    return (named or type_.startswith("text/") or type_ == "application/json") and size <= TEXT_FILE_BYTES


def words(name: str, data: bytes | None) -> str:
    """A text file as the bot reads it; None where it could not be fetched."""
    if data is None:
        return f"[file: {name}, which could not be read]"
    text = data.decode("utf-8", "replace")
    cut = "\n[… cut here]" if len(text) > TEXT_FILE_CHARACTERS else ""
    return f"[file: {name}]\n{text[:TEXT_FILE_CHARACTERS]}{cut}"


def named(name: str, type_: str, size: int, voice: bool = False) -> str:
    """A file that is not read."""
    if voice:
        return "[voice message, which you cannot hear]"
    if type_.startswith("image/"):
        return f"[image: {name}]"
    return f"[file: {name}, {size:,} bytes, which you cannot read]"


async def download(
    url: str, most: int, headers: Mapping[str, str] = MappingProxyType({}), *, html: bool = True
) -> bytes | None:
    """What is at a platform's address; None when it is gone, slow, or larger than `most` bytes.

    With `html` off a web page is refused too: some platforms show one for logging in, in place of a file.
    """
    try:
        async with (
            aiohttp.ClientSession(trust_env=True, timeout=aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS)) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200 or (response.content_type == HTML and not html):
                log.info("a file could not be read: HTTP %d, %s", response.status, response.content_type)
                return None
            data = await response.content.read(most + 1)
            while len(data) <= most and (more := await response.content.read(most + 1 - len(data))):
                data += more
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        log.info("a file could not be read: %s", type(error).__name__)
        return None
    return data if len(data) <= most else None

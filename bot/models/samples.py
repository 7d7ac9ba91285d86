"""A picture and a recording that are made up on the spot, to be shown and played to models."""

import io
import math
import struct
import wave
import zlib
from base64 import b64encode
from functools import cache

SIDE = 64  # pixels; some models refuse what is smaller than a patch of theirs
RATE = 16_000  # samples a second


@cache
def picture(red: int = 230, green: int = 20, blue: int = 20) -> str:
    """A PNG of one colour, as a `data:` URL."""
    rows = (b"\0" + bytes((red, green, blue)) * SIDE) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return f"data:image/png;base64,{b64encode(png).decode()}"


def recording(seconds: float = 1.0) -> bytes:
    """A WAV file with a quiet tone in it."""
    samples = (int(4_000 * math.sin(2 * math.pi * 440 * place / RATE)) for place in range(int(RATE * seconds)))
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

"""OpenAI's transcription endpoint, strict about what it is sent: `fake.others["audio/transcriptions"] = hear("…")`."""

import io
import wave
from collections.abc import Awaitable, Callable

from aiohttp import web

MODEL = "whisper-1"


def hear(words: object) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """An endpoint that understands this in whatever it is played."""

    async def transcriptions(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        file = form.get("file")
        if form.get("model") != MODEL:
            return _error(404, f"The model {form.get('model')!r} does not exist")
        if not isinstance(file, web.FileField) or not file.filename.endswith(".wav"):
            return _error(400, "Invalid file format.")
        with wave.open(io.BytesIO(file.file.read())) as sound:
            if sound.getnframes() < sound.getframerate() // 10:
                return _error(400, "Audio file is too short. Minimum audio length is 0.1 seconds.")
        return web.json_response({"text": words})

    return transcriptions


def _error(status: int, message: str) -> web.Response:
    body = {"message": message, "type": "invalid_request_error", "param": "file", "code": None}
    return web.json_response({"error": body}, status=status)

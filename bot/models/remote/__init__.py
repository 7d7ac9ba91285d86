"""Models behind an HTTP API of OpenAI's kind; the one package that knows the `openai` client and what it raises."""

from bot.models.remote.embedder import READ, TOGETHER, RemoteEmbedder
from bot.models.remote.model import RemoteModel

__all__ = ["READ", "TOGETHER", "RemoteEmbedder", "RemoteModel"]

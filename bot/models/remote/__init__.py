"""Models behind an HTTP API of OpenAI's kind; the one package that knows the `openai` client and what it raises."""

from bot.models.remote.embedder import READ, TOGETHER, RemoteEmbedder
from bot.models.remote.model import RemoteModel
from bot.models.remote.profile import TOOLS, Profile

__all__ = ["READ", "TOGETHER", "TOOLS", "Profile", "RemoteEmbedder", "RemoteModel"]

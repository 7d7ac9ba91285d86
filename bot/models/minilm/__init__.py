"""The embedded embedder: all-MiniLM-L6-v2 on onnxruntime. English; blind across languages."""

from bot.models.minilm.embedder import MiniLM, installed

__all__ = ["MiniLM", "installed"]

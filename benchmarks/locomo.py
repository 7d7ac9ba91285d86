"""LoCoMo's conversations as the recall benchmark reads them. The data is CC BY-NC and is given by path."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}


@dataclass(frozen=True)
class Said:
    """One message of a conversation: a line of dialogs.jsonl."""

    conv: str
    id: str  # unique within the conversation
    thread: str
    seq: int
    speaker: str
    ts: str  # ISO; UTC where it names no zone
    text: str
    image_caption: str | None = None


@dataclass(frozen=True)
class Query:
    """One question: a line of queries.jsonl."""

    qid: str
    conv: str
    question: str
    asked_at: str


@dataclass(frozen=True)
class Gold:
    """What holds the answer to a question: a line of gold.jsonl."""

    qid: str
    conv: str
    category: str
    evidence: Sequence[str]
    answer: str = ""


@dataclass(frozen=True)
class Answered:
    """What was found for a question: a line of run.jsonl."""

    qid: str
    ranked: Sequence[str]
    context: Sequence[str]
    latency_ms: float


@dataclass(frozen=True)
class Data:
    """Conversations, what is asked about them, and what answers it."""

    dialogs: Sequence[Said]
    queries: Sequence[Query]
    gold: Sequence[Gold] = ()
    sha256: str = ""


def load(path: Path, conversations: Iterable[str] = ()) -> Data:
    """Read LoCoMo's own JSON. Raises ValueError when a conversation is not in there."""
    raw = path.read_bytes()
    wanted = set(conversations)
    found = [item for item in json.loads(raw) if not wanted or item["sample_id"] in wanted]
    if missing := wanted - {item["sample_id"] for item in found}:
        raise ValueError(f"not in {path}: {', '.join(sorted(missing))}")
    dialogs: list[Said] = []
    queries: list[Query] = []
    gold: list[Gold] = []
    for item in found:
        said = _said(item)
        dialogs += said
        asked, answers = _questions(item, said)
        queries += asked
        gold += answers
    return Data(dialogs, queries, gold, hashlib.sha256(raw).hexdigest())


def read(dialogs: Path, queries: Path) -> Data:
    """Read the benchmark's own files."""
    return Data(
        [Said(**line) for line in _lines(dialogs)],
        [Query(**line) for line in _lines(queries)],
        sha256=hashlib.sha256(dialogs.read_bytes()).hexdigest(),
    )


def write(path: Path, answered: Iterable[Answered]) -> None:
    """Write run.jsonl."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in answered)


def time_of(text: str) -> datetime:
    """A time stamp of these files."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _said(item: dict[str, Any]) -> list[Said]:
    conv, talk = item["sample_id"], item["conversation"]
    numbers = sorted(int(key[8:]) for key in talk if re.fullmatch(r"session_\d+", key))
    said: list[Said] = []
    for number in numbers:
        begun = datetime.strptime(talk[f"session_{number}_date_time"].strip(), "%I:%M %p on %d %B, %Y")
        for turn in talk[f"session_{number}"]:
            place = int(turn["dia_id"].rpartition(":")[2])
            at = begun + timedelta(seconds=30 * place)  # LoCoMo dates sessions only
            said.append(
                Said(
                    conv,
                    f"D{number}:{place}",
                    f"{conv}/s{number}",
                    len(said),
                    turn["speaker"],
                    at.isoformat(),
                    turn["text"],
                    turn.get("blip_caption") or None,
                )
            )
    return said


def _questions(item: dict[str, Any], said: Sequence[Said]) -> tuple[list[Query], list[Gold]]:
    conv, known = item["sample_id"], {one.id for one in said}
    sessions = sorted({one.thread for one in said}, key=lambda thread: int(thread.rpartition("/s")[2]))
    begun = next(one.ts for one in said if one.thread == sessions[-1])
    asked_at = (datetime.fromisoformat(begun) + timedelta(days=1)).isoformat()
    queries, gold = [], []
    for number, question in enumerate(item["qa"]):
        evidence = _ids(question.get("evidence") or [], known)
        if not evidence:
            continue
        qid = f"{conv}/{number}"
        answer = str(question.get("answer", question.get("adversarial_answer", "")))
        queries.append(Query(qid, conv, question["question"], asked_at))
        gold.append(Gold(qid, conv, CATEGORIES[question["category"]], evidence, answer))
    return queries, gold


def _ids(evidence: object, known: set[str]) -> list[str]:
    """Ids as they are meant: the data has `D8:6; D9:17`, `D:11:26` and `D30:05` too."""
    texts = evidence if isinstance(evidence, list) else [evidence]
    found = [
        f"D{int(session)}:{int(turn)}" for text in texts for session, turn in re.findall(r"D:?(\d+):(\d+)", str(text))
    ]
    return [one for one in dict.fromkeys(found) if one in known]

"""The recall benchmark, as its users start it, on two conversations of our own writing."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import bare_environment

ROOT = Path(__file__).parents[1]


def session(number: int, date: str, *turns: tuple[str, str]) -> dict[str, Any]:
    """One meeting of two people, in the form of the data set."""
    said = [{"speaker": who, "dia_id": f"D{number}:{at}", "text": text} for at, (who, text) in enumerate(turns, 1)]
    return {f"session_{number}": said, f"session_{number}_date_time": date}


CONVERSATION = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Mira",
        "speaker_b": "Jonas",
        **session(
            1,
            "1:56 pm on 8 May, 2024",
            ("Mira", "Hello Jonas! How are the bees?"),
            ("Jonas", "They swarmed yesterday, and I caught them with a broom."),
            ("Mira", "What did your neighbour say?"),
            ("Jonas", "She moved to Ghent on Monday, so nothing."),
        ),
        **session(
            2,
            "9:10 am on 2 July, 2024",
            ("Jonas", "I sold eleven jars of honey at the market."),
            ("Mira", "Lovely. I bought a cello and take lessons from an old sailor."),
        ),
    },
    "qa": [
        {"question": "What did Jonas catch the bees with?", "answer": "a broom", "evidence": ["D1:2"], "category": 4},
        {"question": "Which instrument does Mira play?", "answer": "cello", "evidence": ["D2:2"], "category": 1},
        {"question": "What did Mira sell?", "answer": "nothing", "evidence": ["D2:1"], "category": 5},
        {"question": "What is nowhere said?", "answer": "", "evidence": [], "category": 3},
    ],
}


async def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """The benchmark in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.recall", *arguments, "--embedder", "fake",
        env={**bare_environment(folder), "DATABASE_URL": os.environ.get("BENCH_URL", ""), "PYTHONPATH": str(ROOT)},
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def on_server(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_URL", database_url)


@pytest.mark.usefixtures("on_server")
async def test_it_makes_the_files_runs_and_scores_in_one_go(tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps([CONVERSATION]))
    status, out, err = await run(tmp_path, "--data", str(data), "--conversations", "conv-1", "--k", "10", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert {"dataset_sha256", "strategy", "embedder", "n", "overall", "by_category", "by_conversation", "latency_ms",
            "ingest", "baseline"} <= set(report)  # fmt: skip
    assert (report["strategy"], report["baseline"]["strategy"]) == ("hybrid", "dense")
    assert (report["n"], set(report["by_category"])) == (2, {"single-hop", "multi-hop", "adversarial"})
    assert {"recall@4", "recall@10", "recall@20", "hit@10", "all@10", "mrr", "context_recall", "context_tokens"} <= set(
        report["overall"]
    )
    assert report["overall"]["recall@10"] == report["overall"]["context_recall"] == 1
    assert report["ingest"]["messages"] == 6


@pytest.mark.usefixtures("on_server")
@pytest.mark.parametrize("strategy", ["hybrid", "dense"])
async def test_it_reads_conversations_and_questions_and_writes_what_was_found(tmp_path: Path, strategy: str) -> None:
    said = [
        {"conv": "c", "id": f"m{at}", "thread": f"t{at // 9}", "seq": at, "speaker": "user" if at % 2 else "assistant",
         "ts": f"2024-05-0{1 + at // 9}T10:00:{at:02}", "text": f"Word{at} is here.", "image_caption": None}
        for at in range(30)
    ]  # fmt: skip
    asked = [{"qid": "q1", "conv": "c", "question": "Where is word7?", "asked_at": "2024-06-01T00:00:00"}]
    files = {name: tmp_path / f"{name}.jsonl" for name in ("dialogs", "queries", "out")}
    files["dialogs"].write_text("".join(json.dumps(line) + "\n" for line in said))
    files["queries"].write_text("".join(json.dumps(line) + "\n" for line in asked))
    arguments = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    status, _, err = await run(tmp_path, *arguments, "--strategy", strategy, "--max-context-messages", "12")
    assert (status, err) == (0, "")
    (line,) = map(json.loads, files["out"].read_text().splitlines())
    assert line["qid"] == "q1"
    assert len(line["ranked"]) == len(set(line["ranked"])) >= 20
    assert 0 < len(line["context"]) == len(set(line["context"])) <= 12
    assert line["ranked"][0] == "m7"
    assert line["latency_ms"] > 0


async def test_wrong_usage_and_wrong_files_are_a_line(tmp_path: Path) -> None:
    status, _, err = await run(tmp_path)
    assert status == 2
    assert "give --data" in err
    status, _, err = await run(tmp_path, "--data", str(tmp_path / "none.json"))
    assert status == 1
    assert "Traceback" not in err

"""What was said long ago and elsewhere, found again: the whole program from outside."""

from collections.abc import AsyncIterator

import pytest

from bot.prompt import FOUND
from tests.conftest import Hathi
from tests.fakes import model as faults
from tests.fakes.conversations import Calls
from tests.fakes.embeddings import FakeEmbeddings
from tests.fakes.model import FakeModel
from tests.fakes.strict import SERVERS

TOLD = "The restaurant with the blue door was called Casa Azul."
ASKED = "What was the restaurant called?"


@pytest.fixture
async def embeddings() -> AsyncIterator[FakeEmbeddings]:
    async with FakeEmbeddings() as fake:
        yield fake


def recalled(fake: FakeModel, request: int = -1) -> str:
    """What a prompt holds of earlier conversations."""
    found = [m["content"] for m in fake.asked[request]["messages"] if str(m["content"]).startswith(FOUND)]
    return "\n".join(found)


async def test_what_was_said_in_one_conversation_is_found_in_another_of_that_person_alone(
    hathi: Hathi, fake: FakeModel
) -> None:
    await hathi.watched()("chat", "--as", "ana", "--thread", "one", stdin=f"{TOLD}\nThe weather is fine.\n")
    await hathi.watched()("chat", "--as", "ana", "--thread", "two", stdin=f"{ASKED}\n")
    assert f", ana: {TOLD}" in recalled(fake)
    assert fake.asked[-1]["messages"][-1]["content"] == ASKED
    await hathi("chat", "--as", "bob", "--thread", "three", stdin=f"{ASKED}\n")
    assert "Casa Azul" not in str(fake.asked[-1])
    await hathi("forget", "console:ana", "--yes")
    await hathi("chat", "--as", "ana", "--thread", "four", stdin=f"{ASKED}\n")
    assert "Casa Azul" not in str(fake.asked[-1])


async def test_what_stands_in_the_conversation_is_not_recalled_and_greetings_recall_nothing(
    hathi: Hathi, fake: FakeModel
) -> None:
    await hathi("chat", "--as", "ana", stdin=f"{TOLD}\n{ASKED}\n")
    assert recalled(fake) == ""
    await hathi("chat", "--as", "ana", "--thread", "two", stdin="Hi!\n")
    assert recalled(fake) == ""


@pytest.mark.parametrize("off", [{"SEMANTIC_RECALL": "false"}, {"RECALL_SCOPE": "thread"}, {"RECALL_TOP_K": "0"}])
async def test_it_can_be_left_off_or_kept_to_a_conversation(hathi: Hathi, fake: FakeModel, off: dict[str, str]) -> None:
    hathi = hathi.but(**off)
    await hathi("chat", "--as", "ana", "--thread", "one", stdin=f"{TOLD}\n")
    await hathi("chat", "--as", "ana", "--thread", "two", stdin=f"{ASKED}\n")
    assert "Casa Azul" not in str(fake.asked[-1])


async def test_the_model_looks_further_back_itself(hathi: Hathi, fake: FakeModel) -> None:
    await hathi("chat", "--as", "ana", "--thread", "one", stdin=f"{TOLD}\n")
    fake.answers = [Calls(("search_memory", {"query": "restaurant", "person": "ana"})), "Casa Azul."]
    ended = await hathi.watched()("chat", "--as", "ana", "--thread", "two", stdin="Hello!\n")
    assert ended.out == "Casa Azul.\n"
    assert [tool["function"]["name"] for tool in fake.asked[-1]["tools"]] == ["search_memory"]
    result = fake.asked[-1]["messages"][-1]
    assert result["role"] == "tool"
    assert TOLD in result["content"]
    fake.answers = [Calls(("search_memory", {"query": "restaurant"})), "Nothing."]
    await hathi("chat", "--as", "bob", "--thread", "three", stdin="Hello!\n")
    assert "Casa Azul" not in str(fake.asked[-1])


async def test_a_failing_embedder_costs_the_vectors_until_it_works_again(
    hathi: Hathi, fake: FakeModel, embeddings: FakeEmbeddings
) -> None:
    hathi = hathi.but(EMBEDDER="ollama/bag", OLLAMA_BASE_URL=embeddings.base_url.removesuffix("/v1"))
    embeddings.otherwise = faults.Status(404)
    await hathi("chat", "--as", "ana", "--thread", "one", stdin=f"{TOLD}\n")
    ended = await hathi("chat", "--as", "ana", "--thread", "two", stdin=f"{ASKED}\n")
    assert ended.out == f"You said: {ASKED}\n"
    assert TOLD in recalled(fake)
    assert "recall goes by words alone" in ended.err
    assert "Casa" not in ended.err
    embeddings.otherwise = None
    assert (await hathi.watched()("reindex")).out == "indexed 0 messages, made 4 vectors (ollama/bag)\n"
    assert (await hathi.watched()("reindex")).out == "indexed 0 messages, made 0 vectors (ollama/bag)\n"
    assert (await hathi.watched().but(EMBEDDER="")("reindex")).out.startswith("indexed 0 messages, made 4 vectors (")
    doctor = await hathi.watched()("doctor")
    assert "4 messages are found by their words, 0 by their meaning; 4 wait for a vector: run `hathi" in doctor.out


async def test_conversations_from_before_are_indexed_in_the_background_or_at_once(
    hathi: Hathi, fake: FakeModel
) -> None:
    await hathi.but(SEMANTIC_RECALL="false")("chat", "--as", "ana", "--thread", "one", stdin=f"{TOLD}\n")
    assert (await hathi("reindex")).out == "indexed 2 messages, made 0 vectors (local/minilm)\n"
    await hathi("chat", "--as", "ana", "--thread", "two", stdin=f"{ASKED}\n")
    assert TOLD in recalled(fake)


async def test_settings_that_cannot_be_are_one_line(hathi: Hathi) -> None:
    for wrong, said in (
        ({"RECALL_LANGUAGE": "klingon"}, "RECALL_LANGUAGE: 'klingon' is none of arabic, "),
        ({"EMBEDDER": "anthropic/x"}, "Anthropic has none"),
        ({"EMBEDDER": "minilm"}, "provider"),
        ({"RECALL_TOP_K": "-1"}, "RECALL_TOP_K"),
    ):
        ended = await hathi.but(**wrong)("chat", stdin="hi\n")
        assert (ended.status, ended.out, len(ended.err.splitlines())) == (1, "", 1), ended.err
        assert said in ended.err


async def test_what_was_recalled_reaches_a_server_that_takes_strict_turns_only(hathi: Hathi, fake: FakeModel) -> None:
    fake.strict = [SERVERS["Mistral 3 in llama.cpp"]]
    await hathi.watched()("chat", "--as", "ana", "--thread", "one", stdin=f"{TOLD}\n")
    ended = await hathi("chat", "--as", "ana", "--thread", "two", stdin=f"{ASKED}\n")
    assert ended.out.rstrip().endswith(ASKED)
    assert TOLD in fake.asked[-1]["messages"][-1]["content"]  # and not among the instructions

"""The ids of WordPiece tokens, against those of the original tokenizer of all-MiniLM-L6-v2 (tokenizers 0.23.3)."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.models.minilm import wordpiece
from bot.models.minilm.wordpiece import FIRST, LAST, MOST, UNKNOWN, ids_of

FROZEN = [
    ("", ""),
    ("Hello, World!", "7592 1010 2088 999"),
    ("Where do I live? In São Paulo, naïvely.", "2073 2079 1045 2444 1029 1999 7509 9094 1010 15743 2135 1012"),
    (
        "don't: it's $5+^2`~ <@123>",
        "2123 1005 1056 1024 2009 1005 1055 1002 1019 1009 1034 1016 1036 1066 1026 1030 13138 1028",
    ),
    ("東京に住む ラーメン", "1879 1755 1668 100 1679 1731 30265 30252 30263"),
    ("한국어를", "1469 30006 30021 29991 30014 30020 29999 30008 29994 30017 30022"),
    ("합니다", "1469 30006 30024 29992 30019 29993 30006"),
    ("ภาษาไทย", "100"),
    ("مرحبا بالعالم", "1295 17149 29820 29816 25573 1271 25573 23673 29830 25573 23673 22192"),
    ("हिन्दी में", "1339 29877 29863 29861 29878 1331"),
    ("Привет, Ёлка й", "1194 16856 10325 25529 15290 22919 1010 1185 29436 28598 1188"),
    ("ΟΔΥΣΣΕΥΣ İstanbul", "1169 29722 29735 29733 29733 29723 29735 29733 9960"),
    ("ok 😀 👍🏽!", "7929 100 100 999"),
    ("a\u200bb\x00c\xadtab\td\xa0e\u3000f\ufffd", "5925 2696 2497 1040 1041 1042"),
    ("e\u0301te\u0301 \ufb01ne \xbd \uff57\uff49\uff44\uff45", "3802 2063 1984 2638 1092 100"),
    ("unaffable embeddings tokenization", "14477 20961 3468 7861 8270 4667 2015 19204 3989"),
    ("y" * 101 + " end", "100 2203"),
    (
        "https://example.org/a?b=c&d=%20e",
        "16770 1024 1013 1013 2742 1012 8917 1013 1037 1029 1038 1027 1039 1004 1040 1027 1003 2322 2063",
    ),
    ("¿Qué tal… «señor»?", "1094 10861 21368 1529 1077 12411 2953 1090 1029"),
    ("y" * 100, " ".join(["1061"] + ["2100"] * 99)),
]


@pytest.mark.parametrize(("text", "ids"), FROZEN)
def test_text_is_read_as_the_original_reads_it(text: str, ids: str) -> None:
    assert ids_of(text) == [FIRST, *map(int, ids.split()), LAST]


def test_the_vocabulary_is_the_original() -> None:
    content = Path(wordpiece.__file__).with_name("vocab.txt").read_bytes()
    assert hashlib.sha256(content).hexdigest() == "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"


def test_what_people_write_is_never_a_marker() -> None:
    assert ids_of("[SEP] [MASK]").count(LAST) == 1
    assert 103 not in ids_of("[SEP] [MASK]")


@pytest.mark.parametrize("text", ["hello " * 20_000, "東京" * 50_000, "?" * 100_000, "a\u0301b " * 30_000])
def test_a_long_text_is_cut_and_still_ends_well(text: str) -> None:
    ids = ids_of(text)
    assert len(ids) == MOST
    assert ids[:100] == ids_of(text[:1_000])[:100]
    assert (ids[0], ids[-1]) == (FIRST, LAST)


@pytest.mark.parametrize("text", ["x" * 100_000, "\u0301" * 100_000, " " * 100_000, "\x07 " * 50_000, "\ud800"])
def test_a_text_without_words_comes_to_an_end(text: str) -> None:
    assert ids_of(text) in ([FIRST, LAST], [FIRST, UNKNOWN, LAST])


@settings(deadline=None)
@given(st.text(max_size=600))
def test_any_text_gives_ids_that_the_model_knows(text: str) -> None:
    first, *ids, last = ids_of(text)
    assert (first, last) == (FIRST, LAST)
    assert len(ids) <= MOST - 2
    assert all(0 < one < 30_522 and one not in {FIRST, LAST} for one in ids)

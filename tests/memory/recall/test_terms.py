"""What is joined in a text is found by its parts, and what is in parts by the whole; what is said otherwise is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.recall.terms import folded, terms
from memory.recall.words import searchable
from tests.memory.recall.conftest import DM, World, thread_in

FOUND = [  # said, asked for
    ("I like tea/coffee in the morning.", "coffee"),
    ("I am allergic to nuts/peanuts.", "peanuts"),
    ("We moved to Porto.It was great.", "Porto"),
    ("We moved to Porto.It was great.", "Did we move to Porto?"),
    ("Our cat is Mr.Whiskers.", "Whiskers"),
    ("Our cat is Mr. Whiskers.", "Mr.Whiskers"),
    ("Call me at 555-1234.", "1234"),
    ("Call me at 555-1234.", "5551234"),
    ("Call me at 5551234.", "555-1234"),
    ("Call me at 5551234.", "1234"),
    ("Call me at +1 (555) 123-4567.", "555 123 4567"),
    ("Call me at +49 171 2345678.", "0171/2345678"),
    ("Call me at +49-171-2345678.", "01712345678"),
    ("Call me at 0171 2345678.", "2345678"),
    ("Our flight is LH-454.", "454"),
    ("Our flight is LH-454.", "LH454"),
    ("Our flight is LH454.", "454"),
    ("Her flight is LH 454.", "LH-454"),
    ("The site runs on Node.js.", "Node"),
    ("The site runs on Node.js.", "nodejs"),
    ("The site runs on NodeJS.", "node"),
    ("My provider is AT&T.", "AT&T"),
    ("My provider is AT & T.", "AT&T"),
    ("My provider is AT&T.", "at and t"),
    ("I work in R&D.", "R & D"),
    ("The shirt is from H&M.", "h&m"),
    ("It costs 20€/month.", "month"),
    ("It costs 20€/month.", "20 EUR"),
    ("It costs €20.", "20"),
    ("It costs €20.", "20 euros"),
    ("It costs $5.", "5 dollars"),
    ("It costs 5 USD.", "$5"),
    ("It costs £1,000.50 a year.", "1000"),
    ("I was born on 14.03.1990.", "1990"),
    ("I was born on 14/03/1990.", "1990"),
    ("I was born on 1990-03-14.", "14"),
    ("I ran 10km today.", "10 km"),
    ("I ran 10 km today.", "10km"),
    ("I ran km10 today.", "10 km"),
    ("The wi-fi is down.", "wifi"),
    ("The wifi is down.", "wi-fi"),
    ("The wi fi is down.", "wifi"),
    ("The wifi is down.", "wi fi"),
    ("The WiFi is down.", "wifi"),
    ("Write me an e-mail.", "email"),
    ("Write me an email.", "e-mail"),
    ("Write me an e mail.", "email"),
    ("Write to ana.lima@example.com.", "lima"),
    ("Write to ana.lima@example.com.", "example.com"),
    ("Write to ana.lima@example.com.", "ana.lima@example.com"),
    ("See https://www.example.com/travel/to-lisbon?x=1.", "lisbon"),
    ("See https://www.example.com/travel/to-lisbon?x=1.", "example.com"),
    ("See example.com/travel.", "https://example.com"),
    ("We call getUserName here.", "user name"),
    ("We call getUserName here.", "username"),
    ("We call get_user_name here.", "username getusername"),
    ("We call get_user_name here.", "user"),
    ("We call HTTPServer here.", "server"),
    ("It is in /home/ana/tax_report.pdf.", "tax report"),
    ("It is in C:\\Users\\ana\\report.docx.", "report"),
    ("We are on Python 3.11 now.", "3.11"),
    ("We are on Python3.11 now.", "python"),
    ("We shipped v2 of it.", "v2"),
    ("We shipped v2.0.1 of it.", "2"),
    ("The train goes at 14:30.", "14:30"),
    ("The train goes at 14:30.", "14.30"),
    ("There were 1,000 people.", "1000"),
    ("There were 1.000 guests.", "1000"),
    ("There were 1 000 visitors.", "1,000"),
    ("There were 1'000 fans.", "1.000"),
    ("There were 1000 players.", "1 000"),
    ("There were 1 000 000 votes.", "1000000"),
    ("I write C++ at work.", "C++"),
    ("I write C++ at work.", "c"),
    ("I write C# at work.", "C#"),
    ("I write C# at work.", "csharp"),
    ("I write .NET at work.", "dotnet"),
    ("I write ASP.NET at work.", ".NET"),
    ("It was tagged #holiday.", "holiday"),
    ("It was tagged holiday.", "#holiday"),
    ("Ask @mira about it.", "mira"),
    ("The room is ５０５.", "505"),
    ("We met in a café.", "cafe"),
    ("We met in a cafe.", "café"),
    ("His name is Müller.", "Muller"),
    ("His name is Muller.", "MÜLLER"),
    ("We live in Lange Straße.", "strasse"),
    ("My friend Łukasz came.", "lukasz"),
    ("That is O'Brien.", "obrien"),
    ("That is O’Brien.", "O'Brien"),
    ("It is the dog’s bowl.", "dog"),
    ("We went to l'école.", "ecole"),
    ("A state‑of‑the‑art oven.", "state-of-the-art"),  # with hyphens that do not break
    ("She has a USB-C cable.", "usbc"),
    ("I take vitamin B12.", "B 12"),
    ("My song is an mp3.", "mp3"),
    ("She was born in the U.S.A.", "USA"),
    ("May 4th is fine.", "4"),
    ("I paid 5% more.", "5 percent"),
    ("My plan is plan C.", "C"),
    ("I saw The Who.", "The Who"),
    ("I am in IT.", "IT?"),
    ("I saw The Who.", "who are the who"),
    ("To be or not to be.", "to be or not to be?"),
    ("東京タワーは333mです", "333 m"),
    ("Мы живём в Москве-реке.", "москве"),
]
NOT_FOUND = [
    ("I like tea/coffee in the morning.", "cocoa"),
    ("We moved to Porto.It was great.", "Portugal"),
    ("Call me at 555-1234.", "4321"),
    ("Call me at 555-1234.", "123"),
    ("Our flight is LH-454.", "LX-455"),
    ("My provider is AT&T.", "Vodafone"),
    ("I was born on 14.03.1990.", "1991"),
    ("I ran 10km today.", "100 miles"),
    ("The wi-fi is down.", "hi-fi"),
    ("There were 1,000 people.", "10000"),
    ("We are on Python 3.11 now.", "4.12"),
    ("The train goes at 14:30.", "15:45"),
    ("I write C++ at work.", "Rust"),
    ("I write Java at work.", "C++"),
    ("I write C# at work.", "F#"),
    ("His name is Müller.", "Mahler"),
    ("I saw The Beatles.", "who is it"),
    ("Bananas are yellow.", "ana"),
    ("We call getUserName here.", "password"),
    ("It costs €20.", "200 dollars"),
]


def lexemes(text: str) -> set[str]:
    """The words of a text as they are compared, but for their endings."""
    return {word.removesuffix("s") for word in searchable(text, "english").split()}


@pytest.mark.parametrize(("said", "asked"), FOUND)
def test_a_text_and_its_question_have_a_word_in_common(said: str, asked: str) -> None:
    assert lexemes(said) & lexemes(asked)


async def test_each_of_these_is_found_by_words_alone_among_all_others(world: World) -> None:
    world.index.embedder = None
    said = list(dict.fromkeys(text for text, _ in FOUND + NOT_FOUND))
    await world.say(*said)
    await world.index.digest(thread_in(DM))
    where = await world.scope()
    missed = [(text, asked) for text, asked in FOUND if text not in await world.by_words(asked, where)]
    assert missed == []
    wrong = [(text, asked) for text, asked in NOT_FOUND if text in await world.by_words(asked, where)]
    assert wrong == []


async def test_a_question_brings_few_that_have_nothing_to_do_with_it(world: World) -> None:
    world.index.embedder = None
    said = list(dict.fromkeys(text for text, _ in FOUND))
    await world.say(*said)
    await world.index.digest(thread_in(DM))
    where = await world.scope()
    brought = [len(await world.by_words(asked, where)) for _, asked in FOUND]
    assert sum(brought) / len(brought) < len(said) / 10


@given(st.text())
def test_any_text_has_words_that_postgres_reads_one_by_one(text: str) -> None:
    for term in terms(text):
        assert term == term.lower() != ""
        assert not any(sign in term for sign in " \t\n-/.@&_'")


@given(st.text(alphabet=st.characters(whitelist_categories=("Ll", "Lu", "Nd", "Po", "Zs"))))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_scripts_of_others_keep_their_signs() -> None:
    assert terms("हिन्दी में") == ["हिन्दी", "में"]
    assert terms("می‌خواهم") == ["می‌خواهم"]
    assert terms("й ё Ελλάδα") == ["й", "ё", "ελλάδα"]
    assert terms("👩‍🚀👍") == ["👩‍🚀👍"]

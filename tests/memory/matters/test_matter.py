"""What people want forgotten, and which texts speak of it."""

import pytest

from memory.matters.matter import asked, matters_of, wants_gone, words


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("forget my favourite colour", "my favourite colour"),
        ("Forget my favorite color!", "my favorite color!"),
        ("Hathi, please forget that I live in Lisbon.", "I live in Lisbon."),
        ("could you forget about my dog", "my dog"),
        ("I forget my keys all the time", None),
        ("don't forget my birthday", None),
        ("never forget my birthday", None),
        ("forget it", None),
        ("forget me", None),
        ("forget what Bob said", None),
        ("Did you forget my name?", None),
        ("forget my " + "very " * 60 + "long story", None),
    ],
)
def test_a_request_to_forget_is_told_from_talk(text: str, matter: str | None) -> None:
    assert asked(text) == matter


def test_a_message_that_wants_something_gone_does_not_say_it_anew() -> None:
    assert wants_gone("forget that I like tea", "tea")
    assert wants_gone("forget that I like tea and biscuits", "biscuits")
    assert not wants_gone("forget that I live in Lisbon, I live in Porto now", "Porto")
    assert not wants_gone("I like tea", "tea")
    assert not wants_gone("forget that I like tea", "")


def test_spelling_and_number_do_not_matter() -> None:
    assert words("My favourite colours, the “Colors”!") == words("favorite color")
    assert words("cities") == words("city")


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("vergiss meinen Hund", "meinen Hund"),
        ("Bitte vergiss, dass ich in Porto wohne.", "ich in Porto wohne."),
        ("Kannst du bitte meinen Hund vergessen?", "meinen Hund"),
        ("oublie mon chien", "mon chien"),
        ("S'il te plaît, oublie que j'habite à Porto", "j'habite à Porto"),
        ("olvida mi perro", "mi perro"),
        ("Por favor, olvida que vivo en Porto", "vivo en Porto"),
        ("esquece o meu cão", "o meu cão"),
        ("dimentica il mio cane", "il mio cane"),
        ("vergeet mijn hond", "mijn hond"),
        ("vergiss es", None),
        ("vergiss mich", None),
        ("oublie-moi", None),
        ("ich vergesse meinen Schlüssel immer", None),
        ("forget my last message", None),
        ("forget everything", None),
    ],
)
def test_it_is_asked_in_other_languages_too(text: str, matter: str | None) -> None:
    assert asked(text) == matter


@pytest.mark.parametrize(
    ("what", "telling", "kinds", "relatives"),
    [
        ("my dog", "", "", "dog"),
        ("my dog's name", "", "name", "dog"),
        ("where I live", "", "location", ""),
        ("my home address", "", "location", ""),
        ("my email address", "", "email", ""),
        ("my favourite city", "favorite city", "", ""),
        ("that I live in Porto", "porto", "location", ""),
        ("what I do for a living", "", "work", ""),
        ("everything about my sister, please", "", "", "sister"),
        ("that I live in Lisbon, I live in Porto now", "lisbon", "location", ""),
        ("meine Schwester", "", "", "sister"),
        ("Rex", "rex", "", ""),
    ],
)
def test_a_matter_is_its_telling_words(what: str, telling: str, kinds: str, relatives: str) -> None:
    (matter,) = matters_of(what)
    found = (matter.words, matter.kinds, matter.relatives)
    assert found == tuple(frozenset(one.split()) for one in (telling, kinds, relatives))


@pytest.mark.parametrize(
    "what", ["me", "what I like", "what I said", "that", "", "my last question", "?!", "everything"]
)
def test_words_that_every_fact_shares_are_no_matter(what: str) -> None:
    assert matters_of(what) == []


def test_several_matters_can_be_named_at_once() -> None:
    assert [matter.relatives for matter in matters_of("my dog, my cat and my sister")] == [{"dog"}, {"cat"}, {"sister"}]

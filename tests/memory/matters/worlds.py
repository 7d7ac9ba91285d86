"""Random people who talk about what is theirs, and which of their messages and lines speak of which matter.

A world knows the truth because it makes it: each sentence carries the matters that it names.
"""
# ruff: noqa: E501

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from memory.matters.scope import Line, Message
from memory.working.page import Fact

PEOPLE = "Ana Bruno Carla Dario Elena Felix Greta Hugo Ines Jonas Klara Luis Mona Nils Olga Pavel Rosa Tomas".split()
PETS = "Rex Luna Milo Bella Fido Nala Rocky Simba Coco Tiger Balu Shadow".split()
CITIES = "Porto Lisbon Berlin Paris Madrid Rome Utrecht Vienna Prague Oslo Dublin Turin".split()
COLOURS = "blue green red yellow purple orange turquoise".split()
FOODS = "pizza sushi lasagne ramen tacos couscous".split()
JOBS = "nurse plumber carpenter lawyer baker pilot translator".split()
NUTS = "peanuts shellfish pollen penicillin gluten strawberries".split()
FIRMS = "Siemens Nokia Philips Renault Barilla".split()
OTHERS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, and the matters that it names."""

    text: str
    names: frozenset[str]
    asks: bool = False


@dataclass
class World:
    """What somebody has said, what was answered, and their page."""

    what: str = ""  # is to be forgotten, in words
    matter: str = ""  # the same, in the truth
    lines: list[Line] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    truth: dict[str, frozenset[str]] = field(default_factory=dict)  # by a message's id: what it names
    page: dict[int, frozenset[str]] = field(default_factory=dict)  # the same by a line's
    open: set[str] = field(
        default_factory=set
    )  # ids of questions that may go or stay: that I live in Porto; where I live

    def __repr__(self) -> str:
        said = [f"{'bot' if m.answer else 'me '} {m.text} {sorted(self.truth[m.id])}" for m in self.messages]
        page = [f"page {line.label}: {line.value} {sorted(self.page[line.fact.id])}" for line in self.lines]
        return "\n".join([f"forget {self.what!r} ({self.matter})", *page, *said])


# Per language: for each matter how it is asked to be forgotten; what says it, with {v} its value and {n} the name of
# whom it is about; what asks for it; and its line, if it has one. `*`: a sentence that has its name alone.
RELATIVE: dict[str, dict[str, Any]] = {
    "en": {
        "forget": ["my {r}", "about my {r}", "everything about my {r}", "my {r} please"],
        "says": [
            "My {r} is called {n}.",
            "I have a {r} called {n}.",
            "I have a {r}. The name is {n}.",
            "My {r}'s name is {n}.",
            "The name of my {r} is {n}.",
            "my {r} {n} is very tired",
            "{n} is my {r}.",
            "I have a {r}, and {n} is what we call my {r}.",
            "My {r}, {n}, is ill again.",
            "We have a {r} named {n}",
        ],
        "asks": [
            "What is my {r}'s name?",
            "what's my {r} called",
            "Do you remember my {r}?",
            "do you know what my {r} is called",
            "How old is my {r}?",
            "Is my {r} allowed on trains",
            "Can you tell me about my {r}",
        ],
        "more": ["My {r} is ill.", "I went out with my {r} today.", "My {r} likes the sea", "our {r} sleeps all day"],
        "name": ["{n} is ill again", "I went for a walk with {n}.", "{n} says hello", "Where is {n}?"],
        "answers": ["Your {r} is called {n}.", "{n} is a lovely name!", "I hope your {r} gets well soon."],
        "line": [("People", "{r} {n}"), ("People", "has a {r} called {n}"), ("Facts", "{r} is called {n}")],
    },
    "de": {
        "forget": ["{my} {r}", "über {my} {r}"],
        "says": ["{My} {r} heißt {n}.", "{My} {r} {n} ist müde.", "{n} heißt {my} {r}."],
        "asks": ["Wie heißt {my} {r}?", "wo ist {my} {r}", "Kennst du {my} {r}?"],
        "more": ["{My} {r} ist krank.", "Heute war {my} {r} sehr laut."],
        "name": ["{n} ist krank.", "Ich war mit {n} draußen."],
        "answers": ["{n} ist ein schöner Name!"],
        "line": [("People", "{r} {n}")],
    },
    "es": {
        "forget": ["mi {r}"],
        "says": ["Mi {r} se llama {n}.", "El nombre de mi {r} es {n}.", "Tengo un {r} que se llama {n}."],
        "asks": ["¿Cómo se llama mi {r}?", "como se llama mi {r}"],
        "more": ["Mi {r} está cansado."],
        "name": ["{n} está enfermo."],
        "answers": ["{n} es un nombre bonito."],
        "line": [("People", "{r} {n}")],
    },
    "fr": {
        "forget": ["mon {r}"],
        "says": ["Mon {r} s'appelle {n}.", "J'ai un {r} qui s'appelle {n}.", "Le nom de mon {r} est {n}."],
        "asks": ["Comment s'appelle mon {r} ?", "où est mon {r}"],
        "more": ["Mon {r} est malade."],
        "name": ["{n} est malade."],
        "answers": ["{n} est un joli nom."],
        "line": [("People", "{r} {n}")],
    },
    "pt": {
        "forget": ["o meu {r}", "meu {r}"],
        "says": ["O meu {r} chama-se {n}.", "Meu {r} se chama {n}.", "O nome do meu {r} é {n}."],
        "asks": ["Como se chama o meu {r}?", "onde está o meu {r}"],
        "more": ["O meu {r} está cansado."],
        "name": ["{n} está doente."],
        "answers": ["{n} é um nome bonito."],
        "line": [("People", "{r} {n}")],
    },
    "it": {
        "forget": ["il mio {r}"],
        "says": ["Il mio {r} si chiama {n}.", "Il nome del mio {r} è {n}."],
        "asks": ["Come si chiama il mio {r}?", "dove è il mio {r}"],
        "more": ["Il mio {r} è malato."],
        "name": ["{n} è malato."],
        "answers": ["{n} è un bel nome."],
        "line": [("People", "{r} {n}")],
    },
    "nl": {
        "forget": ["mijn {r}"],
        "says": ["Mijn {r} heet {n}.", "De naam van mijn {r} is {n}."],
        "asks": ["Hoe heet mijn {r}?", "waar is mijn {r}"],
        "more": ["Mijn {r} is ziek."],
        "name": ["{n} is ziek."],
        "answers": ["{n} is een mooie naam."],
        "line": [("People", "{r} {n}")],
    },
}
NOUNS = {
    "en": {"dog": PETS, "cat": PETS, "horse": PETS, "sister": PEOPLE, "brother": PEOPLE, "boss": PEOPLE, "wife": PEOPLE,
           "grandmother": PEOPLE, "cousin": PEOPLE, "neighbour": PEOPLE},
    "de": {"Hund": PETS, "Schwester": PEOPLE, "Bruder": PEOPLE, "Katze": PETS},
    "es": {"perro": PETS, "gato": PETS, "hermano": PEOPLE, "tío": PEOPLE},
    "fr": {"chien": PETS, "chat": PETS, "frère": PEOPLE, "cousin": PEOPLE},
    "pt": {"cão": PETS, "gato": PETS, "irmão": PEOPLE, "primo": PEOPLE},
    "it": {"cane": PETS, "gatto": PETS, "cugino": PEOPLE},
    "nl": {"hond": PETS, "kat": PETS, "broer": PEOPLE, "zus": PEOPLE},
}  # fmt: skip
MY_DE = {"Hund": "mein", "Schwester": "meine", "Bruder": "mein", "Katze": "meine"}

# The person's own: how it is asked to be forgotten, what says it, what asks for it, its line, and its values.
OWN: dict[str, dict[str, tuple[Any, ...]]] = {
    "en": {
        "location": (
            ["where I live", "my address", "my location", "my home", "that I live in {v}"],
            ["I live in {v}.", "I'm living in {v} now.", "i live in {v}", "I've lived in {v} for years."],
            ["Where do I live?", "do you know where I live"],
            ("Location", "{v}"), CITIES,
        ),
        "name": (
            ["my name", "that my name is {v}", "what my name is"],
            ["My name is {v}.", "I'm called {v}.", "Call me {v}"],
            ["What is my name?", "whats my name", "do you remember my name"],
            ("Name", "{v}"), PEOPLE,
        ),
        "colour": (
            ["my favourite colour", "my favorite color", "what my favourite colour is"],
            ["My favourite colour is {v}.", "{v} is my favorite color", "my favourite color is {v} btw"],
            ["What is my favourite colour?", "Do you know my favorite color"],
            ("Preferences", "favourite colour {v}"), COLOURS,
        ),
        "food": (
            ["my favourite food", "my favorite food"],
            ["My favourite food is {v}.", "{v} is my favourite food!"],
            ["What's my favourite food?"],
            ("Preferences", "favourite food is {v}"), FOODS,
        ),
        "job": (
            ["my job", "my work", "my occupation", "what I do for a living"],
            ["I work as a {v}.", "My job is {v}", "i work as a {v} you know"],
            ["What is my job?", "what do I do for a living"],
            ("Occupation", "{v}"), JOBS,
        ),
        "allergy": (
            ["my allergy", "my allergies", "that I am allergic to {v}"],
            ["I'm allergic to {v}.", "I have an allergy to {v}"],
            ["Am I allergic to {v}?"],
            ("Facts", "allergic to {v}"), NUTS,
        ),
        "code": (
            ["my locker number", "my locker"],
            ["My locker number is {v}.", "the number of my locker is {v}"],
            ["What's the number of my locker?", "what is my locker number"],
            ("Facts", "locker number {v}"), ["4711", "98213", "7730"],
        ),
        "car": (["my car", "my old car"][:1], ["My car is {v}.", "I drive my {v} car to work"], ["Where is my car?"],
                ("Facts", "car is {v}"), COLOURS),
        "wedding": (["my wedding"], ["My wedding is in {v}.", "We plan our wedding in {v}"], ["When is my wedding?"],
                    ("Events", "wedding in {v}"), CITIES),
    },
    "de": {
        "location": (["wo ich wohne", "meine Adresse", "dass ich in {v} wohne"],
                     ["Ich wohne in {v}.", "Ich lebe in {v}."], ["Wo wohne ich?", "weißt du wo ich wohne"],
                     ("Location", "{v}"), CITIES),
        "name": (["meinen Namen", "wie ich heiße"][1:], ["Ich heiße {v}.", "Mein Name ist {v}."], ["Wie heiße ich?"],
                 ("Name", "{v}"), PEOPLE),
        "colour": (["meine Lieblingsfarbe"], ["Meine Lieblingsfarbe ist {v}."], ["Was ist meine Lieblingsfarbe?"],
                   ("Preferences", "Lieblingsfarbe {v}"), ["blau", "grün", "gelb"]),
    },
    "es": {
        "location": (["donde vivo", "mi dirección"], ["Vivo en {v}.", "Yo vivo en {v}."], ["¿Dónde vivo yo?"],
                     ("Location", "{v}"), CITIES),
        "name": (["mi nombre"], ["Me llamo {v}.", "Mi nombre es {v}."], ["¿Cuál es mi nombre?"], ("Name", "{v}"), PEOPLE),
    },
    "fr": {
        "location": (["où j'habite", "mon adresse"], ["J'habite à {v}.", "Moi, j'habite à {v}."], ["Où est-ce que j'habite ?"],
                     ("Location", "{v}"), CITIES),
        "name": (["mon nom"], ["Je m'appelle {v}.", "Mon nom est {v}."], ["Quel est mon nom ?"], ("Name", "{v}"), PEOPLE),
    },
    "pt": {
        "location": (["onde eu moro", "a minha morada"], ["Eu moro em {v}.", "Eu vivo em {v}."], ["Onde é que eu moro?"],
                     ("Location", "{v}"), CITIES),
        "name": (["o meu nome"], ["O meu nome é {v}.", "Eu chamo-me {v}."], ["Qual é o meu nome?"], ("Name", "{v}"), PEOPLE),
    },
    "it": {
        "location": (["dove io abito", "il mio indirizzo"], ["Io abito a {v}.", "Io vivo a {v}."], ["Dove abito io?"],
                     ("Location", "{v}"), CITIES),
        "name": (["il mio nome"], ["Mi chiamo {v}.", "Il mio nome è {v}."], ["Qual è il mio nome?"], ("Name", "{v}"), PEOPLE),
    },
    "nl": {
        "location": (["waar ik woon", "mijn adres"], ["Ik woon in {v}.", "Nu woon ik in {v}."], ["Waar woon ik?"],
                     ("Location", "{v}"), CITIES),
        "name": (["mijn naam"], ["Ik heet {v}.", "Mijn naam is {v}."], ["Wat is mijn naam?"], ("Name", "{v}"), PEOPLE),
    },
}  # fmt: skip
# Of relatives, in words that everybody shares: {r} lives where the person does, likes what they like.
SHARED = {
    "en": [
        ("My {r} lives in {city}.", False), ("Where does my {r} live?", True), ("where does my {r} work", True),
        ("My {r}'s favourite colour is {colour}.", False), ("What is my {r}'s favourite colour?", True),
        ("My {r} works as a {job}.", False), ("My {r} is allergic to {nut}.", False), ("My {r} likes {food}", False),
    ],
    "de": [("{My} {r} wohnt in {city}.", False), ("Wo wohnt {my} {r}?", True), ("wo wohnt {my} {r}", True)],
    "es": [("Mi {r} vive en {city}.", False), ("¿Dónde vive mi {r}?", True), ("donde vive mi {r}", True)],
    "fr": [("Mon {r} habite à {city}.", False), ("Où habite mon {r} ?", True)],
    "pt": [("O meu {r} mora em {city}.", False), ("Onde mora o meu {r}?", True)],
    "it": [("Il mio {r} vive a {city}.", False), ("Dove abita il mio {r}?", True)],
    "nl": [("Mijn {r} woont in {city}.", False), ("Waar woont mijn {r}?", True)],
}  # fmt: skip
NOISE = {
    "en": [
        "Hello!", "What is the weather like?", "Thanks, that helps.", "Dogs are wonderful.", "I saw a cat in the street.",
        "Tell me a joke", "I love trains.", "What do you like?", "What is your name?",
        "Where do you live?", "I was in {city} last week.", "Bob lives in {city}.", "Bob's dog is big.",
        "His favourite colour is {colour}.", "I need a new number", "I am late for work", "My bike is {colour}.",
        "My favourite city is {city}.", "I love {city}.", "Can you call me a taxi?", "I live for music",
    ],
    "de": ["Hallo!", "Wie ist das Wetter?", "Hunde sind toll.", "Wie heißt du?", "Erzähl mir einen Witz"],
    "es": ["¡Hola!", "¿Qué tiempo hace?", "¿Cómo te llamas?"],
    "fr": ["Bonjour !", "Quel temps fait-il ?", "Comment tu t'appelles ?"],
    "pt": ["Olá!", "Como está o tempo?", "Como te chamas?"],
    "it": ["Ciao!", "Che tempo fa?", "Come ti chiami?"],
    "nl": ["Hallo!", "Hoe is het weer?", "Hoe heet jij?"],
}  # fmt: skip


def world(random: Random, language: str = "en") -> World:
    """A random person's world, and one matter in it that is to be forgotten."""
    made = _Maker(random, language)
    for noun in random.sample(sorted(NOUNS[language]), random.randint(1, min(3, len(NOUNS[language])))):
        made.relative(noun)
    for kind in random.sample(sorted(OWN[language]), random.randint(1, min(4, len(OWN[language])))):
        made.own(kind)
    made.noise(random.randint(1, 5))
    return made.ended()


class _Maker:
    def __init__(self, random: Random, language: str) -> None:
        self.random, self.language = random, language
        self.said: list[Said] = []
        self.answers: list[Said] = []
        self.lines: list[tuple[str, str, frozenset[str]]] = []
        self.wishes: list[tuple[str, str]] = []
        self.names: set[str] = set()
        self.asking: set[str] = set()
        self.told: dict[str, str] = {}

    def pick(self, several: list[str]) -> str:
        return self.random.choice(several)

    def _one_of(self, values: list[str]) -> str:
        """A name that nobody else has here."""
        value = self.pick([one for one in values if one not in self.names])
        self.names.add(value)
        return value

    def _values(self) -> dict[str, str]:
        several = {"city": CITIES, "colour": COLOURS, "job": JOBS, "nut": NUTS, "food": FOODS}
        return {name: self.pick(values) for name, values in several.items()}

    def relative(self, noun: str) -> None:
        table = RELATIVE[self.language]
        name, names = self._one_of(NOUNS[self.language][noun]), frozenset([noun])
        my = MY_DE.get(noun, "")

        def put(text: str) -> str:
            return text.format(r=noun, n=name, my=my, My=my.capitalize(), **self._values())

        self.wishes += [(put(one), noun) for one in table["forget"]]
        told = self.random.random() < 0.8
        if told:
            self.said.append(Said(put(self.pick(table["says"])), names))
            self.said += [Said(put(one), names) for one in self._some(table["name"], 2)]
            self.answers += [Said(put(one), names) for one in self._some(table["answers"], 1)]
            if self.random.random() < 0.6:
                label, value = self.random.choice(table["line"])
                self.lines.append((label, put(value), names))
        self.said += [Said(put(one), names, True) for one in self._some(table["asks"], 2)]
        self.said += [Said(put(one), names) for one in self._some(table["more"], 1)]
        self.said += [Said(put(one), names, asks) for one, asks in self._some(SHARED[self.language], 2)]

    def own(self, kind: str) -> None:
        forget, says, asks, (label, value), values = OWN[self.language][kind]
        told = self._one_of(values) if values in (PEOPLE, PETS) else self.pick(values)
        names = frozenset([kind])
        self.wishes += [(one.format(v=told), kind) for one in forget]
        self.said += [Said(one.format(v=told), names) for one in self._some(says, 2)]
        if self.random.random() < 0.7:
            self.lines.append((label, value.format(v=told), names))
        self.said += [Said(one.format(v=told), names, True) for one in self._some(asks, 1)]
        self.told[kind] = told

    def noise(self, number: int) -> None:
        texts = [self.pick(NOISE[self.language]).format(**self._values()) for _ in range(number)]
        self.said += [Said(text, frozenset()) for text in texts]

    def _some(self, several: list[Any], most: int) -> list[Any]:
        return self.random.sample(several, min(self.random.randint(0, most), len(several)))

    def ended(self) -> World:
        """The sentences in a random order, some of them in one message; one wish."""
        found = World()
        self.random.shuffle(self.said)
        texts = list(self.said)
        while texts:
            one = texts.pop()
            if texts and self.random.random() < 0.15 and one.text[-1] in ".!?":
                other = texts.pop()
                one = Said(f"{one.text} {other.text}", one.names | other.names, one.asks or other.asks)
            self._add(found, one, False)
        for answer in self.answers:
            self._add(found, answer, True)
        for number, (label, value, names) in enumerate(self.lines, start=1):
            fact = Fact(number, "p", label, value, None, (), frozenset(), datetime(2026, 1, 1, tzinfo=UTC))
            found.lines.append(Line(fact, label, value))
            found.page[number] = names
        found.what, found.matter = self.random.choice(self.wishes)
        if self.told.get(found.matter, found.what) in found.what.split():
            found.open = self.asking
        return found

    def _add(self, found: World, said: Said, answer: bool) -> None:
        id_ = str(len(found.messages))
        found.messages.append(Message(id_, said.text, answer))
        found.truth[id_] = said.names
        if said.asks:
            self.asking.add(id_)

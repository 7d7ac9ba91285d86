"""The small words of seven languages. Data.

A list may leave out a word: then a text is taken to name less, and less is forgotten, never more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Language:
    """The small words of one language."""

    own: frozenset[str]  # for the one who speaks
    my: frozenset[str]  # those of them that stand before what is theirs
    your: frozenset[str]  # the same for the one who is spoken to
    their: frozenset[str]  # and for anybody else
    yours: frozenset[str]  # for the one who is spoken to
    others: frozenset[str]  # for anybody else
    one: frozenset[str]  # that introduce something as new: a dog
    many: frozenset[str]  # before all there are of something: los perros
    the: frozenset[str]  # before one that is known: the dog
    of: frozenset[str]  # between a thing and whose it is: the dog of my sister
    joins: frozenset[str]  # between clauses
    asks: frozenset[str]  # that begin a question
    verbs: frozenset[str]  # that begin a question when somebody is named next
    has: frozenset[str]  # by which a thing becomes one's own
    small: frozenset[str]  # the rest
    endings: str  # of the same word in other numbers and cases, as a pattern
    known: frozenset[str] = frozenset()  # all of them


def words(text: str) -> frozenset[str]:
    """A set of words that are written in a row."""
    return frozenset(text.split())


_LANGUAGES = {
    "en": Language(
        own=words("i im ive me my mine myself we our ours us"),
        yours=words("you your yours u ur"),
        others=words("he him his she her hers it its they them their theirs"),
        my=words("my our"),
        your=words("your ur"),
        their=words("his her its their"),
        many=words(""),
        one=words("a an some any another every each no many most all"),
        the=words("the this that"),
        of=words("of"),
        joins=words("and but because so while although"),
        asks=words("what where who whose which when why how"),
        verbs=words("do does did is are was were am can could will would have has had should may might"),
        has=words(
            "have has had got own owns owned adopted bought keep keeps kept rescued raise raised getting planning "
            "booked passed failed wrote writing built building am"
        ),
        small=words(
            "the this that these those there here to in on at by for from with about as into near after before up out "
            "than then too also just really very not only if or be been being get its let please ok okay yes hello hi "
            "hey well now still ever never always often once again already said say tell told know knew remember "
            "forget forgot note noted thing things anything everything something stuff like likes liked love loves "
            "loved hate enjoy enjoys prefer feel think thought want wants wanted need go goes going gone went come "
            "came make made take took see saw seen fact more lot much own same other so over because what's last "
            "previous message messages question questions request comment again bit"
        ),
        endings=r"(?<=[^aeiou]{1})ies$|(?<=[^su i])s$",
    ),
    "de": Language(
        own=words("ich mich mir mein meine meinen meinem meiner meines wir uns unser unsere unseren unserem unserer"),
        yours=words("du dich dir dein deine deinen deinem deiner deines"),
        others=words("er ihn ihm sein seine seinen seinem seiner seines sie ihr ihre ihren ihrem ihrer ihres es"),
        my=words("mein meine meinen meinem meiner meines unser unsere unseren unserem unserer"),
        your=words("dein deine deinen deinem deiner deines"),
        their=words("sein seine seinen seinem seiner seines ihr ihre ihren ihrem ihrer ihres"),
        many=words(""),
        one=words("ein eine einen einem einer eines kein keine keinen"),
        the=words("der die das den dem"),
        of=words("von vom meiner meines der des"),
        joins=words("und aber weil denn sondern"),
        asks=words("was wo wer wie wann warum wieso welche welcher welches welchen wem wen wessen wohin woher"),
        verbs=words("ist sind war bin hat habe habt kann weißt weisst kennst heißt heisst wohnt wohne lebt soll"),
        has=words("habe hab hat haben hatte besitze adoptiert gekauft bin plane"),
        small=words(
            "das die den dem dies diese dieser in im am an auf aus bei mit nach zu zum zur für über um als auch nur "
            "noch sehr nicht dass daß ob wenn ja nein bitte jetzt immer schon mal mag liebe gern gerne weiß alles "
            "etwas vergiss vergessen heiße genannt wurde wird werden sein seit"
        ),
        endings=r"(?<=\w{3})(?:en|er|es|em|e|n|s)$",
    ),
    "fr": Language(
        own=words("je j moi me m mon ma mes nous notre nos"),
        yours=words("tu te t toi ton ta tes vous votre vos"),
        others=words("il elle ils elles lui son sa ses leur leurs"),
        my=words("mon ma mes notre nos"),
        your=words("ton ta tes votre vos"),
        their=words("son sa ses leur leurs"),
        many=words("les"),
        one=words("un une des aucun aucune"),
        the=words("le la l"),
        of=words("de du"),
        joins=words("et mais parce car"),
        asks=words("où qui que quoi quel quelle quels quelles comment quand pourquoi combien"),
        verbs=words("est-ce as-tu sais-tu connais-tu est ai-je"),
        has=words("ai as a avons possède adopté acheté suis"),
        small=words(
            "le la les l d n s c qu ce cet cette ces à au aux en dans sur sous par pour avec sans chez ne pas plus "
            "très aussi est sont était être être suis s'il plaît plait oublie oublier tout si oui non aime adore veux "
            "maintenant toujours encore fait y"
        ),
        endings=r"(?<=\w{3})[sx]$",
    ),
    "es": Language(
        own=words(
            "yo vivo tengo soy estoy trabajo llamo mi mis mí mío mía me nosotros nuestra nuestro nuestras nuestros"
        ),
        yours=words("tú tu tus te ti usted"),
        others=words("él ella ellos ellas su sus le les"),
        my=words("mi mis nuestra nuestro nuestras nuestros"),
        your=words("tu tus"),
        their=words("su sus"),
        many=words("los las"),
        one=words("un una unos unas ningún ninguna"),
        the=words("el la"),
        of=words("de del"),
        joins=words("y e pero porque"),
        asks=words("qué dónde quién cuál cuáles cómo cuándo cuánto cuántos que donde quien cual como cuando"),
        verbs=words("sabes conoces recuerdas tengo"),
        has=words("tengo tiene tenemos tenía adopté compré soy"),
        small=words(
            "el la los las lo se en a al con por para sin sobre no sí muy también ya es son era está están estoy ser "
            "olvida olvide favor todo gusta encanta si desde hay ahora siempre esto esta este"
        ),
        endings=r"(?<=[^aeiou]{1})es$|(?<=\w{3})s$",
    ),
    "pt": Language(
        own=words(
            "eu moro vivo tenho sou estou trabalho chamo meu minha meus minhas me mim nós nosso nossa nossos nossas"
        ),
        yours=words("tu teu tua teus tuas te você"),
        others=words("ele ela eles elas dele dela deles delas seu sua seus suas lhe"),
        my=words("meu minha meus minhas nosso nossa nossos nossas"),
        your=words("teu tua teus tuas"),
        their=words("seu sua seus suas"),
        many=words("os as"),
        one=words("um uma uns umas nenhum nenhuma"),
        the=words("o a"),
        of=words("de do da dos das"),
        joins=words("e mas porque"),
        asks=words("que quem onde qual quais como quando quanto quantos"),
        verbs=words("sabes sabe conheces lembras tenho"),
        has=words("tenho tem temos tinha adotei comprei sou"),
        small=words(
            "o a os as se em no na nos nas ao à com por para sem sobre não sim muito também já é são era está estou "
            "ser esquece esqueça favor tudo gosto adoro desde há agora sempre isto este esta"
        ),
        endings=r"(?<=\w{3})s$",
    ),
    "it": Language(
        own=words("io abito vivo ho sono lavoro chiamo mio mia miei mie mi me noi nostro nostra nostri nostre"),
        yours=words("tu tuo tua tuoi tue ti te"),
        others=words("lui lei loro suo sua suoi sue gli le"),
        my=words("mio mia miei mie nostro nostra nostri nostre"),
        your=words("tuo tua tuoi tue"),
        their=words("suo sua suoi sue loro"),
        many=words("i gli le"),
        one=words("un uno una nessun nessuna"),
        the=words("il la lo"),
        of=words("di del della dello"),
        joins=words("e ed ma perché"),
        asks=words("cosa che dove chi quale quali qual come quando quanto quanti dov com"),
        verbs=words("sai conosci ricordi ho"),
        has=words("ho ha abbiamo avevo adottato comprato sono"),
        small=words(
            "il lo la i gli l d c s in nel nella a al alla con per senza su non sì molto anche già è era sta sto "
            "essere si dimentica favore tutto piace adoro da dal ora sempre questo questa"
        ),
        endings=r"(?<=\w{3})[aeio]$",
    ),
    "nl": Language(
        own=words("ik mij mijn me m'n wij we ons onze"),
        yours=words("jij je jou jouw u uw"),
        others=words("hij hem zijn zij ze haar hun hen"),
        my=words("mijn m'n onze ons"),
        your=words("jouw je uw"),
        their=words("zijn haar hun"),
        many=words(""),
        one=words("een geen"),
        the=words("de het"),
        of=words("van"),
        joins=words("en maar want omdat"),
        asks=words("wat waar wie welke welk wanneer waarom hoe wiens"),
        verbs=words("is zijn was heb heeft kan weet ken woont woon heet"),
        has=words("heb heeft hebben had gekocht ben"),
        small=words(
            "de het dat die dit deze in op aan bij met naar te voor over om als ook nog zeer niet of ja nee nu altijd "
            "alsjeblieft vergeet vergeten alles iets hou graag er"
        ),
        endings=r"(?<=\w{3})(?:en|s|e)$",
    ),
}


def _with_all(language: Language) -> Language:
    parts = (getattr(language, field.name) for field in fields(language))
    return replace(language, known=frozenset[str]().union(*(part for part in parts if isinstance(part, frozenset))))


LANGUAGES: Mapping[str, Language] = {name: _with_all(language) for name, language in _LANGUAGES.items()}

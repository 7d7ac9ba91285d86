"""Words by which a text is read for whom and what it speaks of, in seven languages. Data.

A list may leave out a word: then a text is taken to name less, and less is forgotten, never more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from memory.matters.languages import LANGUAGES, words

# Whom people speak of as theirs, by what that is called in English. In each language: all forms.
_RELATIVES = """
dog: en dog dogs doggy puppy puppies; de hund hunde hunden hundes hündin hündchen welpe; fr chien chiens chienne
    chiot; es perro perros perra perrita perrito; pt cão cao cães cachorro cachorra cadela; it cane cani cagnolino;
    nl hond honden hondje
cat: en cat cats kitten kitty; de katze katzen kater kätzchen; fr chat chats chatte chaton; es gato gatos gata
    gatito; pt gato gatos gata gatinho; it gatto gatti gatta gattino; nl kat katten poes kater
horse: en horse horses pony; de pferd pferde pferdes pony; fr cheval chevaux; es caballo caballos yegua; pt cavalo
    cavalos; it cavallo cavalli; nl paard paarden
rabbit: en rabbit rabbits bunny; de kaninchen hase hasen; fr lapin lapins; es conejo conejos; pt coelho coelhos; it
    coniglio conigli; nl konijn konijnen
parrot: en parrot parrots; de papagei papageien; fr perroquet; es loro loros; pt papagaio; it pappagallo; nl
    papegaai
hamster: en hamster hamsters; de hamster; fr hamster; es hámster; pt hamster; it criceto; nl hamster
bird: en bird birds; de vogel vögel; fr oiseau oiseaux; es pájaro; pt pássaro; it uccello; nl vogel vogels
fish: en goldfish; de goldfisch; fr poisson; nl goudvis
turtle: en turtle turtles tortoise; de schildkröte; fr tortue; es tortuga; pt tartaruga; it tartaruga; nl schildpad
pet: en pet pets; de haustier haustiere haustieren; es mascota mascotas; nl huisdier huisdieren
sister: en sister sisters sis; de schwester schwestern; fr sœur soeur sœurs soeurs; es hermana hermanas; pt irmã
    irma irmãs; it sorella sorelle; nl zus zussen zusje zuster
brother: en brother brothers bro; de bruder brüder brüdern bruders; fr frère frere frères; es hermano hermanos; pt
    irmão irmao irmãos; it fratello fratelli; nl broer broers broertje
sibling: en sibling siblings; de geschwister
mother: en mother mothers mum mom mommy mummy; de mutter mama mutti; fr mère mere maman; es madre mamá mama; pt mãe
    mae mamã; it madre mamma; nl moeder mama
father: en father fathers dad daddy; de vater papa vati vaters; fr père papa; es padre papá; pt pai papá; it padre
    papà; nl vader papa
parent: en parent parents; de eltern; fr parents; es padres; pt pais; it genitori; nl ouders
son: en son sons; de sohn söhne sohnes sohnes; fr fils; es hijo; pt filho; it figlio; nl zoon zoons zonen
daughter: en daughter daughters; de tochter töchter; fr fille filles; es hija hijas; pt filha filhas; it figlia
    figlie; nl dochter dochters
child: en child children kid kids baby babies; de kind kinder kindern baby; fr enfant enfants bébé; es hijos niños
    bebé; pt filhos crianças bebé bebê; it figli bambini bambino; nl kind kinderen baby
wife: en wife; de frau ehefrau; fr femme épouse; es esposa mujer; pt esposa mulher; it moglie; nl vrouw
husband: en husband hubby; de ehemann mann; fr mari époux; es esposo marido; pt marido esposo; it marito; nl man
    echtgenoot
girlfriend: en girlfriend; de freundin; fr copine; es novia; pt namorada; it ragazza fidanzata; nl vriendin
boyfriend: en boyfriend; de freund; fr copain; es novio; pt namorado; it ragazzo fidanzato; nl vriend
fiance: en fiance fiancé fiancee fiancée; de verlobter verlobte verlobten; fr fiancé fiancée; es prometido
    prometida; pt noivo noiva; nl verloofde
partner: en partner spouse; de partner partnerin; fr partenaire conjoint; es pareja; pt parceiro parceira; it
    compagno compagna; nl partner
grandmother: en grandmother grandma granny gran nan nana; de großmutter oma; fr grand-mère mamie; es abuela; pt avó;
    it nonna; nl oma grootmoeder
grandfather: en grandfather grandpa grandad granddad; de großvater opa; fr grand-père papi; es abuelo; pt avô; it
    nonno; nl opa grootvader
aunt: en aunt auntie aunts; de tante; fr tante; es tía; pt tia; it zia; nl tante
uncle: en uncle uncles; de onkel; fr oncle; es tío; pt tio; it zio; nl oom
cousin: en cousin cousins; de cousin cousine vetter; fr cousin cousine; es primo prima; pt primo prima; it cugino
    cugina; nl neef nicht
nephew: en nephew nephews; de neffe neffen; fr neveu; es sobrino; pt sobrinho; it nipote
niece: en niece nieces; de nichte; fr nièce; es sobrina; pt sobrinha
friend: en friend friends buddy mate; fr ami amie amis; es amigo amiga amigos; pt amigo amiga amigos; it amico amica
    amici
boss: en boss manager; de chef chefin chefs; fr patron chef; es jefe jefa; pt chefe; it capo; nl baas
colleague: en colleague colleagues coworker coworkers; de kollege kollegin kollegen; fr collègue collègues; es
    colega compañero; pt colega; it collega; nl collega
neighbour: en neighbour neighbor neighbours neighbors; de nachbar nachbarin nachbarn; fr voisin voisine; es vecino
    vecina; pt vizinho vizinha; it vicino vicina; nl buurman buurvrouw
flatmate: en flatmate roommate housemate; de mitbewohner mitbewohnerin; fr colocataire; nl huisgenoot
teacher: en teacher teachers; de lehrer lehrerin; es profesor profesora; pt professor professora; nl leraar lerares
doctor: en doctor dentist therapist; de arzt ärztin zahnarzt; fr médecin; es médico; pt médico; it medico; nl arts
""".strip()


def _relatives() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for entry in re.split(r"\n(?! )", _RELATIVES):
        who, _, forms = entry.partition(":")
        for one in forms.split(";"):
            language, *several = one.split()
            found[language].update(dict.fromkeys(several, who))
    return found


RELATIVES: Mapping[str, Mapping[str, str]] = _relatives()

# Who is meant as well by a wider word; never the other way round.
_WIDER = """
pet: dog cat horse rabbit parrot hamster bird fish turtle; sibling: sister brother; parent: mother father;
child: son daughter; partner: wife husband girlfriend boyfriend fiance;
family: sister brother sibling mother father parent son daughter child wife husband grandmother grandfather aunt uncle
cousin nephew niece
"""
WIDER: Mapping[str, frozenset[str]] = {
    wide.strip(): words(narrow) for wide, narrow in (entry.split(":") for entry in _WIDER.split(";"))
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fact of which everybody has one, and which is called and said in many ways."""

    nouns: frozenset[str]  # what it is called: in a matter, as a label, and behind `my`
    said: re.Pattern[str]  # how it is said without being called
    hints: frozenset[str]  # in a word of whatever says it: one of these


def _kind(nouns: str, hints: str, *said: str) -> Kind:
    return Kind(words(nouns), re.compile(rf"\b(?:{'|'.join(said)})", re.IGNORECASE), words(hints))


# A name by which one says who one is, and no nation, tongue or belief: I am Marta.
_NO_NAME = (
    r"(?:\w*(?:ese|ish|an|ch|ic|lim|eek|iss|hai|i|ot|urk|urd|inn|ede|ane|ist|du)|Pole|Sikh|Jew|Serb|Croat|Arab|"
    r"Aries|Taurus|Gemini|Cancer|Virgo|Libra|Scorpio|Sagittarius|Capricorn|Aquarius|"
    r"Home|Ok|Okay|Sorry|Back|Done|Ready|Here|Sure|Not|Fine|Sad|Happy|Tired|Busy|Late|Sick|Ill)"
)
_NAME = rf"(?!{_NO_NAME}\b)[A-ZÀ-Þ][a-zà-þ]+ *(?:$|[.,!]| (?:from|btw)\b)"

KINDS: Mapping[str, Kind] = {
    "location": _kind(
        "location residence address home hometown city town whereabouts place country wohnort adresse zuhause wohnung "
        "stadt adresse domicile ville dirección domicilio ciudad casa endereço morada cidade indirizzo città residenza "
        "adres woonplaats stad",
        "liv flat apartment house resid moved moving relocat based from wohn leb habit vis vit viv mor abit woon won",
        r"(?:live|lives|lived|reside|resides)\b(?! for\b| with\b)",
        r"(?:living|residing) (?:in|at|on|near|by|outside|here|there|now)\b",
        r"(?:i'm|i am|we're|we are|come|comes) from\b",
        r"^from\b",
        r"(?:moved|moving|relocated) (?:back )?to (?-i:(?=[A-ZÀ-Þ]))",
        r"based in\b",
        r"(?:my|our) (?:flat|apartment|house|place) is (?:in|at|on|near|by|outside)\b",
        r"(?:wohne|wohnst|wohnt|wohnen|lebe|lebst|lebt)\b",
        r"(?:habite|habites|habitons|habitent|vis à|vit à)\b",
        r"(?:vivo|vives|vive|vivimos|moro|moras|mora|moramos|abito|abiti|abita|resido)\b",
        r"(?:woon|woont|wonen)\b",
    ),
    "name": _kind(
        "name names nickname surname lastname firstname vorname nachname spitzname nom prénom surnom nombre apellido "
        "apodo nome sobrenome cognome naam voornaam achternaam",
        "call name go am im m heiß heiss appelle llam cham chiam heet heten",
        r"(?:(?:i'm|i am|am|is|are|was|were|'s) (?:also |usually )?(?:called|named)\b)",
        r"(?:called|named) (?-i:(?=[A-ZÀ-Þ]))",
        r"(?:go|goes) by\b",
        rf"(?:i'?m|i am) (?-i:(?={_NAME}))",
        r"[Cc]all me (?-i:(?=[A-ZÀ-Þ]))",
        r"(?:heiße|heisse|heißt|heisst|heißen)\b",
        r"(?:m|s|t)' ?(?:appelle|appelles)\b",
        r"(?:me llamo|se llama|te llamas|me chamo|se chama|chama-se|chamo-me|mi chiamo|si chiama)\b",
        r"(?:heet|heten)\b",
        r"(?:what|how).{0,40} called\b",
    ),
    "email": _kind(
        "email emails mail",
        "mail ǀ",
        r"me (?:at|on|via) \w+ǀ\w+",  # as an address is read
    ),
    "age": _kind(
        "age alter âge edad idade età leeftijd",
        "0 1 2 3 4 5 6 7 8 9 old alt âge años anos anni oud turn",
        r"\d{1,3} (?:years old|jahre alt|ans|años|anos|anni|jaar)\b",
        r"(?:how old|wie alt|quel âge|cuántos años|quantos anos|quanti anni|hoe oud)\b",
        r"turn(?:ed|ing)? \d{1,3}\b",
        r"(?:i'?m|i am) \d{1,3}(?= *(?:$|[.,!]| (?:btw|now|already|today|lol)\b))",
    ),
    "birthday": _kind(
        "birthday bday birthdate geburtstag geburtsdatum anniversaire cumpleaños aniversário compleanno verjaardag",
        "birthday bday born geb anniversaire cumplea anivers complean jarig",
        r"(?:birthday|bday|born|geboren|geburtstag|anniversaire|cumpleaños|aniversário|compleanno|verjaardag|jarig)\b",
    ),
    "work": _kind(
        "job work occupation profession employer career workplace beruf arbeit arbeitgeber métier travail boulot "
        "trabajo profesión empleo trabalho emprego profissão lavoro professione mestiere baan beroep werk",
        "work living arbeit travail trabaj trabalh lavor werk",
        r"(?:work|works|worked|working) (?:as|at|for|in|with|there)\b",
        r"(?:for|as) a living\b",
        r"(?:where|what|who).{0,20} (?:work|works|working)\b",
        r"(?:arbeite|arbeitest|arbeitet|travaille|travailles|trabajo|trabaja|trabalho|trabalha|lavoro|lavora|werk|werkt)\b",
    ),
    "allergy": _kind(
        "allergy allergies allergie allergien alergia alergias allergia allergieën",
        "aller alér aler allér intoleran",
        r"(?:aller|alér|aler|allér)g\w+",
        r"intoleran\w+",
    ),
    "interests": _kind(
        "hobby hobbies hobbys interest interests pastime pastimes interessen aficiones loisirs", "", r"$^"
    ),
    "preferences": _kind("preference preferences likes dislikes tastes vorlieben", "", r"$^"),
    "goals": _kind("goal goals ambition ambitions", "", r"$^"),
}

NOUNS = frozenset[str]().union(*(kind.nouns for kind in KINDS.values()))

# What a thing is, and not which: no value by itself, and what keeps one value from another.
TRAITS = words(
    """
    age animal band bands birthday book books car city color colour country film films flower food
    foods fruit game games height instrument language languages meal movie movies music number pet season
    singer song songs size sport sports team teams year zodiac weight farbe essen buch filme musik lied tier
    stadt zahl sprache couleur plat livre musique chanson animal ville langue color comida libro música canción
    ciudad idioma cor livro cidade língua colore cibo libro canzone città kleur eten boek muziek
    """
)
FAVOURITE = re.compile(
    r"favou?rite|lieblings?|favs?$|fave|best-?loved|préféré\w*|favorit\w*|preferid\w*|preferit\w*|lievelings?\w*",
    re.IGNORECASE,
)

# Everyday words that are said of anything: they give nothing away.
COMMON = words(
    """
    ill sick sad happy old new young big small little tall short long good great nice bad best better worse cute
    lovely beautiful pretty ugly funny clever smart tired hungry cold hot warm fine ok sweet kind crazy busy
    free dead alive gone home house here there today yesterday tomorrow tonight morning evening night week month
    year day days weeks months years time times monday tuesday wednesday thursday friday saturday sunday january
    february march april may june july august september october november december spring summer autumn winter
    one two three four five six seven eight nine ten first second third last next early late soon ago since
    until always never often sometimes currently born years lives live work works working worked married single
    single-minded person people man woman boy girl guy child kid family friend favourite favorite name named
    called city town country place color colour street area part eat eats ate drink drinks play plays played
    sleep sleeps walk walks run runs read reads visit visited visits met meet call talk talked speak ask asked
    help helped find found give gave look looks lost left stay stayed moved krank traurig alt jung groß klein
    gut schlecht schön müde heute gestern morgen jahr jahre tag tage woche monat malade vieux vieille jeune
    grand petit bon mauvais beau belle hier aujourd demain an ans jour jours semaine mois enfermo enferma viejo
    vieja joven grande pequeño bueno malo hoy ayer mañana año años día días semana mes doente velho velha novo
    nova grande pequeno bom mau hoje ontem amanhã ano anos dia dias semana mês malato vecchio giovane piccolo
    buono cattivo oggi ieri domani anno anni giorno giorni settimana mese ziek oud jong groot klein goed slecht
    vandaag gisteren morgen jaar dag dagen week maand
    """
)
# Names that are also everyday words: Max, and the max.
EVERYDAY = words(
    """
    angel amber art basil bear bill biscuit bob candy chance charity chase cherry chip cliff coco cookie dale daisy dash
    dawn dean dot drew duke earl ernest eve faith fern flash flora forest fox frank gene ginger glory grace grant guy
    harmony hazel heather herb holly honey hope hunter iris ivy jack jade jasmine jay jewel john josh joy king lance
    lark lily lucky mace major mark mason max melody mercy mike miles misty muffin nick norm nova oak olive oreo pat
    patience peanut pearl penny pepper piper poppy prince princess prudence pumpkin queen rain ray reed reuben rich
    river rob robin rocky rose rosemary ruby rusty sage sandy scout shadow skip sky smoky snow spot star stew storm sue
    sugar sunny tiger tom trinity trip victor violet wade ward warren will willow winter wolf
    """
)
# Behind a name or a mother these make a sentence: Max is ill, mum rang.
TELLING = words(
    """
    is was isn't has had will can could would should does did says said told tells loves loved likes liked hates wants
    needs came comes went goes got gets lives works plays eats sleeps barks bit rang calls thinks knew knows knew took
    takes gave gives made makes sent sends wrote writes bought ran runs fell died turned just always never still also
    and or too again cooks hugged visited cried laughed barked asks feels felt looked smiled kissed texted phoned
    ist war hat sagt est a dit es está tiene é tem è ha heeft
    """
)
# What only looks as if it spoke of somebody.
IDIOMS = re.compile(
    r"\b(?:mamma mia|mother tongues?|mother nature|(?:mother|father)'?s'? day|mum(?: is|'s) the word|"
    r"father christmas|cats and dogs|hot dogs?|ill effects)\b",
    re.IGNORECASE,
)
# Words for the same, as forms: who asks for one of a row has the others gone as well, where they speak of themselves.
_SAME = """
pregnancy pregnant; divorce divorced divorcing; surgery operation; salary wage wages income earn earning earned;
health ill illness unwell diagnosis diagnosed
"""
SAME: Mapping[str, frozenset[str]] = {form: words(row) - {form} for row in _SAME.split(";") for form in row.split()}
PLACED = words("in at from near to by around outside en à em a ad aus bei nach dans chez de te uit bij naar")
# Behind these a question is told, not asked: I wonder where my sister lives.
WONDERS = re.compile(
    r"\b(?:wonder\w*|remind me|tell me|(?:want|like|need) to know|no idea|(?:don't|do not|can't|cannot|didn't) "
    r"(?:know|remember|recall)|not sure|forgot|guess|ask\w*|frage mich|weiß nicht|sag mir|je me demande|dis-moi|"
    r"dime|no sé|não sei|diz-me|dimmi|non so|vraag me af|weet niet|zeg me)\b",
    re.IGNORECASE,
)

"""Kinds of lines: what there is one truth of, and what must never be forgotten. Pure; data before rules.

Whoever writes `Lisbon` and then `Porto` has moved; whoever likes tea and then coffee likes both. Which is which is told
by the field's label, by the operator's own hint, and by what the line says.
"""

import re
from collections.abc import Iterable

_FLAGS = re.IGNORECASE | re.VERBOSE

# Labels of templates, by what there is one truth of.
_LABELS = {
    "name": """name|full name|first name|last name|surname|family name|given name|nickname|vorname|nachname
    |spitzname|nom|
        prénom|surnom|nombre|apellido|apellidos|apodo|nome|sobrenome|apelido|cognome|soprannome|naam|voornaam
        |achternaam|
        what to call them|preferred name""",
    "home": """location|city|home|town|place|residence|country|address|home town|hometown|where they live|ort
    |wohnort|stadt|
        land|adresse|lieu|ville|pays|domicile|résidence|ubicación|ciudad|país|residencia|lugar|domicilio
        |localização|cidade|
        residência|local|posizione|città|paese|residenza|luogo|locatie|woonplaats|plaats|stad|adres""",
    "work": """occupation|job|profession|work|employer|role|company|job title|beruf|arbeit|arbeitgeber
    |tätigkeit|métier|
        emploi|travail|employeur|ocupación|trabajo|profesión|empleo|ocupação|trabalho|profissão|emprego
        |occupazione|lavoro|
        professione|beroep|werk|baan|functie""",
    "zone": "time zone|timezone|zeitzone|fuseau horaire|zona horaria|fuso horário|fuso orario|tijdzone",
    "pronouns": "pronouns|pronomen|pronoms|pronombres|pronomes|pronomi|voornaamwoorden",
    "age": "age|alter|âge|edad|idade|età|leeftijd",
    "birthday": """birthday|birth date|date of birth|birthdate|geburtstag|geburtsdatum|anniversaire
    |date de naissance|cumpleaños|
        fecha de nacimiento|aniversário|data de nascimento|compleanno|data di nascita|verjaardag|geboortedatum""",
    "": """height|weight|shoe size|size|gender|nationality|native language|mother tongue|marital status
    |relationship status|
        email|e-mail|phone|phone number|blood type|star sign|größe|gewicht|geschlecht|nationalität|muttersprache|
        familienstand|nationalité|langue maternelle|nacionalidad|lengua materna|nacionalidade|nazionalità
        |nationaliteit""",
}
_BY_LABEL = {" ".join(label.split()): kind for kind, labels in _LABELS.items() for label in labels.split("|")}
_ONE = re.compile(
    r"\b(?:(?:only|just|exactly)\ one|one\ only|single|current|latest|nur\ ein\w*|aktuell\w*|un(?:e)?\ seule?"
    r"|uno?\ solo|"
    r"una\ sola|só\ um\w?|un[oa]?\ sol[oa]|slechts\ één|huidige)\b",
    _FLAGS,
)
_SEVERAL = re.compile(
    r"\b(?:list|several|all|each|every|many|liste|alle|lista|lijst|tous|todos|tutti)\b", re.IGNORECASE
)
_FAVOURITE = re.compile(r"(?:my\ )?(?:favou?rite|lieblings)\ ?[\w ]*[^s]$", re.IGNORECASE)

# Whatever the field: what a line says may itself be of one kind.
_SAYS = {
    "zone": r"""\btime\ ?zone\b|\bzeitzone\b|\bfuseau\ horaire\b|\bzona\ horaria\b|\bfuso\ (?:horário|orario)\b
    |\btijdzone\b
        |\b(?:UTC|GMT)\ ?[+-]\d|\b(?:Africa|America|Asia|Atlantic|Australia|Europe|Indian|Pacific)/\w+""",
    "pronouns": r"""\bpronouns?\b|\bpronomen\b|\bpronoms?\b|\bpronombres?\b|\bpronomes?\b|\bpronomi\b
        |\b(?:she/her|he/him|they/them|xe/xem|ze/\w+|elle/\w+|il/lui|iel|sie/ihr|er/ihm|ella/\w+|él/\w+)\b""",
    "age": r"""^(?:(?:i'?m|i\ am|is|age[d:]?|turned)\ )?\d{1,3}(?:\ (?:years?\ old|y/?o))?$|\b\d{1,3}\ years?\ old\b
        |\bist?\ \d{1,3}\ jahre\ alt\b|\b\d{1,3}\ jahre\ alt\b|\b\d{1,3}\ ans$|\b(?:tiene|tengo)\ \d{1,3}\ años\b
        |\b(?:tem|tenho)\ \d{1,3}\ anos\b|\b(?:ha|ho)\ \d{1,3}\ anni\b|\b\d{1,3}\ jaar\ oud\b""",
    "birthday": r"""^(?:my\ )?birthday\b(?!\ (?:party|present|gift|dinner|trip))|^(?:mein\ )?geburtstag\b
        |^(?:mon\ )?anniversaire\b|^(?:mi\ )?cumpleaños\b|^(?:meu\ )?aniversário\b|^(?:il\ mio\ )?compleanno\b
        |^(?:mijn\ )?verjaardag\b|^born\ on\b""",
    "name": r"^(?:you\ can\ |please\ )?call\ (?:me|them|him|her)\ |^goes\ by\ |^(?:prefers|wants)\ to\ be\ called\ ",
}
_OF = {kind: re.compile(pattern, _FLAGS) for kind, pattern in _SAYS.items()}
# In a field of one truth, these say something beside it.
_ORIGIN = re.compile(
    r"\b(?:born|grew\ up|originally|raised|comes?\ from|is\ from|i'?m\ from|from)\b|\b(?:geboren|aufgewachsen"
    r"|stammt|komm\w*\ aus)\b"
    r"|\b(?:née?|originaire|grandi)\b|\b(?:nacid[oa]|nació|nací|crec\w+|originari[oa]|es\ de|soy\ de)\b"
    r"|\b(?:nascid[oa]|nasceu|nasci|cresc\w+|é\ de|sou\ de)\b|\b(?:nat[oa]|cresciut[oa])\b|\b(?:opgegroeid"
    r"|kom\w*\ uit)\b",
    _FLAGS,
)
_ELSEWHERE = re.compile(  # not there, or not yet
    r"\b(?:visit\w*|holidays?|vacation|trip|travell?\w*|on\ tour|commut\w*|used\ to|former\w*|ex-\w+"
    r"|previous\w*|wants?\ to|"
    r"plans?\ to|planning|will|would|going\ to|moving\ to|moves\ to|dreams?|looking\ for|hopes?|until|"
    r"urlaub|reist?|früher\w*|ehemalig\w*|möchte|zieht|vacances|voyage|ancien\w*|veut|vacaciones|viaj\w+|antes"
    r"|quiere|férias|quer|"
    r"vacanza|viaggi\w+|ex|vuole|vakantie|reis\w*|vroeger|verhuist)\b",
    _FLAGS,
)
_STUDY = re.compile(
    r"\b(?:stud(?:y|ies|ying|ent|ier\w+|iert|ium)|étudi\w+|estudi\w+|estud\w+|student\w*|studeert|pupil|degree"
    r"|phd|thesis|school|university|"
    r"universit\w+)\b",
    _FLAGS,
)
_EMPLOYER = re.compile(
    r"^(?:i\ )?(?:works?|working|employed|job|arbeitet?|travaill\w+|trabaj\w+|trabalh\w+|lavor\w+"
    r"|werkt?)\ (?:at|for|in|with|on|bei|für|"
    r"chez|à|en|para|na|no|em|per|da|presso|bij)\b",
    _FLAGS,
)
_AT = re.compile(r"\ (?:at|for|bei|chez|en|na|no|presso|bij)\ \S", _FLAGS)
_WRITTEN = re.compile(
    r"\b(?:spel\w+|written|pronounced|middle\ name|maiden|surname|last\ name"
    r"|birth\ name)\b",
    _FLAGS,
)

# Said of a second one beside the first, unless it says that something has changed.
_ALSO = re.compile(
    r"\b(?:also|too|as\ well|additionally|besides|second\ (?:home|job|house|flat|name|place)|part[- ]time|both"
    r"|on\ the\ side|"
    r"auch|außerdem|zusätzlich|nebenbei|nebenher|zweit\w+|aussi|également|en\ plus|también|además|também|além"
    r"|anche|inoltre|ook|"
    r"daarnaast|tevens)\b",
    _FLAGS,
)
_CHANGED = re.compile(
    r"\b(?:now|moved|no\ longer|not\ any\ ?more|instead|changed|switched|quit|left|jetzt|inzwischen|umgezogen"
    r"|nicht\ mehr|maintenant|"
    r"déménagé|ne\ plus|ahora|mudé|ya\ no|agora|mudei|já\ não|adesso|ora|trasferit\w|non\ più|nu|verhuisd"
    r"|niet\ meer)\b",
    _FLAGS,
)
_NEVER_FORGET = re.compile(
    r"""allerg|alerg|alérg|intoleran|intolérant|intollerant|unverträglich|anaphyla|epipen|c(?:o)?eliac|celíac
    |zöliakie|celiaci
    |diabet|diabét|insulin|epilep|épilep|asthma|asthme|\basma\b|h(?:ae|e)mophil|pacemaker|herzschrittmacher
    |blood\ type|blutgruppe
    |groupe\ sanguin|grupo\ sanguíneo|gruppo\ sanguigno|bloedgroep|medication|medikament|médicament|medicament|farmac
    |pregnan|schwanger|enceinte|embarazad|grávida|incinta|zwanger|wheelchair|rollstuhl|fauteuil\ roulant
    |silla\ de\ ruedas
    |cadeira\ de\ rodas|sedia\ a\ rotelle|rolstoel|\bdeaf\b|gehörlos|\bsourde?\b|\bsord[oa]\b|\bsurd[oa]\b|\bdoof\b
    |\bblind\b|aveugle|\bcieg[oa]\b|\bceg[oa]\b|\bciec[oa]\b|dyslexi|trigger|phobia|\bfatal\b|deadly|tödlich
    |mortel|mortal
    |\b(?:cannot|can't|must\ not|mustn't|never)\ (?:eat|have|drink|take|be\ given)\b|emergency\ contact|notfallkontakt
    |recover\w*\ alcoholic|sober\b|vegan|vegetari|vegetal|végétari|\bhalal\b|\bkosher\b|koscher""",
    _FLAGS,
)


def kinds(label: str, value: str, hints: Iterable[str] = ()) -> frozenset[str]:
    """What of which there is one truth a line tells; empty where there may be many."""
    found = {kind for kind, pattern in _OF.items() if pattern.search(value)}
    plain = " ".join(label.casefold().split())
    kind = _BY_LABEL.get(plain)
    if kind is None:
        known = " ".join(hints)
        one = _FAVOURITE.fullmatch(plain) or (_ONE.search(known) and not _SEVERAL.search(known))
        return frozenset({*found, *([plain] if one else [])})
    match kind:
        case "home" | "work" if _ELSEWHERE.search(value):
            pass
        case "home":
            found |= {f"{plain} of birth"} if _ORIGIN.search(value) else {plain} if found <= {"home"} else set()
        case "work":
            found |= _work(plain, value)
        case "name":
            found |= {f"{plain} as written"} if _WRITTEN.search(value) else {plain}
        case "":
            found.add(plain)
        case _:
            found.add(kind)
    return frozenset(found)


def _work(plain: str, value: str) -> set[str]:
    if _STUDY.search(value):
        return {"studies"}
    if _EMPLOYER.match(value):
        return {f"{plain} where"}
    return {plain, f"{plain} where"} if _AT.search(value) else {plain}


def is_home(label: str, value: str) -> bool:
    """Whether a line says where somebody lives."""
    plain = " ".join(label.casefold().split())
    return _BY_LABEL.get(plain) == "home" and not (_ORIGIN.search(value) or _ELSEWHERE.search(value))


def tells_zone(label: str, value: str) -> bool:
    """Whether a line says which time zone somebody is in."""
    plain = " ".join(label.casefold().split())
    return _BY_LABEL.get(plain) == "zone" or bool(_OF["zone"].search(value))


def beside(sentence: str) -> bool:
    """Whether a sentence tells of a second one beside the first: `I also live in Berlin`."""
    return bool(_ALSO.search(sentence)) and not _CHANGED.search(sentence)


def first(label: str, value: str, *, single: bool = False) -> int:
    """How early a line has its place: 0 what must never be forgotten, 1 what there is one truth of, 2 all else."""
    found = kinds(label, value)
    name = _BY_LABEL.get(" ".join(label.casefold().split())) == "name"
    if name or found & {"name", "pronouns", "zone"} or _NEVER_FORGET.search(f"{label} {value}"):
        return 0
    return 1 if found or single else 2

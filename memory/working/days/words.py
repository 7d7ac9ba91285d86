"""The words with which people name days, in seven languages: data for days.py.

In the patterns `{day}` stands for a weekday, `{month}` for a month, `{n}` for a number and `{unit}` for what it counts.
A pattern covers the small words that its replacement brings along: `on Friday` becomes `on 15 May 2026`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """How one language speaks of days."""

    common: str  # small words that tell the language
    months: str
    weekdays: str  # from Monday, each a pattern
    days: Mapping[str, int]  # pattern of a day → days from today
    # pattern of a weekday → 0: the one to come, or told as past the one before; 1: of next week; 2: to come; -1: before
    on: Mapping[str, int]
    periods: Mapping[str, tuple[str, int]]  # pattern → unit, and how many from this one
    units: Mapping[str, str]  # what is counted, a pattern → unit
    ahead: str  # `in 3 days`
    ago: str
    numbers: str  # from one
    in_month: str  # before a month's name
    # How a day, a week, a weekend, a month and a year are written, behind a small word of their own or bare.
    day: tuple[str, str]
    week: str
    weekend: str
    month: tuple[str, str]
    year: tuple[str, str]
    bounds: str  # small words before a day that stay: `until`
    since: str  # those of them after which something has no end


ENGLISH = Words(
    common="the my on in at of is and with for to has i a next exam",
    months="january february march april may june july august september october november december",
    weekdays="monday|mon tuesday|tues?|tue wednesday|wed thursday|thurs?|thu friday|fri saturday|sat sunday|sun",
    days={
        r"(?:the )?day after tomorrow": 2,
        r"tomorrow": 1,
        r"(?:later )?today|tonight|this (?:morning|afternoon|evening)": 0,
        r"(?:the )?day before yesterday": -2,
        r"yesterday|last night": -1,
        r"(?:a|one) week from (?:today|now)|today week|in a week": 7,
        r"(?:a|one) week from tomorrow|tomorrow week": 8,
        r"(?:in )?a fortnight(?: from (?:today|now))?": 14,
    },
    on={
        r"(?:on )?next {day}|(?:on )?{day} (?:of )?next week|next week(?: on)? {day}": 1,
        r"(?:on )?(?:this(?: coming)?|the coming|coming|the upcoming|upcoming) {day}|(?:on )?{day} this week": 2,
        r"(?:on )?(?:last|past|the past) {day}": -1,
        r"on (?:a )?{day}": 0,
    },
    periods={
        r"(?:the )?week after next": ("week", 2),
        r"(?:in |during |some ?time )?(?:the )?(?:next|coming|following) week": ("week", 1),
        r"(?:later |during )?this week": ("week", 0),
        r"(?:during )?(?:last|the past|past) week": ("week", -1),
        r"(?:on |at |over )?(?:the )?next weekend": ("weekend", 1),
        r"(?:on |at |over )?(?:this|this coming|the coming|the) weekend(?! of)": ("weekend", 0),
        r"(?:on |at |over )?(?:last|the past) weekend": ("weekend", -1),
        r"(?:in |during |some ?time )?(?:the )?(?:next|coming) month": ("month", 1),
        r"(?:later |during )?this month|(?<=end of )the month": ("month", 0),
        r"(?:during )?last month": ("month", -1),
        r"(?:in |during |some ?time )?(?:the )?(?:next|coming) year": ("year", 1),
        r"(?:later |during )?this year|(?<=end of )the year": ("year", 0),
        r"(?:during )?last year": ("year", -1),
    },
    units={"days?": "day", "weeks?": "week", "fortnights?": "fortnight", "months?": "month", "years?": "year"},
    ahead=r"(?:in|within) (?:about |around )?{n} {unit}(?:'s? time)?|{n} {unit} from (?:now|today)",
    ago=r"(?:about |around )?{n} {unit} ago",
    numbers="an?|one two|a couple of|a couple three|a few four five six seven eight nine ten eleven twelve",
    in_month=r"in (?:early |mid[- ]?|late )?|(?:this|next|last|during|early|mid[- ]?|late|at the end of|the end of) ",
    day=("on {d} {m} {y}", "{d} {m} {y}"),
    week="in the week of {day}",
    weekend="on the weekend of {day}",
    month=("in {m} {y}", "{m} {y}"),
    year=("in {y}", "{y}"),
    bounds=r"end of|by|until|till?|before|after|from|starting|since|as of|between|for",
    since=r"since|from|as of|starting",
)
GERMAN = Words(
    common="ich mein meine der die das am im und mit ist hat bei zum zur ein eine nach habe wird prüfung",
    months="januar februar märz april mai juni juli august september oktober november dezember",
    weekdays="montag|mo dienstag|di mittwoch|mi donnerstag|do freitag|fr samstag|sonnabend|sa sonntag|so",
    days={
        r"übermorgen": 2,
        r"morgen(?: (?=früh|vormittag|mittag|nachmittag|abend|nacht))?": 1,
        r"heute(?: (?=früh|morgen|vormittag|mittag|nachmittag|abend|nacht))?": 0,
        r"vorgestern": -2,
        r"gestern(?: (?=früh|morgen|vormittag|mittag|nachmittag|abend|nacht))?": -1,
        r"heute in einer woche|in einer woche": 7,
    },
    on={
        r"(?:am )?{day} (?:der )?nächster? woche|nächste woche(?: am)? {day}": 1,
        r"(?:am )?(?:nächste[nr]|kommende[nr]|diese[nr]) {day}": 2,
        r"(?:am )?(?:letzte[nr]|vergangene[nr]|vorige[nr]) {day}": -1,
        r"am {day}": 0,
    },
    periods={
        r"(?:in der )?übernächsten? woche": ("week", 2),
        r"(?:in der )?(?:nächsten?|kommenden?) woche": ("week", 1),
        r"(?:in )?(?:dieser?) woche": ("week", 0),
        r"(?:in der )?(?:letzten?|vorigen?|vergangenen?) woche": ("week", -1),
        r"(?:am )?(?:nächste[ns]) wochenende": ("weekend", 1),
        r"(?:am|dieses|an diesem|am kommenden|kommendes) wochenende": ("weekend", 0),
        r"(?:am )?(?:letzte[ns]|vergangene[ns]) wochenende": ("weekend", -1),
        r"(?:im )?(?:nächsten|kommenden) monat": ("month", 1),
        r"(?:in )?diese[nm] monat": ("month", 0),
        r"(?:im )?(?:letzten|vergangenen|vorigen) monat": ("month", -1),
        r"(?:im )?(?:nächste[ns]|kommende[ns]) jahr": ("year", 1),
        r"(?:in )?diese[sm] jahr": ("year", 0),
        r"(?:im )?(?:letzte[ns]|vergangene[ns]|vorige[ns]) jahr": ("year", -1),
    },
    units={"tage?n?": "day", "wochen?": "week", "monate?n?": "month", "jahre?n?": "year"},
    ahead=r"in {n} {unit}",
    ago=r"vor {n} {unit}",
    numbers="eine[mr]? zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    in_month=r"(?:anfang|mitte|ende|nächsten|diesen|im nächsten|im) ",
    day=("am {d}. {M} {y}", "{d}. {M} {y}"),
    week="in der Woche vom {day}",
    weekend="am Wochenende vom {day}",
    month=("im {M} {y}", "{M} {y}"),
    year=("im Jahr {y}", "{y}"),
    bounds=r"bis zum|bis|seit dem|seit|ab dem|ab|vor dem|vor|nach dem|nach|von|vom|für",
    since=r"seit dem|seit|ab dem|ab",
)
FRENCH = Words(
    common="je j'ai mon ma mes le la les un une du des et est à en pour avec dans au examen suis était de",
    months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    weekdays="lundi mardi mercredi jeudi vendredi samedi dimanche",
    days={
        r"après[- ]demain": 2,
        r"demain": 1,
        r"aujourd['’]hui|ce soir|ce matin|cet après-midi|cette nuit": 0,
        r"avant[- ]hier": -2,
        r"hier(?: soir| matin)?": -1,
        r"dans une semaine": 7,
        r"dans quinze jours": 14,
    },
    on={
        r"{day} de la semaine prochaine|{day} en huit": 1,
        r"(?:le )?{day} prochain|ce {day}|(?:le )?{day} qui vient": 2,
        r"(?:le )?{day} (?:dernier|passé)": -1,
        r"(?<!le )(?<!les )(?<!chaque ){day}": 0,
    },
    periods={
        r"(?:dans )?la semaine (?:prochaine|qui vient)": ("week", 1),
        r"cette semaine": ("week", 0),
        r"la semaine (?:dernière|passée)": ("week", -1),
        r"le week-?end prochain": ("weekend", 1),
        r"ce week-?end": ("weekend", 0),
        r"le week-?end (?:dernier|passé)": ("weekend", -1),
        r"le mois (?:prochain|qui vient)": ("month", 1),
        r"ce mois-ci": ("month", 0),
        r"le mois (?:dernier|passé)": ("month", -1),
        r"l['’]an(?:née)? prochaine?": ("year", 1),
        r"cette année": ("year", 0),
        r"l['’]an(?:née)? (?:dernière?|passée?)": ("year", -1),
    },
    units={"jours?": "day", "semaines?": "week", "mois": "month", "ans?|années?": "year"},
    ahead=r"dans {n} {unit}",
    ago=r"il y a {n} {unit}",
    numbers="une? deux trois quatre cinq six sept huit neuf dix onze douze",
    in_month=r"(?:en|début|mi-|fin|au mois de|au mois d['’]) ?",
    day=("le {d} {m} {y}", "{d} {m} {y}"),
    week="la semaine du {day}",
    weekend="le week-end du {day}",
    month=("en {m} {y}", "{m} {y}"),
    year=("en {y}", "{y}"),
    bounds=r"jusqu['’]au|jusqu['’]à|avant|après|dès|depuis|à partir de|à partir du|pour",
    since=r"dès|depuis|à partir de|à partir du",
)
SPANISH = Words(
    common="yo mi mis el la los las un una del y es en para con tengo se al examen estoy me de",
    months="enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre",
    weekdays="lunes martes miércoles|miercoles jueves viernes sábado|sabado domingo",
    days={
        r"pasado mañana": 2,
        r"(?<!la )(?<!esta )(?<!cada )(?<!una )mañana": 1,
        r"hoy|esta noche|esta tarde|esta mañana": 0,
        r"anteayer|antes de ayer": -2,
        r"ayer|anoche": -1,
        r"(?:dentro de|en) una semana": 7,
    },
    on={
        r"(?:el )?{day} de la (?:próxima semana|semana que viene)": 1,
        r"(?:el )?próximo {day}|(?:el )?{day} (?:próximo|que viene)|este {day}": 2,
        r"(?:el )?{day} pasado|(?:el )?pasado {day}": -1,
        r"el {day}": 0,
    },
    periods={
        r"(?:en )?la próxima semana|(?:en )?la semana (?:que viene|próxima)": ("week", 1),
        r"esta semana": ("week", 0),
        r"la semana pasada": ("week", -1),
        r"el próximo fin de semana|el fin de semana que viene": ("weekend", 1),
        r"este fin de semana": ("weekend", 0),
        r"el fin de semana pasado": ("weekend", -1),
        r"el próximo mes|el mes (?:que viene|próximo)": ("month", 1),
        r"este mes": ("month", 0),
        r"el mes pasado": ("month", -1),
        r"el próximo año|el año (?:que viene|próximo)": ("year", 1),
        r"este año": ("year", 0),
        r"el año pasado": ("year", -1),
    },
    units={"días?|dias?": "day", "semanas?": "week", "mes(?:es)?": "month", "años?": "year"},
    ahead=r"(?:dentro de|en) {n} {unit}",
    ago=r"hace {n} {unit}",
    numbers="una?|un dos tres cuatro cinco seis siete ocho nueve diez once doce",
    in_month=r"(?:en|a principios de|a mediados de|a finales de|este|el próximo) ",
    day=("el {d} de {m} de {y}", "{d} de {m} de {y}"),
    week="la semana del {day}",
    weekend="el fin de semana del {day}",
    month=("en {m} de {y}", "{m} de {y}"),
    year=("en {y}", "{y}"),
    bounds=r"hasta el|hasta|desde el|desde|antes del|antes de|después del|después de|a partir del|a partir de"
    r"|para el|para",
    since=r"desde el|desde|a partir del|a partir de",
)
PORTUGUESE = Words(
    common="eu meu minha o a os as um uma do da e é em para com tenho no na não estou prova exame de",
    months="janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    weekdays=(
        "segunda(?:-feira)? terça(?:-feira)? quarta-feira quinta-feira sexta-feira|sexta sábado"
        r"|sabado domingo"
    ),
    days={
        r"depois de amanhã": 2,
        r"amanhã": 1,
        r"hoje|esta noite|esta tarde|esta manhã": 0,
        r"anteontem": -2,
        r"ontem": -1,
        r"(?:daqui a|em) uma semana": 7,
    },
    on={
        r"(?:n?[ao] )?{day} da (?:próxima semana|semana que vem)": 1,
        r"(?:n?[ao] )?próxim[ao] {day}|(?:n?[ao] )?{day} que vem|n?est[ae] {day}": 2,
        r"(?:n?[ao] )?{day} passad[ao]|(?:n?[ao] )?últim[ao] {day}": -1,
        r"n[ao] {day}": 0,
    },
    periods={
        r"(?:n?a )?próxima semana|(?:n?a )?semana que vem": ("week", 1),
        r"n?esta semana": ("week", 0),
        r"(?:n?a )?semana passada": ("week", -1),
        r"(?:n?o )?próximo fim de semana|(?:n?o )?fim de semana que vem": ("weekend", 1),
        r"n?este fim de semana": ("weekend", 0),
        r"(?:n?o )?fim de semana passado": ("weekend", -1),
        r"(?:n?o )?próximo mês|(?:n?o )?mês que vem": ("month", 1),
        r"n?este mês": ("month", 0),
        r"(?:n?o )?mês passado": ("month", -1),
        r"(?:n?o )?próximo ano|(?:n?o )?ano que vem": ("year", 1),
        r"n?este ano": ("year", 0),
        r"(?:n?o )?ano passado": ("year", -1),
    },
    units={"dias?": "day", "semanas?": "week", "mês|meses": "month", "anos?": "year"},
    ahead=r"(?:daqui a|dentro de|em) {n} {unit}",
    ago=r"há {n} {unit}|{n} {unit} atrás",
    numbers="uma?|um duas|dois três quatro cinco seis sete oito nove dez onze doze",
    in_month=r"(?:em|no início de|em meados de|no fim de|no final de) ",
    day=("em {d} de {m} de {y}", "{d} de {m} de {y}"),
    week="na semana de {day}",
    weekend="no fim de semana de {day}",
    month=("em {m} de {y}", "{m} de {y}"),
    year=("em {y}", "{y}"),
    bounds=r"até|desde|antes de|depois de|a partir de|para",
    since=r"desde|a partir de",
)
ITALIAN = Words(
    common="io mio mia il lo la i gli un una del della e è in per con ho al esame sono di",
    months="gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    weekdays="lunedì|lunedi martedì|martedi mercoledì|mercoledi giovedì|giovedi venerdì|venerdi sabato domenica",
    days={
        r"dopodomani": 2,
        r"domani": 1,
        r"oggi|stasera|stamattina|stanotte|questa sera": 0,
        r"l['’]altro ieri|avantieri": -2,
        r"(?<!altro )ieri": -1,
        r"(?:tra|fra) una settimana": 7,
    },
    on={
        r"{day} della (?:prossima settimana|settimana prossima)": 1,
        r"(?:il )?(?:prossim[oa] {day}|{day} prossim[oa])|quest[oa] {day}": 2,
        r"(?:il )?{day} scors[oa]|(?:il )?scors[oa] {day}": -1,
        r"(?<!il )(?<!la )(?<!di )(?<!ogni ){day}": 0,
    },
    periods={
        r"(?:nel)?la prossima settimana|(?:nel)?la settimana prossima": ("week", 1),
        r"questa settimana": ("week", 0),
        r"la settimana scorsa|la scorsa settimana": ("week", -1),
        r"il prossimo (?:weekend|fine settimana)": ("weekend", 1),
        r"questo (?:weekend|fine settimana)": ("weekend", 0),
        r"lo scorso (?:weekend|fine settimana)": ("weekend", -1),
        r"il mese prossimo|il prossimo mese": ("month", 1),
        r"questo mese": ("month", 0),
        r"il mese scorso|lo scorso mese": ("month", -1),
        r"l['’]anno prossimo|il prossimo anno": ("year", 1),
        r"quest['’]anno": ("year", 0),
        r"l['’]anno scorso|lo scorso anno": ("year", -1),
    },
    units={"giorn[oi]": "day", "settiman[ae]": "week", "mes[ei]": "month", "ann[oi]": "year"},
    ahead=r"(?:tra|fra) {n} {unit}",
    ago=r"{n} {unit} fa",
    numbers="una?|un due tre quattro cinque sei sette otto nove dieci undici dodici",
    in_month=r"(?:a|in|ad|a inizio|a metà|a fine) ",
    day=("il {d} {m} {y}", "{d} {m} {y}"),
    week="nella settimana del {day}",
    weekend="nel fine settimana del {day}",
    month=("a {m} {y}", "{m} {y}"),
    year=("nel {y}", "{y}"),
    bounds=r"fino al|fino a|entro|prima di|dopo|dal|da|per",
    since=r"dal|da",
)
DUTCH = Words(
    common="ik mijn de het een en is met voor naar op bij van heb heeft wordt rijexamen ga aan",
    months="januari februari maart april mei juni juli augustus september oktober november december",
    weekdays="maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    days={
        r"overmorgen": 2,
        r"morgen(?=(?:ochtend|middag|avond)?\b)": 1,
        r"vandaag|vanavond|vanmiddag|vanochtend": 0,
        r"eergisteren": -2,
        r"gisteren": -1,
        r"over een week": 7,
    },
    on={
        r"(?:op )?volgende (?:week )?{day}|{day} volgende week": 1,
        r"(?:op )?(?:aanstaande|komende|deze|a\.s\.) {day}|{day} aanstaande": 2,
        r"(?:op )?(?:afgelopen|vorige) {day}": -1,
        r"op {day}": 0,
    },
    periods={
        r"(?:volgende|komende) week": ("week", 1),
        r"deze week": ("week", 0),
        r"(?:vorige|afgelopen) week": ("week", -1),
        r"(?:in het )?volgend weekend": ("weekend", 1),
        r"(?:dit|komend|in het|het) weekend": ("weekend", 0),
        r"(?:vorig|afgelopen) weekend": ("weekend", -1),
        r"(?:volgende|komende) maand": ("month", 1),
        r"deze maand": ("month", 0),
        r"(?:vorige|afgelopen) maand": ("month", -1),
        r"(?:volgend|komend) jaar": ("year", 1),
        r"dit jaar": ("year", 0),
        r"(?:vorig|afgelopen) jaar": ("year", -1),
    },
    units={"dag(?:en)?": "day", "we?eke?n?": "week", "maand(?:en)?": "month", "jaar|jaren": "year"},
    ahead=r"over {n} {unit}",
    ago=r"{n} {unit} geleden",
    numbers="een|één twee drie vier vijf zes zeven acht negen tien elf twaalf",
    in_month=r"(?:in|begin|half|eind) ",
    day=("op {d} {m} {y}", "{d} {m} {y}"),
    week="in de week van {day}",
    weekend="in het weekend van {day}",
    month=("in {m} {y}", "{m} {y}"),
    year=("in {y}", "{y}"),
    bounds=r"tot en met|tot|sinds|vanaf|vóór|voor|na",
    since=r"sinds|vanaf",
)
LANGUAGES = (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, DUTCH)

# What comes round again is never over: `every Monday`, a birthday.
RECURRING = r"""\b(?:every|each|weekly|monthly|yearly|annual(?:ly)?|daily|usually|always|birthdays?|bday
    |anniversary|born
    |(?:mon|tues|wednes|thurs|fri|satur|sun)days|weekends|name\ day|\w+day\ ?(?:to|-|–|through)\ ?\w+day
    |jede[nrsm]?|täglich|wöchentlich|monatlich|jährlich|geburtstag|namenstag|hochzeitstag|jahrestag|geboren
    |(?:mon|diens|donners|frei|sams|sonn)tags|mittwochs
    |chaque|tou(?:s|tes)\ les|anniversaire|née?|le\ (?:lundi|mardi|mercredi|jeudi|vendredi|samedi
    |dimanche)(?!\ pr|\ de|\ \d)
    |cada|tod[oa]s\ l[oa]s|los\ (?:lunes|martes|miércoles|jueves|viernes|sábados|domingos)|cumpleaños
    |aniversario|nacid[oa]
    |tod[oa]s?\ (?:[oa]s?\ )?|aniversário|nascid[oa]
    |ogni|tutt[ei]\ (?:i|le|gli)|il\ (?:lunedì|martedì|mercoledì|giovedì|venerdì|sabato)(?!\ pr|\ sc)
    |compleanno|nat[oa]
    |elke?|iedere?|dagelijks|wekelijks|maandelijks|jaarlijks|verjaardag|trouwdag|'s\ \w+s)\b"""
# … unless it is one occasion of it: a birthday party.
OCCASION = r"""\b(?:party|dinner|trip|present|concert|parties|lunch|brunch|interview|exam|appointment
    |this\ year|today|tomorrow
    |feier|fest|party|essen|geschenk|fête|dîner|fiesta|cena|festa|jantar|feest|feestje|etentje)\b"""
# What is told as past, unless it is told as something to come.
PAST = r"""\b(?:was|were|had|did|went|came|got|met|took|saw|left|began|became|bought|sold|won|lost|ran|flew
    |drove|made|gave
    |broke|held|passed|\w{2,}[^e\W]ed|ago|since
    |war|waren|hatten?|ging|kam|wurde|bestanden|seit|(?:habe?n?|hat|bin|ist|sind)\b.*\bge\w+(?:t|en)
    |(?:j['’]ai|as?|ont)\ \w+(?:é|i|u|is|it)|était|étais|suis\ all[ée]+|depuis
    |fue|fui|estuve|tuve|había|hice|empecé|llegué|compré|pasé|aprobé|\w+aron|\w+ieron|h[ea]\ \w+[ai]do|desde
    |foi|estive|tive|fiz|comecei|cheguei|comprei|passei|\w+aram|\w+eram
    |era|aveva|(?:ho|ha|abbiamo)\ \w+[aiu]to|sono\ \w+[aiu]t[oa]
    |(?:heb|heeft|hebben|ben)\b.*\bge\w+(?:d|t|en)|was|waren|had|sinds)\b"""
AHEAD = r"""\b(?:will|going\ to|gonna|getting|plan(?:s|ned|ning)?|scheduled|booked|invited|expect(?:s|ed|ing)?
    |due|upcoming
    |wants?|hop(?:es?|ing)|looking\ forward|moving|start(?:s|ing)|flying|travell?ing|visit(?:s|ing)|soon|ha(?:s
    |ve)\ (?:an?|to)
    |until|till?|by|werde|wird|will|möchte|bis|geplant|vais|va|aura|jusqu|voy|va|iré|hasta|vou|vai|até|andrò|farò|fino
    |ga|gaat|zal|tot)\b|['’]ll\b"""
# Before or after a weekday or month, these make it no day.
NO_DAY = r"""\b(?:black|good|man|casual|ash|favou?rite|loves?|likes?|hates?|dislikes?|named|called|is|day|a|the
    |of|mr|mrs|ms
    |every|each)$"""

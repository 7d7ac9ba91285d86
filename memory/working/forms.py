"""The commonest English forms in which people speak of themselves, and what each is about; nothing learned."""

import re
from collections.abc import Sequence

# All of it is for lower case, straight apostrophes and single spaces.
_AM = r"(?:i'm|im|i am|we're|we are)"
_HAVE = r"(?:i have|i've got|ive got|i got|we have|we've got)"
_IS = r"(?:'s| is| are)"
_HOW = (
    r"(?:(?:also|really|actually|currently|now|originally|just|mostly|usually|still|always|mainly|quite|very|so|"
    r"absolutely|particularly|especially|totally|basically|kind of|kinda|do|myself) )*"
)
_KIN = (
    r"(?:(?:older|younger|elder|big|little|late|ex|twin|best|step|two|three|four|other) )*"
    r"(?:wife|husband|partner|spouse|boyfriend|girlfriend|fianc[eé]e?|son|daughter|kid|child|children|baby|twin|mum|"
    r"mom|mother|dad|father|parent|brother|sister|sibling|uncle|aunt|cousin|nephew|niece|grand\w+|gran|friend|"
    r"flatmate|roommate|neighbou?r|boss|manager|colleague|co-?worker|teacher|dog|cat|puppy|kitten|rabbit|parrot|"
    r"horse|pet|hamster)s?"
)
_JOB = (  # the last word of what people are called by their work
    r"(?:\w*(?:smith|driver|worker|keeper|maker|teacher|engineer|developer|programmer|designer|manager|writer|painter|"
    r"trainer|cleaner|waiter|baker|lawyer|officer|producer|researcher|carpenter|plumber|photographer|dresser|farmer|"
    r"gardener|builder|banker|broker|butcher|buyer|tester|fighter|lecturer|freelancer|accountant|assistant|consultant|"
    r"ologist|ographer|ematician|chemist|therapist|scientist|analyst|economist|physicist|musician|technician|mechanic|"
    r"ctor|tutor|editor|author|sailor|counsellor|postman|policeman|policewoman)|nurse|vet|surgeon|midwife|paramedic|"
    r"physician|dentist|chef|cook|barista|barrister|waitress|bartender|solicitor|judge|clerk|cashier|architect|artist|"
    r"journalist|librarian|electrician|pilot|soldier|actress|student|apprentice|intern|guide|coach|secretary|"
    r"receptionist|translator|illustrator|professor|politician|historian|pharmacist|sysadmin|priest|au pair)s?"
    r"(?=$|,| (?:in|at|for|by|from|with|who|and|on|of|there|here)\b)"
)
_OCCASION = (
    r"(?:exam|interview|appointment|test|wedding|flight|surgery|operation|deadline|birthday|bday|b-day|anniversary|"
    r"concert|conference|holiday|trip|marathon|race|party|viva|move|meetup|graduation|recital|tournament|match)"
)
_DAY = (
    r"\b(?:on|next|this|tomorrow|in (?:january|february|march|april|may|june|july|august|september|october|november|"
    r"december|\d+ (?:days|weeks|months)))\b"
)
_AIM = (
    r"(?:learn (?!(?:how|if|what|why|more|about)\b)\w|become \w|be an? \w|run an? (?:\w+ )?marathon|"
    r"move to (?!the\b)\w|travel \w|retire\b|graduate\b|"
    r"(?:quit|stop|give up) (?:smoking|drinking|vaping|gaming|eating|sugar|my job)\b|"
    r"eat (?:less|more|better|health\w+)|lose (?:weight|\d)|get (?:fit\w*|better at|in shape|into shape)|improve my \w|"
    r"save (?:up|money)\b|(?:open|start|own|found|buy) (?:an?|my own) (?:\w+ )?(?:\w*shop|bakery|caf[eé]|restaurant|"
    r"business|company|family|band|farm|house|flat|boat))"
)
_LITTLE = (
    r"(?!(?:\w+ )?(?:test|copy|comment|reply|message|e?mail|list|note|ticket|fix|pr|script|function|query|review)s?\b)"
)
_THING = r"(?!(?:that|something)\b)\w"
_TASTE = r"(?!(?:that|you|your|how|when|what|where|something|having|seeing|being|the)\b)\w"  # `the` points at one here

# What an operator may call a field, and what people say who speak of it. The first form that fits counts.
_KNOWN = tuple(
    (frozenset(names.split("|")), re.compile("|".join(forms)))
    for names, *forms in (
        (
            "name|names|called",
            rf"my (?:\w+ )?(?:nick)?name{_IS} (?!(?:not|in|on|at|too|wrong|irrelevant|missing|misspel\w+|spel\w+)\b)\w",
            r"(?:you can |please )?call me (?!(?:back|when|if|later|crazy|tomorrow|maybe|an?|the|old|at|on|in|again|"
            r"once|as)\b)[\w'-]+(?: [\w'-]+)?$",
            r"(?:everyone|everybody|people|(?:my |most )?friends) calls? me \w+(?: \w+)?$",
            r"i go by \w",
            rf"{_AM} (?:called|named) \w",
        ),
        (
            "location|city|home|place|residence|country",
            rf"(?:i|we) {_HOW}live (?:in|at|near|on|by|outside|close|just|around|not far|north|south|east|west)\b",
            rf"{_AM} {_HOW}(?:living (?:in|at|near|on|by|outside)|from|based|located) (?!the (?:future|past)\b)\w",
            r"(?:i|we)(?:'ve| have) (?:\w+ )?lived (?:in|at|near|on|by|outside)\b",
            rf"(?:i|we) {_HOW}(?:come|hail) from \w",
            rf"(?:i|we) {_HOW}(?:moved|relocated) to (?!(?:the |an? )?(?:next|other|new|different)\b)\w",
            r"i (?:was born|was raised|grew up) (?:and raised )?(?:in|on|near|outside) (?!\d|an? \w+ family)",
            rf"my (?:home ?)?(?:home|town|city|country|village){_IS}",
        ),
        (
            "occupation|job|work|role|profession|employer",
            rf"(?:i|we) {_HOW}(?:work|freelance|volunteer) (?:(?:part|full)[ -]time )?(?:as|at|for|in|with)\b",
            rf"i {_HOW}(?:teach|lecture) \w",
            rf"i {_HOW}study (?!for\b|the\b)\w",
            r"(?:i'm|im|i am) studying (?!for\b|the\b)\w",
            rf"my (?:\w+ )?(?:job|profession|occupation|employer|role){_IS} (?:an?|at|in|as|to|with)\b",
            rf"{_AM} {_HOW}(?:retired|unemployed|self-employed|between jobs)\b",
            rf"{_AM} {_HOW}(?:an?|the) (?:[\w-]+ ){{0,4}}?{_JOB}",
            rf"i(?:'ve| have) been an? (?:[\w-]+ ){{0,3}}?{_JOB}",
        ),
        (
            "projects|project",
            rf"(?:i|we) {_HOW}work on (?!\w*(?:day|weekend|night)s?\b){_THING}",
            rf"{_AM} {_HOW}working on {_THING}",
            rf"{_AM} {_HOW}(?:building|writing|developing|designing|creating|renovating|restoring|coding) "
            rf"(?:an?|my|our) {_LITTLE}\w",
            r"(?:i|we) maintain \w",
            rf"my (?:\w+ )?(?:project|startup|thesis|novel|blog|podcast|company)s?{_IS} (?:an?|about|called|on|to)\b",
        ),
        (
            "preferences|preference|likes|dislikes|tastes",
            rf"(?:my|our) (?:\w+ )?favou?rite\b.*{_IS}\b",
            rf"i {_HOW}prefer {_TASTE}",
            rf"i {_HOW}(?:hate|dislike|detest|loathe|can(?:'|no)t stand|don'?t like|do not like) {_TASTE}",
            r"i'd rather (?:have|not|be|use|get) \w",
            r"i (?:\w+ )?(?:never|don't|dont|do not|can't|cant|cannot) (?:(?:eat|drink) \w|smoke\b)",
            r"i can(?:'t|t|not) have (?:meat|fish|pork|dairy|gluten|sugar|alcohol|coffee|milk|eggs|nuts|seafood)\b",
            rf"{_AM} {_HOW}(?:an? )?(?:\w+ )?(?:vegan|vegetarian|pescatarian|teetotal)\b",
        ),
        (
            "interests|interest|hobbies|hobby",
            rf"(?:i|we) {_HOW}(?:like|love|enjoy|adore) (?!(?:my|our) {_KIN}\b){_TASTE}",
            rf"{_AM} {_HOW}(?:into|keen on|fond of|passionate about|obsessed with|interested in) {_TASTE}",
            rf"{_AM} {_HOW}an? (?:\w+ )?fan of {_TASTE}",
            rf"i {_HOW}(?:play|collect) {_THING}",
            r"i've been playing \w",
            rf"my (?:\w+ )?(?:hobby|hobbies|passion|pastime)s?{_IS}",
            r"in my (?:spare|free) time",
        ),
        (
            "goals|goal|plans|dreams",
            rf"my (?:\w+ )?(?:goal|dream|aim|ambition|resolution|plan)s?(?: .*)?{_IS}\b",
            rf"(?:i|we) {_HOW}(?:want|hope|plan|intend|aim) to {_AIM}",
            rf"(?:i'd|we'd) (?:like|love) to {_AIM}",
            rf"{_AM} {_HOW}(?:hoping|planning|trying) to {_AIM}",
            rf"{_AM} {_HOW}(?:training for|saving (?:up )?for|preparing for) \w",
            rf"{_AM} {_HOW}learning (?!(?:how|so|more|an? (?:lot|ton|bit))\b)\w",
        ),
        (
            "events|event|dates|calendar",
            rf"(?:my|our) (?:\w+ )?{_OCCASION}{_IS}",
            rf"{_AM} {_HOW}(?:getting married|expecting .*\b(?:baby|child|twins)|due in|graduating|retiring)\b",
            rf"{_AM} (?:flying|travelling|traveling|moving) (?:back )?to (?!the (?:next|other)\b)\w.*{_DAY}",
            rf"{_HAVE} .*\b{_OCCASION}\b.*{_DAY}",
        ),
        (
            "people|person|family|relationships|contacts|pets",
            rf"(?:my|our) {_KIN}(?:'s|s'?)? names? (?:is|are) \w",
            rf"(?:my|our) {_KIN}{_IS} (?:called|named) \w",
            rf"{_HAVE} (?!to )(?:[\w-]+ ){{0,3}}?{_KIN}\b",
            rf"{_AM} {_HOW}(?:married|engaged|divorced|widowed|single)\b",
            rf"{_AM} {_HOW}an? (?:[\w-]+ )?(?:mother|father|mum|mom|dad|grand\w+|parent|widow|widower)\b",
        ),
        (
            "",  # about the writer, or those near them, and nothing more is certain
            rf"{_AM} \d{{1,3}}(?: years old)?\b",
            r"i was born\b",
            rf"{_AM} {_HOW}allergic to \w",
            rf"i {_HOW}speak \w",
            rf"my (?:pronouns|time ?zone|age|height|nationality|native language|mother tongue|blood type){_IS}",
            rf"(?:my|our) {_KIN} (?:\w+ )?(?:lives|works|is from|was born|has|loves|likes|speaks|turned|owns)\b",
            rf"(?:my|our) {_KIN}{_IS} (?:an? )?(?:[\w-]+ ){{0,3}}?{_JOB}",
        ),
    )
)


_NAMES = frozenset[str]().union(*(names for names, _ in _KNOWN))


def label(plain: str, fields: Sequence[str]) -> str | None:
    """The one of `fields` that a clause is about; None if it has none of the forms known here.

    The last field where the form leaves it open, or what it is about is none of the fields.
    """
    for field in fields:
        name = re.escape(field.lower())
        if field.lower() not in _NAMES and re.match(
            rf"my {name}{_IS} \w", plain
        ):  # an operator's own: `my shoe size is`
            return field
    for names, forms in _KNOWN:
        if forms.match(plain):
            return next((field for field in fields if field.lower() in names), fields[-1])
    return None


_PASSING = re.compile(
    r"(?:i|we) (?:just |only |already |also |really )?(?:agree|see|think|mean|meant|know|understand|need|want|got|"
    r"found|appreciate|tried|thought|forgot|hope|have to|had|did|do|am|made|will|can see)\b|"
    r"(?:i|we) (?:really )?don't (?:know|get|understand|care|see|think|mind)\b|"
    r"(?:i|we) (?:really )?(?:love|like|hate|prefer) (?:that|the|you|your|when|how)\b|"
    r"(?:i|we) have (?:an?|another|one more) (?:question|problem|idea|issue|error)\b|"
    r"(?:i|we)(?:'ll|'d)\b|call me\b|"
    rf"{_AM} {_HOW}(?:not|so|sure|here|glad|happy|proud|thankful|grateful|sorry|tired|hungry|bored|ready|back|fine|"
    r"good|ok|okay|done|going|gonna)\b|"
    r".*\b(?:now|today|tonight|later|yesterday|already|this (?:morning|afternoon|evening)|last night|"
    r"(?:a|one) (?:sec|second|minute|moment))\b|"
    r"(?:my|our)(?: [\w'-]+){0,2}$"  # a thing, and nothing said of it
)


def passing(plain: str) -> bool:
    """Whether a clause of none of the forms known is plainly about the moment or the conversation."""
    return _PASSING.match(plain) is not None

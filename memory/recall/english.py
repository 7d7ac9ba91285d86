"""English words that a stemmer takes for different ones: irregular forms, and what people call the same thing. Pure."""

import re

_TABLE = """
ate eaten: eat; became: become; began begun: begin; bent: bend; bit bitten: bite; blew blown: blow; bought: buy;
broke broken: break; brought: bring; built: build; came: come; caught: catch; chose chosen: choose; dealt: deal;
drank drunk: drink; dreamt: dream; drew drawn: draw; drove driven: drive; dug: dig; fed: feed; fell fallen: fall;
felt: feel; flew flown: fly; forgot forgotten: forget; fought: fight; found: find; froze frozen: freeze;
gave given: give; got gotten: get; grew grown: grow; heard: hear; held: hold; hid hidden: hide; hung: hang; kept: keep;
knew known: know; laid: lay; learnt: learn; led: lead; left: leave; lent: lend; lost: lose; made: make; meant: mean;
met: meet; paid: pay; ran: run; rang rung: ring; rode ridden: ride; rose risen: rise; said: say; sang sung: sing;
sank sunk: sink; sat: sit; saw seen: see; sent: send; shone: shine; shook shaken: shake; shot: shoot; shown: show;
slept: sleep; slid: slide; sold: sell; spent: spend; spoke spoken: speak; stole stolen: steal; stood: stand;
swam swum: swim; swept: sweep; swore sworn: swear; taught: teach; thought: think; threw thrown: throw; told: tell;
took taken: take; tore torn: tear; understood: understand; wept: weep; went gone: go; woke woken: wake; won: win;
wore worn: wear; wrote written: write;
best better: good; worse worst: bad; children kid kids: child; feet: foot; men: man; mice: mouse; people: person;
teeth: tooth; women: woman;
bike: bicycle; colour colours: color; dad: father; fave favourite: favorite; film films: movie; grandma: grandmother;
grandpa: grandfather; mom mum: mother; pic pics picture pictures: photo; tv: television; doc: doctor; bday: birthday;
eur: euro; gbp: pound; usd: dollar
"""
_FORMS = {
    form: word.strip() for forms, word in (entry.split(":") for entry in _TABLE.split(";")) for form in forms.split()
}
_FORM = re.compile(rf"\b(?:{'|'.join(sorted(_FORMS, key=len, reverse=True))})\b", re.IGNORECASE)


def plain(text: str) -> str:
    """The text with one word for each of them."""
    return _FORM.sub(lambda found: _FORMS.get(found[0].casefold(), found[0]), text)  # Turkish i's match an i

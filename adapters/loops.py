"""Ends conversations of bots with each other, on any platform."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

BOT_TURNS = 3  # answers in a row to other bots in one place, before a person has to say something
PLACES = 1000  # that are remembered


@dataclass(slots=True)
class Loops:
    """Counts the answers to bots: after a few a person has to speak."""

    _said: "OrderedDict[Hashable, set[Hashable]]" = field(default_factory=OrderedDict)  # by place, the latest last

    def goes_on(self, place: Hashable, message: Hashable, bot: bool, said_to_us: bool) -> bool:
        """Count a message in a place, once; False when it comes from a bot that has had its answers.

        A message may come twice: live, and from a look back at what was missed.
        """
        if not bot:
            self._said.pop(place, None)
            return True
        if not said_to_us:
            return True
        said = self._said.pop(place, set())
        if len(said) <= BOT_TURNS:
            said.add(message)
        self._said[place] = said
        if len(self._said) > PLACES:
            self._said.popitem(last=False)
        return len(said) <= BOT_TURNS

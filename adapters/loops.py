"""Ends conversations of bots with each other, on any platform."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

BOT_TURNS = 3  # answers in a row to other bots in one place, before a person has to say something
PLACES = 1000  # that are remembered


@dataclass(slots=True)
class Loops:
    """Counts the answers to bots: after a few a person has to speak."""

    _turns: "OrderedDict[Hashable, int]" = field(default_factory=OrderedDict)  # by place, the latest last

    def goes_on(self, place: Hashable, bot: bool, said_to_us: bool) -> bool:
        """Count a message in a place; False when it comes from a bot that has had its answers."""
        if not bot:
            self._turns.pop(place, None)
            return True
        if not said_to_us:
            return True
        turns = self._turns.pop(place, 0) + 1
        self._turns[place] = turns
        if len(self._turns) > PLACES:
            self._turns.popitem(last=False)
        return turns <= BOT_TURNS

"""What a model's updates of a JSON page come to, as edits of its lines."""

from collections.abc import Mapping, Sequence

from memory.working.leaves import escaped
from memory.working.page import Edit, Fact


class Merge:
    """Collects edits, update after update; each is measured by the lines shown and by the updates before it."""

    def __init__(self, shown: Mapping[int, Fact]) -> None:
        self._shown = shown
        self._message: int | None = None
        self._quote = ""
        self.edits: list[Edit] = []

    def said(self, message: int, quote: str) -> None:
        """What follows is said by this message, in these words."""
        self._message, self._quote = message, quote

    def below(self, field: str) -> list[int]:
        """The numbers of the lines shown at a field or below it, in the order of a page."""
        found = [number for number, fact in self._shown.items() if _is_below(fact.field, field)]
        return sorted(found, key=lambda number: self._shown[number].id)

    def scalar(self, field: str, value: str) -> None:
        """This is what holds there now."""
        self._undo(field)
        there = self.below(field)
        if all(self._shown[number].value != value for number in there):
            self._add(field, value, there)

    def elements(self, field: str, values: Sequence[str]) -> None:
        """These are what holds there now, and nothing else."""
        there = {number: self._shown[number].value for number in self.below(field)}
        earlier = [edit for edit in self.edits if edit.field == field and edit.value in values]
        known = {*there.values(), *(edit.value for edit in earlier)}
        self._undo(field)
        self.edits += earlier
        for value in values:
            if value not in known:
                self._add(field, value, [])
        self._remove(field, [number for number, value in there.items() if value not in values])

    def drop(self, field: str) -> None:
        """Nothing holds there any more, nor below."""
        self._undo(field)
        self._remove(field, self.below(field))

    def forget(self, field: str, numbers: Sequence[int]) -> None:
        """The person wants these lines gone."""
        if numbers:
            self.edits.append(Edit(field, None, replaces=tuple(numbers), forget=True))

    def _undo(self, field: str) -> None:
        self.edits = [edit for edit in self.edits if not _is_below(edit.field, field)]

    def _remove(self, field: str, numbers: Sequence[int]) -> None:
        if numbers:
            self._add(field, None, numbers)

    def _add(self, field: str, value: str | None, numbers: Sequence[int]) -> None:
        self.edits.append(Edit(field, value, self._message, self._quote, tuple(numbers)))


def _is_below(field: str, other: str) -> bool:
    pointer = field if field.startswith("/") else f"/{escaped(field)}"  # it may be another template's label
    return not other or pointer == other or pointer.startswith(f"{other}/")

"""The three answers to a question of evidence."""

from enum import IntEnum


class Verdict(IntEnum):
    """Ordered: several findings together are as good as the worst of them."""

    NO = 0
    UNSURE = 1  # the rules cannot tell
    YES = 2

"""What it costs to hash a value that a stranger made.

Hashing a tuple hashes all that is in it, again each time, and by recursion of the interpreter's own: a chain
of a million tuples as a dictionary's key ends the process, and sixty tuples that hold each other twice take
longer than anybody waits. So whoever rebuilds values keeps the weight of each: how many objects hashing
it visits, and how deep they lie. Letting go of some values recurses just so, which the depth bounds as well.

Rules: the weight of what cannot be hashed, or keeps its hash, is that of a leaf; a list tells its depth
only, since some values are made from lists.
"""

from typing import Iterable, List, Sequence, Tuple

from .errors import ValueFault

#: (objects that are visited, how deep they lie)
Weight = Sequence[int]
LEAF: Tuple[int, int] = (1, 0)
HEAVIEST = 1 << 60
DEEPEST = 2000
ALLOWANCE = 1 << 24


def together(weights: Iterable[Weight]) -> Tuple[int, int]:
    """The weight of a tuple of values."""
    visited, depth = 1, 0
    for weight in weights:
        visited += weight[0]
        if weight[1] >= depth:
            depth = weight[1] + 1
    return min(visited, HEAVIEST), depth


def beside(weights: List[Weight]) -> Tuple[int, int]:
    """The weight of a list of values."""
    return 1, together(weights)[1]


def check_depth(weight: Weight) -> None:
    """Raises ValueFault for a value that lies too deep to be hashed, or let go of."""
    if weight[1] > DEEPEST:
        raise ValueFault("nested too deeply")


class Budget:
    """What the hashing of one message may cost: more than any that no stranger wound up."""

    def __init__(self, size: int) -> None:
        self._left = ALLOWANCE + 8 * size

    def spend(self, weight: Weight) -> None:
        """Takes note that a value is hashed, or given to a function that may do so. Raises ValueFault."""
        self._left -= weight[0]
        check_depth(weight)
        if self._left < 0:
            raise ValueFault("its keys hold each other so often that they cannot be hashed")

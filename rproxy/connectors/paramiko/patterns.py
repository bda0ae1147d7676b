"""Names against patterns, as OpenSSH compares them: ``*`` and ``?``, ``!`` in front to except, no brackets."""

import functools
import re
from collections.abc import Iterable


def matches(name: str, patterns: Iterable[str], case: bool = False) -> bool:
    """Whether a pattern matches, and none with ``!`` in front does; `case` tells whether capitals matter."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if _compiled(pattern[1:], case).fullmatch(name):
                return False
        elif _compiled(pattern, case).fullmatch(name):
            found = True
    return found


@functools.lru_cache(1000)
def _compiled(pattern: str, case: bool) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.DOTALL if case else re.DOTALL | re.IGNORECASE)

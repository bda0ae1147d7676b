"""Names against patterns, as OpenSSH compares them: ``*`` and ``?``, ``!`` in front to except, no brackets."""

import functools
import re
from collections.abc import Iterable


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern matches, and none with ``!`` in front does."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if _compiled(pattern[1:]).fullmatch(name):
                return False
        elif _compiled(pattern).fullmatch(name):
            found = True
    return found


@functools.lru_cache(1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.IGNORECASE | re.DOTALL)

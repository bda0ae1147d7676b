"""Reading what the user wrote, without the warnings about it that its author has seen already."""

import ast
import contextlib
import threading
import warnings
from collections.abc import Iterator

_lock = threading.RLock()  # the filters of warnings are the whole process's


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parse(text: str | bytes) -> ast.Module:
    """The tree of a text. Raises SyntaxError."""
    with quiet():
        return ast.parse(text)

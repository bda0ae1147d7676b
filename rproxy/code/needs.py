"""What a request needs on the far side before its arguments can be loaded there.

Rules: the encoders note it as they meet it; nothing is asked or sent until the whole of the arguments has been
taken apart.
"""

import functools
import hashlib
import linecache
import types
from collections.abc import Iterable
from typing import NamedTuple

from rproxy_endpoint.protocol.sources import Source

from .uses import Import


class Lines(NamedTuple):
    """Lines of a file, and the number of the first."""

    filename: str
    first: int
    text: str


class Needs:
    """Noted for one request: cloudpickle, sources by their digest, lines by their place, modules by their names."""

    def __init__(self) -> None:
        self.cloudpickle = False
        self.sources: dict[str, Source] = {}
        self.lines: dict[str, Lines] = {}
        self.modules: set[str] = set()

    def source(self, source: Source) -> str:
        """The digest by which a source is known there."""
        digest = _digest(source)
        self.sources[digest] = source
        return digest

    def shown(self, code: types.CodeType) -> None:
        """Code by value, whose lines tracebacks are to show where the file is missing."""
        lines = _lines_of(code, code.co_filename)
        if lines.text:
            self.lines[f"{lines.filename}:{lines.first}"] = lines

    def imports(self, imports: Iterable[Import], package: str) -> None:
        """What code of that package will import."""
        for one in imports:
            self.modules.update(one.candidates(package))

    def function(self, function: types.FunctionType, imports: Iterable[Import]) -> None:
        self.imports(imports, str(function.__globals__.get("__package__") or ""))


@functools.lru_cache(maxsize=1024)
def _lines_of(code: types.CodeType, filename: str) -> Lines:
    first, last = code.co_firstlineno, max(line for _, _, line in code.co_lines() if line is not None)
    return Lines(filename, first, "".join(linecache.getlines(filename)[first - 1 : last]))


@functools.lru_cache(maxsize=1024)
def _digest(source: Source) -> str:
    return hashlib.sha256(repr(tuple(source)).encode("utf-8", "backslashreplace")).hexdigest()[:20]

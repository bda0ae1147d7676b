"""The messages: what the two sides say to each other.

The client asks (Call, Get, Set, Delete, Describe, Next), the endpoint answers each with one Reply or one Failure
under the same number, and may send Output before it. Release and Provide have no answer. While it runs a
request the endpoint may ask in turn (Call, Get, Set, Delete, Next) for objects that the client lent it, under
numbers of its own. Every body is the tuple of the message's fields, by the codec that the client's Hello
chose; a Hello is always JSON, an Output is one byte (1 or 2, the stream) and what was printed.

Frames without a body: a Within; the client's Cancel, whose number is that of a request which it wants no more, and
Ping, which the endpoint answers by a Pong whatever it runs; it sends others by itself while what is large arrives.

A large Reply may come in pieces, as it is made: Parts go ahead of it, under its number.

A *target* is the name of a module, the number of a live object, or a function by value; a *path* is a
dotted name below it, or "".
"""

from typing import Any, Dict, NamedTuple, Optional, Tuple

from . import plain

Hello = NamedTuple("Hello", [("facts", Dict[str, Any])])

#: `surroundings` is None or (changes of the environment, where None unsets; directories to enter; entries for
#: the front of PATH; whether the login environment comes first; variables for where none is set).
Surroundings = Optional[
    Tuple[Dict[str, Optional[str]], Tuple[str, ...], Tuple[str, ...], bool, Dict[str, str]]
]

Call = NamedTuple(
    "Call",
    [
        ("target", Any),
        ("path", str),
        ("args", Tuple[Any, ...]),
        ("kwargs", Dict[str, Any]),
        ("surroundings", Surroundings),
        ("keep", bool),  # whether the result stays there even if it is data
    ],
)
#: Of the Calls that the endpoint asks for the surroundings are the exception that is being handled there, told as a
#: failure is, or None.

#: The next items of an iterator, at most `count`: the Reply is (items, whether they were the last), where the second
#: is (value,) if a generator has returned one.
Next = NamedTuple("Next", [("target", int), ("count", int), ("surroundings", Surroundings)])
Get = NamedTuple("Get", [("target", Any), ("paths", Tuple[str, ...]), ("surroundings", Surroundings)])
Set = NamedTuple("Set", [("target", Any), ("path", str), ("value", Any), ("surroundings", Surroundings)])
Delete = NamedTuple("Delete", [("target", Any), ("path", str), ("surroundings", Surroundings)])
Describe = NamedTuple(
    "Describe", [("target", Any), ("path", str), ("detail", bool), ("surroundings", Surroundings)]
)
#: (number of the object, how often it was received) for each proxy that is gone.
Release = NamedTuple("Release", [("objects", Tuple[Tuple[int, int], ...])])
#: What the endpoint may need for arguments: "modules" (name -> text), "sources" (digest -> the fields of a
#: `sources.Source`), "lines" (place -> (file, number of the first, text)), or "packages" (name -> (version, zip)).
Provide = NamedTuple("Provide", [("kind", str), ("items", Dict[str, Any])])

Reply = NamedTuple("Reply", [("value", Any)])
Failure = NamedTuple("Failure", [("error", Dict[str, Any])])
Output = NamedTuple("Output", [("stream", int), ("data", bytes)])

KINDS: Dict[type, int] = {
    Hello: plain.HELLO, Call: 2, Get: 3, Set: 4, Delete: 5, Describe: 6, Release: 7, Provide: 8, Next: 9,
    Reply: 16, Failure: 17, Output: 18,
}
CLASSES: Dict[int, Any] = {kind: cls for cls, kind in KINDS.items()}

#: What each role may send after its Hello.
REQUESTS = frozenset(KINDS[cls] for cls in (Call, Get, Set, Delete, Describe, Next))
NOTICES = frozenset(KINDS[cls] for cls in (Release, Provide))
LOANS = frozenset(KINDS[cls] for cls in (Call, Get, Set, Delete, Next))  # what the endpoint may ask
ANSWERS = frozenset(KINDS[cls] for cls in (Reply, Failure))
OUTPUT = KINDS[Output]
#: A frame without a body: the next one is a request from within the other side's request of that number.
WITHIN = 10
#: Others without a body.
CANCEL, PING, PONG = 11, 12, 13
#: What the body of a Reply begins with, while the rest is being made: bytes, without fields.
PART = 14
BARE = frozenset((WITHIN, CANCEL, PING, PONG))
HELLO = KINDS[Hello]
#: Always JSON: read before, or without, the codec that the Hello chose.
PLAIN = frozenset((HELLO,))

"""The JSON codec: no pickle in either direction.

What JSON has is itself: null, true, false, numbers, strings, lists, objects with string keys. Everything
else is tagged: ``{"~": [kind, ...]}``. So a body can be read by a person and by any language::

    {"~": ["tuple", 1, 2]}                        a tuple; also set, frozenset
    {"~": ["bytes", "aGk="]}  {"~": ["bytes", 0]} bytes in base64, or in buffer 0
    {"~": ["float", "nan"]}   {"~": ["int", "0x.."]}   what JSON numbers cannot say exactly
    {"~": ["str", [55357]]}                       text with surrogates, as code points
    {"~": ["dict", [key, value], ...]}            a dict whose keys are not all plain strings
    {"~": ["same", 3]}                            the container that was met as number 3
    {"~": ["value", kind, args, appended, items]} every other kind of `values`

`jsonform` knows them; what every session begins with, a Hello, is read and written without it.
"""

from typing import Any, List, Sequence, Tuple

from . import jsontext, values
from .errors import ValueFault
from .frames import Ahead, Bytes
from .plain import is_of_hello, of_hello


class JsonCodec:
    """Values as JSON."""

    name = "json"

    def dumps(self, value: Any, side: values.Side, ahead: Ahead = None) -> Tuple[List[Bytes], List[memoryview]]:
        """The pieces of the body and the buffers beside it. Raises ValueFault."""
        buffers: List[memoryview] = []
        try:
            tree = of_hello(value)
            if tree is None:
                from .jsonform import Writer

                writer = Writer(values.Parcel(side))
                tree, buffers = writer.write(value), writer.parcel.buffers
            text = jsontext.dumps(tree)
        except ValueFault:
            raise
        except RecursionError:
            raise ValueFault("nested too deeply")
        except Exception as error:
            raise ValueFault("%s: %s" % (type(error).__name__, error)) from error
        return [text.encode("ascii")], buffers

    def loads(self, body: Bytes, buffers: Sequence[Any], side: values.Side) -> Any:
        """The value of a body. Raises ValueFault."""
        try:
            tree = jsontext.loads(bytes(body).decode("ascii"))
            if not buffers and is_of_hello(tree):
                return (tree["~"][1],)
            from .jsonform import Reader

            return Reader(values.Parcel(side, buffers), len(body)).read(tree)
        except ValueFault:
            raise
        except RecursionError:
            raise ValueFault("nested too deeply")
        except Exception as error:
            raise ValueFault("not JSON of data: %s: %s" % (type(error).__name__, error)) from error

"""The JSON of a Hello, which is one dict of scalars and lists of them: all of JSON's forms that every session needs."""

from typing import Any, Dict

#: The kind of its message.
HELLO = 1
#: Larger whole numbers go in hexadecimal: other readers of JSON lose their last digits, and Python
#: refuses decimal texts of more than 4,300 digits.
PLAIN = 1 << 53


def tag(*parts: Any) -> Dict[str, Any]:
    return {"~": list(parts)}


def text(obj: str) -> Any:
    try:
        obj.encode("utf-8")
    except UnicodeEncodeError:
        return tag("str", [ord(char) for char in obj])
    return obj


def of_hello(value: Any) -> Any:
    """What a message of that form is in JSON; None for others."""
    if type(value) is not tuple or len(value) != 1 or type(value[0]) is not dict:
        return None
    tree = tag("tuple", value[0])
    return tree if is_of_hello(tree) else None


def is_of_hello(tree: Any) -> bool:
    parts = tree.get("~") if type(tree) is dict and len(tree) == 1 else None
    if type(parts) is not list or len(parts) != 2 or parts[0] != "tuple" or type(parts[1]) is not dict:
        return False
    lists = [value for value in parts[1].values() if type(value) is list]
    scalars = [value for value in parts[1].values() if type(value) is not list]
    for value in lists:
        scalars += value
    return (
        len(set(map(id, lists))) == len(lists)
        and all(type(key) is str and key != "~" and key.isprintable() for key in parts[1])
        and all(map(_is_scalar, scalars))
    )


def _is_scalar(value: Any) -> bool:
    if type(value) is str:
        return text(value) is value
    if type(value) in (int, float):
        return bool(-PLAIN <= value <= PLAIN)
    return value is None or type(value) is bool

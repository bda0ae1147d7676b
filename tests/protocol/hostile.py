"""Pickles written by hand, operation by operation, as a hostile endpoint would write them."""

import pickle

BASE = b"\x80\x04"


def text(value):
    data = value.encode()
    return b"\x8c%c%s" % (len(data), data)


def named(module, name):
    """STACK_GLOBAL: the object of that name."""
    return text(module) + text(name) + b"\x93"


def number(value):
    return b"J" + value.to_bytes(4, "little", signed=True)


def group(*parts):
    return b"(" + b"".join(parts) + b"t"


def called(function, *args):
    return function + group(*args) + b"R"


MAKE = named("rproxy_endpoint.protocol.values", "make")


def made(kind, *args):
    """A call of the protocol's own `make`."""
    return called(MAKE, text(kind), *args)


def reply(value):
    """The body of a Reply with this value."""
    return BASE + value + b"\x85."


def fire(path):
    """The call that a hostile endpoint would like to see made: it leaves a file."""
    return group(text(f"touch {path}"))


class Bomb:
    """Pickled by Python itself, it runs a command when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.path}",)


def in_object_array(path):
    import numpy

    return numpy.array([Bomb(path)], dtype=object)


def crafted(path):
    """name -> the body of a reply; each of them must be refused, and must not touch `path`."""
    return {**names(path), **operations(path), **calls_of_make(path), **tricks(path)}


def names(path):
    """Names that are no data, called and in containers."""
    system = named("os", "system")
    args = fire(path)
    return {
        "os.system": reply(system + args + b"R"),
        "posix.system": reply(named("posix", "system") + args + b"R"),
        "subprocess.Popen": reply(called(named("subprocess", "Popen"), group(text("touch"), text(path)))),
        "eval": reply(called(named("builtins", "eval"), text(f"open({path!r}, 'w')"))),
        "exec": reply(called(named("builtins", "exec"), text(f"open({path!r}, 'w')"))),
        "getattr": reply(called(named("builtins", "getattr"), named("os", "path"), text("os"))),
        "a class alone": reply(named("subprocess", "Popen")),
        "a type": reply(named("builtins", "type")),
        "dotted name": reply(named("os.path", "os.system") + args + b"R"),
        "dotted make": reply(named("rproxy_endpoint.protocol.values", "make.__globals__")),
        "dotted module": reply(named("rproxy_endpoint.protocol.values", "importlib.import_module")),
        "make_value": reply(named("rproxy_endpoint.protocol.values", "make_value")),
        "in a list": reply(b"](" + system + args + b"Re"),
        "in a dict": reply(b"}(" + text("k") + system + args + b"Ru"),
        "in a set": reply(b"\x8f(" + system + args + b"R\x90"),
        "in a frozenset": reply(b"(" + system + args + b"R\x91"),
        "in an object array": pickle.dumps((in_object_array(path),), 4),
        "in object array parts": reply(
            made("numpy.objects", text("O"), group(number(1)), text("C"), b"](" + system + args + b"Re", b"\x88")
        ),
    }  # fmt: skip


def operations(path):
    """Operations that make, change or find objects."""
    system = named("os", "system")
    args = fire(path)
    enum_member = made("records.member", text("http"), text("HTTPStatus"), text("OK"), b"N")
    dtype = made("numpy.dtype", text("<i8"))
    instance = [text("new"), text("subprocess"), text("Popen"), b")", b"}", b"N"]
    return {
        "GLOBAL": BASE + b"cos\nsystem\n" + args + b"R\x85.",
        "protocol 0": pickle.dumps((Bomb(path),), 0),
        "protocol 2": pickle.dumps((Bomb(path),), 2),
        "__reduce__": pickle.dumps((Bomb(path),), 4),
        "INST": BASE + b"(" + text(f"touch {path}") + b"ios\nsystem\n\x85.",
        "OBJ": reply(b"(" + system + text(f"touch {path}") + b"o"),
        "NEWOBJ": reply(named("subprocess", "Popen") + group(text(path)) + b"\x81"),
        "NEWOBJ_EX": reply(named("subprocess", "Popen") + group(text(path)) + b"}\x92"),
        "NEWOBJ of make": reply(MAKE + b")\x81"),
        "EXT1": reply(b"\x82\xf0" + args + b"R"),
        "EXT2": reply(b"\x83\xf0\x00" + args + b"R"),
        "EXT4": reply(b"\x84\xf0\x00\x00\x00" + args + b"R"),
        "EXT1 alone": b"\x80\x04\x82\xf0.",
        "BUILD of a member": reply(enum_member + b"}" + text("_value_") + number(404) + b"sb"),
        "BUILD of a dtype": reply(dtype + group(number(3), text("|"), b"N", b"N", b"N", number(-1)) + b"b"),
        "BUILD of make": reply(MAKE + b"}" + text("x") + b"Nsb"),
        "BUILD with slots": reply(enum_member + b"N}" + text("_value_") + number(404) + b"s\x86b"),
        "a persistent id": reply(b"Pos.system\n"),
        "a persistent id of parts": reply(group(text("instance"), *instance) + b"Q"),
        "a persistent id that is none": reply(number(5) + b"Q"),
    }  # fmt: skip


def calls_of_make(path):
    """The protocol's own `make`, put to other use."""
    args = fire(path)
    instance = [text("new"), text("subprocess"), text("Popen"), b")", b"}", b"N"]
    return {
        "an untrusted instance": reply(made("instance", *instance)),
        "an untrusted call": reply(made("instance", text("call"), text("os"), text("system"), args, b"}", b"N")),
        "an instance without parts": reply(made("instance")),
        "an unknown kind": reply(made("os.system", args)),
        "a kind that is a function": reply(called(MAKE, b"]", args)),
        "make as a value": reply(MAKE),
        "make in a list": reply(b"]" + MAKE + b"a"),
        "make as a key": reply(b"}" + MAKE + b"Ns"),
        "make from the memo": reply(MAKE + b"\x940h\x00"),
        "make as an argument": reply(made("deque", MAKE)),
        "calling what was made": reply(made("complex", number(1), number(2)) + b")R"),
    }  # fmt: skip


def tricks(path):
    """The memo, odd objects, and what lies about itself."""
    enum_member = made("records.member", text("http"), text("HTTPStatus"), text("OK"), b"N")
    return {
        "memo: PUT": reply(b"Np5\n"),
        "memo: BINPUT": reply(b"Nq\x05"),
        "memo: LONG_BINPUT without end": reply(b"Nr\xff\xff\xff\x7f"),
        "memo: what is not there": reply(b"h\x09"),
        "DUP": reply(b"]2\x86"),
        "LIST and DICT": reply(b"(l(d\x86"),
        "setting items of a member": reply(enum_member + text("_value_") + number(404) + b"s"),
        "appending to a member": reply(enum_member + number(404) + b"a"),
        "appending to make": reply(MAKE + number(1) + b"a"),
        "adding to a member": reply(enum_member + b"(" + number(404) + b"\x90"),
        "an enumeration elsewhere": reply(made("records.member", text("pytest"), text("ExitCode"), text("OK"), b"N")),
        "a class as an enumeration": reply(made("records.member", text("subprocess"), text("Popen"), text("x"), b"N")),
        "a library as an enumeration": reply(
            made("records.member", text("ctypes"), text(f"cdll.{path}"), text("x"), b"N")
        ),
        "code in the name of a record": reply(
            made("records.tuple", text("m"), text("x(__import__('os'))"), group(text("a")), group(b"N"), b"}")
        ),
        "code in a field of a record": reply(
            made("records.tuple", text("m"), text("x"), group(text(f"a=open({path!r},'w')")), group(b"N"), b"}")
        ),
        "a hidden field that is special": reply(
            made("records.tuple", text("m"), text("x"), group(text("a")), group(b"N"), b"}" + text("__class__") + b"Ns")
        ),
        "objects in the memory of an array": reply(
            made("numpy.array", text("O"), group(number(1)), text("C"), b"C\x08AAAAAAAA", b"\x88")
        ),
        "objects under numbers in an array": reply(
            made(
                "numpy.objects",
                group(text("fields"), b"](" + text("a") + text("b") + b"e", b"](" + text("O") + text("<i8") + b"e",
                      b"](K\x00K\x00e", b"](NNe", b"K\x08", b"\x89"),
                group(number(1)), text("C"), b"](" + group(b"N", number(5)) + b"e", b"\x88",
            )
        ),
        "unfinished": b"\x80\x04](",
        "an operation that is none": reply(b"\xff"),
        "a text without end": b"\x80\x04X\xff\xff\xff\xff.",
        "bytes without end": b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        "a buffer that is none": reply(b"\x97"),
        "other fields": BASE + b"N.",
    }  # fmt: skip

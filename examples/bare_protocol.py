"""The protocol from the outside: one call, made with `struct` and `json` alone.

This is what an implementation in another language would do; docs/protocol.md explains each step. The endpoint
is started from this installation; on a host it is the deployed one.
"""

import json
import secrets
import struct
import subprocess
import sys
from typing import IO, Any

HEADER = struct.Struct("<BBHIQ")  # magic, kind, buffers, call, length of the body
HELLO, CALL, REPLY, FAILURE, OUTPUT = 1, 2, 16, 17, 18


def send(to: IO[bytes], kind: int, call: int, fields: list[Any]) -> None:
    body = json.dumps({"~": ["tuple", *fields]}).encode("ascii")
    to.write(HEADER.pack(0xE7, kind, 0, call, len(body)) + body)
    to.flush()


def receive(source: IO[bytes]) -> tuple[int, int, bytes]:
    magic, kind, buffers, call, length = HEADER.unpack(source.read(HEADER.size))
    assert magic == 0xE7 and buffers == 0
    return kind, call, source.read(length)


token = secrets.token_hex(8)
command = [sys.executable, "-m", "rproxy_endpoint", "session", token]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as endpoint:
    assert endpoint.stdin is not None and endpoint.stdout is not None
    mark, said = f"\n<rproxy:{token[::-1]}>".encode(), b""
    while not said.endswith(mark):
        said += endpoint.stdout.read(1)

    kind, _, body = receive(endpoint.stdout)
    hello = json.loads(body)["~"][1]
    print("its Hello is of kind", kind, "and speaks protocol", hello["protocol"])
    send(endpoint.stdin, HELLO, 0, [{"protocol": 1, "serializer": "json", "trust": []}])

    # builtins.print("hi"), without surroundings: target, path, args, kwargs, surroundings
    send(endpoint.stdin, CALL, 1, ["builtins", "print", {"~": ["tuple", "hi"]}, {}, None, False])
    printed = b""
    kind, call, body = receive(endpoint.stdout)
    while kind == OUTPUT:  # as many as it likes; the first byte is the stream
        printed += body[1:]
        kind, call, body = receive(endpoint.stdout)
    print("it printed", printed)
    print("kind", kind, "of call", call, body.decode())

    # An error, with the variable A set for the call
    surroundings = {"~": ["tuple", {"A": "1"}, {"~": ["tuple"]}, {"~": ["tuple"]}, False, {}]}
    send(endpoint.stdin, CALL, 2, ["os", "stat", {"~": ["tuple", "/no/such/file"]}, {}, surroundings, False])
    kind, call, body = receive(endpoint.stdout)
    error = json.loads(body)["~"][1]
    print("kind", kind, "of call", call, error["text"])
    endpoint.stdin.close()

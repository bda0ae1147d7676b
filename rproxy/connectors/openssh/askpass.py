"""What ssh runs as SSH_ASKPASS: hands the prompt to the process that started ssh, and prints its answer.

It runs by itself, as a file, without rproxy. Words: the path of the Unix socket of that process, the prompt.
On the socket: a line of JSON, the prompt, its kind ("" wants a text, "confirm" a yes, "none" is only to be shown) and
the login that it is of; back come "+" and the answer, or nothing at all, and the end. That ssh wants no answer any
more shows in the end of this side.
"""

import json
import os
import socket
import sys


def main() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        kind, login = (os.environ.get(name, "") for name in ("SSH_ASKPASS_PROMPT", "RPROXY_LOGIN"))
        asked = {"prompt": " ".join(sys.argv[2:]), "kind": kind, "login": login}
        connection.sendall(json.dumps(asked).encode() + b"\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more
    if not answer.startswith(b"+"):
        sys.exit(1)
    sys.stdout.buffer.write(answer[1:] + b"\n")


if __name__ == "__main__":
    main()

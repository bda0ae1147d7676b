"""What ssh runs as SSH_ASKPASS: hands the prompt to the process that started ssh, and prints its answer.

It runs by itself, as a file, without rproxy. Words: the path of the Unix socket of that process, the prompt.
On the socket: JSON of the prompt and its kind ("" wants a text, "confirm" a yes, "none" is only to be shown),
the end; back come "+" and the answer, or nothing at all.
"""

import json
import os
import socket
import sys


def main() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        asked = {"prompt": " ".join(sys.argv[2:]), "kind": os.environ.get("SSH_ASKPASS_PROMPT", "")}
        connection.sendall(json.dumps(asked).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    if not answer.startswith(b"+"):
        sys.exit(1)
    sys.stdout.buffer.write(answer[1:] + b"\n")


if __name__ == "__main__":
    main()

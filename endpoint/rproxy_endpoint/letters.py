"""What a command brings and what it prints, for connectors without a stream.

Rules: what came counts only if it is proven to be whole, and only once: a request that came as a file is removed
before anything is done with it; what is printed for the client is proven to be whole in the same way.
"""

import binascii
import os
import sys
import time
from typing import List, Optional

from .protocol.envelope import seal, unseal
from .protocol.frames import marker


class Letter:
    """The request of one command, and the way back. Its words are

    ``TOKEN FORM LIMIT PATIENCE ANSWER REQUEST``

    `REQUEST` is ``=`` and the client's bytes, sealed and in base64; or ``-`` if they come sealed on standard
    input; or ``@`` and the path of a file that holds them sealed, which may be seen only after `PATIENCE` seconds.
    The answer is printed after the marker, sealed, in base64 if `FORM` is ``text``; one of more than `LIMIT`
    bytes is left in the file `ANSWER`, and the word ``stored`` says so.
    """

    def __init__(self, words: List[str]) -> None:
        self._token, form, limit, patience, self._path, self._request = words
        self._text = form == "text"
        self._limit = int(limit)
        self._patience = float(patience)

    @property
    def folder(self) -> str:
        """The client's own folder here, which others remove."""
        return os.path.dirname(self._path)

    def read(self) -> bytes:
        """The client's bytes. Ends the process, with a word for the client, if they are not whole."""
        data = self._read()
        if data is None:
            self.say("late")
            sys.exit("the request has not come whole")
        return data

    def _read(self) -> Optional[bytes]:
        if self._request == "-":
            with open(0, "rb", closefd=False) as file:
                return unseal(self._token, file.read())
        if self._request.startswith("="):
            return unseal(self._token, binascii.a2b_base64(self._request[1:]))
        path, until = self._request[1:], time.time() + self._patience
        while True:
            data = self._look(path)
            if data is not None:
                return data if remove(path) else None  # else another run of this very command has taken it
            if time.time() > until:
                return None
            time.sleep(0.05)

    def _look(self, path: str) -> Optional[bytes]:
        """What a file holds, if it is there and whole by now."""
        try:
            os.listdir(os.path.dirname(path))  # has a network file system look again at what is there
            with open(path, "rb") as file:
                return unseal(self._token, file.read())
        except FileNotFoundError:
            return None

    def say(self, word: str, output: int = 1) -> None:
        """Prints a word in the answer's place."""
        os.write(output, marker(self._token)[:-1] + ("-%s>" % word).encode("ascii"))

    def answer(self, data: bytes, output: int = 1) -> None:
        """Sends bytes to the client; `output` is the command's own descriptor."""
        if len(data) > self._limit:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
                file.write(seal(self._token, data))
            self.say("stored", output)
            return
        view = memoryview(marker(self._token) + seal(self._token, data, self._text))
        while view:
            view = view[os.write(output, view) :]


def remove(path: str) -> bool:
    """Removes a file; whether it was there."""
    try:
        os.unlink(path)
        return True
    except FileNotFoundError:
        return False  # another command has removed it, or it never came

"""The conversation over a stream until the endpoint answers.

Rules: an endpoint that is there costs one round trip, one that is not two; to a host that is new here and far away it
comes along with the command. A Python that does not start is told with what it said, and another one is taken if the
host has it and the user has named none; a host that stays silent is given up.
"""

import contextlib
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from .. import log
from ..connectors.base import Connector, Stream, StreamConnector
from ..errors import ConnectorError, ProtocolError, RemoteNotSetupError
from .bundle import bundle
from .keeping import Hosts
from .launcher import Launcher, new_token, words_of
from .survey import end_hung, failed, silent, survey

#: The most that a host may print before its endpoint does, in bytes.
NOISE = 1 << 20


Result = TypeVar("Result")


class Started(NamedTuple):
    """An endpoint that answers, and what it has said after its marker."""

    stream: Stream
    first: bytes


class NoStart(Exception):
    """Python did not come as far as the endpoint; `args` says why."""


class Ended(NoStart):
    """The command has ended without a word of ours."""


def start(connector: StreamConnector, launcher: Launcher) -> Started:
    """Starts the endpoint, and deploys it if it is not there.

    Raises RemoteNotSetupError if no endpoint comes, with what the host said instead.
    """
    hosts, host = Hosts(bundle().name), f"{connector.target} {launcher.root}"
    new = connector.network and not launcher.whole and not hosts.have(host)

    def attempt(token: str) -> Started:
        if new:
            command = launcher.session_unasked(token)
            if len(command) <= connector.open_limit:
                stream = connector.open(command)
                with contextlib.suppress(Ended, ConnectorError):  # not every host takes a command of that length
                    return _start(connector, launcher, token, stream)
                token = new_token()
        return _start(connector, launcher, token, connector.open(launcher.session(token)))

    found = attempted(connector, launcher, attempt)
    if new:
        hosts.note(host)
    return found


def attempted(connector: Connector, launcher: Launcher, attempt: Callable[[str], Result]) -> Result:
    """What an attempt with a fresh token returns; where Python did not start, with another one that is found."""
    try:
        return attempt(new_token())
    except NoStart as problem:
        why = str(problem)
    tried = survey(connector, launcher)
    usable = [one.path for one in tried or [] if one.usable]
    if launcher.python is None and usable:
        launcher.python = usable[0]
        log.info("deployment", "takes %s on %s: the first Python did not start: %s", usable[0], connector.target, why)
        try:
            return attempt(new_token())
        except NoStart as problem:
            why = str(problem)
    if tried is None:
        raise silent(connector.target, why)
    raise failed(connector.target, launcher, why, tried)


def _start(connector: StreamConnector, launcher: Launcher, token: str, stream: Stream) -> Started:
    late = threading.Event()
    too_late = f"it did not answer within {connector.start_timeout:g} s"

    def give_up() -> None:
        late.set()
        end_hung(connector, launcher, token)
        stream.close()

    watch = threading.Timer(connector.start_timeout, give_up)
    watch.daemon = True
    watch.start()
    try:
        launcher.meanwhile()
        first = _converse(stream, launcher, connector.target, token)
    except BaseException as error:
        stream.close()
        if isinstance(error, NoStart) and late.is_set():
            raise NoStart(too_late) from None
        raise
    finally:
        watch.cancel()
        watch.join(10)  # a program that forks after `connect` must not be one of several threads
    if late.is_set():  # just when the answer came
        raise NoStart(too_late)
    return Started(stream, first)


def archive_message(whole: bool = False) -> bytes:
    """What a host reads that has no endpoint: a size and what every session needs; the same of the rest, if `whole`."""
    _, packed, rest = bundle()
    return b"%9d\n" % len(packed) + packed + (b"%9d\n" % len(rest) + rest if whole else b"")


def check_word(word: str, detail: str, target: str, said: str) -> None:
    """Raises what a word in the marker's place means, if it is a failure."""
    if word == "setup":
        mend = "Python was not started. Lines that may fail end in `|| true`."
        raise RemoteNotSetupError(f"the setup lines failed on {target}, with exit code {detail}{said}\n{mend}").at(
            "setup lines", mend
        )
    if word == "old":
        raise NoStart(f"it is Python {detail}, and the endpoint needs 3.6 or newer")
    if word == "none":
        raise NoStart("there is no Python")


def check_deploying(launcher: Launcher, target: str) -> None:
    """Raises RemoteNotSetupError where an endpoint that is missing may not be sent."""
    if not launcher.deploy:
        mend = "Connect once without deploy=False, or deploy it by hand from the archive that `rproxy bundle` writes."
        raise RemoteNotSetupError(
            f"the endpoint {bundle().name} is not in {launcher.root} on {target}, and deploy=False forbids to put "
            f"it there. {mend}"
        ).at("deployment", mend)


def _converse(stream: Stream, launcher: Launcher, target: str, token: str) -> bytes:
    """Speaks with start.py until the endpoint answers; returns what came after its marker."""
    pattern, said = words_of(token), bytearray()
    while True:
        found = pattern.search(said)
        if found is None:
            if len(said) > NOISE:
                raise ProtocolError(f"{target} printed {len(said)} bytes, and no endpoint among them")
            buffer = memoryview(bytearray(1 << 16))
            try:
                count = stream.readinto(buffer)
            except OSError:
                count = 0
            if not count:
                raise Ended(_told(stream, said))
            said += buffer[:count]
            continue
        word = (found[1] or b"").decode()
        if not word:
            return bytes(said[found.end() :])
        noise = said[: found.start()]
        if word == "setup":
            stream.close()
            check_word(word, found[2].decode(), target, ": " + _told(stream, noise))
        check_word(word, found[2].decode(), target, "")
        check_deploying(launcher, target)
        archive = archive_message(launcher.whole)
        log.info("deployment", "sends the endpoint %s to %s, %d bytes", bundle().name, target, len(archive))
        try:
            stream.write([archive])
        except OSError as error:
            raise NoStart(f"the endpoint could not be sent: {error}; {_told(stream, said)}") from error
        said = said[found.end() :]


def _told(stream: Stream, said: bytes | bytearray) -> str:
    """What is known of a command that has ended."""
    noise = bytes(said[-2000:]).decode("utf-8", "replace").strip()
    return stream.diagnosis() + (f"\nand printed: {noise}" if noise else "")

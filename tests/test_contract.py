"""check_connector passes what keeps the contract of connectors, and names what does not."""

import os
import runpy
import threading

import pytest

from rproxy import CallTimeout, Completed, ConnectorError
from rproxy.connectors.local import LocalConnector
from rproxy.testing import check_connector

from .conftest import REPOSITORY, local_connector

pytestmark = pytest.mark.once


def test_a_connector_that_keeps_the_contract_passes(channel):
    passed = check_connector(local_connector(channel))
    assert "files keep their bytes" in passed
    assert ("a stream brings each byte at once" in passed) == (channel == "stream")


def test_the_connector_of_the_examples_passes():
    example = runpy.run_path(str(REPOSITORY / "examples/own_connector.py"))
    assert "files keep their bytes" in check_connector(example["CleanConnector"]())


HELD = []


class BrokenStream:
    """Takes text for bytes, and does not wait for the end."""

    def __init__(self, stream):
        self.stream = stream
        HELD.append(stream)  # else its end comes with its owner's
        self.readinto = stream.readinto

    def write(self, pieces):
        self.stream.write([bytes(memoryview(piece).cast("B")).replace(b"\0", b"?") for piece in pieces])

    def close(self):
        self.stream.write([b""])

    def diagnosis(self):
        return "it has ended"


class Broken(LocalConnector):
    """Does everything, and everything a little wrong."""

    target = "broken://"
    command_limit = 500_000  # the system takes 128 KiB

    def run(self, command, *, input=b"", timeout=None):
        done = super().run(command, input=input.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        if done.returncode == 1:
            done = super().run(command)  # perhaps it helps
        return Completed(done.stdout.replace(b"\0", b""), b"", min(done.returncode, 127))

    def push(self, local, remote):
        folder, name = os.path.split(remote)
        super().push(local, os.path.join(folder, name.replace("'", "")))

    def pull(self, remote, local):
        with open(local, "w"):  # before it is known whether there is anything
            pass
        super().pull(remote, local)

    def open(self, command):
        return BrokenStream(super().open(command))


#: The checks that such a connector must fail, and words of what they say.
FAULTS = {
    "output and errors come back apart": "must be (b'out', b'oops')",
    "exit codes come back": "`exit 255` is 127",
    "output may be any bytes": "output of all bytes",
    "input may be any bytes": "input of all bytes",
    "a command may be as long as it is said": "ConnectorError",
    "a command that fails is not run again": "run\\nrun",
    "a command that takes too long raises": "raises no CallTimeout",
    "files may have odd names": '"it\'s"',
    "what cannot be copied raises": "a file is here that could not be pulled",
    "a stream brings each byte at once": "the echo of a byte is b'?'",
    "a stream takes pieces of any kind": "the echo of pieces",
    "close ends the input and waits for the end": "after the end of its input",
    "a stream ends when its command does": "tells the exit code 5",
    "the diagnosis tells standard error": "tells standard error",
}


@pytest.fixture(scope="module")
def told():
    with pytest.raises(AssertionError) as caught:
        check_connector(Broken())
    while HELD:
        HELD.pop().close()
    return str(caught.value).splitlines()


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_promise_is_named(told, name):
    lines = [line for line in told if line.startswith(f"- {name}: ")]
    assert len(lines) == 1 and FAULTS[name] in lines[0]


def test_the_error_names_the_connector(told):
    assert told[0] == "broken:// breaks the contract of connectors:"


def test_promises_that_are_kept_are_not_named(told):
    assert not [line for line in told if line.startswith("- commands run in sh")]


def test_a_check_that_does_not_come_to_an_end_is_named():
    class Waiting(LocalConnector):
        def push(self, local, remote):
            threading.Event().wait()

    with pytest.raises(AssertionError) as caught:
        check_connector(Waiting(), patience=0.3)
    assert "- files keep their bytes: it did not come to an end within 0.3 s" in str(caught.value)


@pytest.mark.parametrize(
    ("method", "told"),
    [("run", "the first command did not come to an end within 0.3 s"), ("close", "- the first `close`: it did not")],
)
def test_checks_of_a_connector_that_never_comes_to_an_end_do(method, told):
    waiting = type("Waiting", (LocalConnector,), {method: lambda *_, **__: threading.Event().wait()})
    with pytest.raises(AssertionError, match=told):
        check_connector(waiting(), patience=0.3 if method == "run" else 5)


def test_output_whose_ends_are_cut_is_named():
    class Stripping(LocalConnector):
        def run(self, command, *, input=b"", timeout=None):
            done = super().run(command, input=input, timeout=timeout)
            return done._replace(stdout=done.stdout.strip())

    with pytest.raises(AssertionError, match="- output may be any bytes: output of all bytes"):
        check_connector(Stripping())


def test_an_input_that_ends_with_the_output_is_named():
    class Ending:
        def __init__(self, stream):
            self.stream = stream
            self.readinto, self.write, self.close = stream.readinto, stream.write, stream.close
            self.diagnosis, self.end_input = stream.diagnosis, stream.abort

    class Both(LocalConnector):
        def open(self, command):
            return Ending(super().open(command))

    with pytest.raises(AssertionError, match="- an input that is ended leaves the output: the output after the end"):
        check_connector(Both())


def test_a_connector_is_closed_even_if_it_does_nothing_right():
    class Nothing(LocalConnector):
        closed = 0

        def run(self, command, *, input=b"", timeout=None):
            raise ConnectorError("no")

        def close(self):
            self.closed += 1

    connector = Nothing()
    with pytest.raises(ConnectorError, match="no"):
        check_connector(connector)
    assert connector.closed == 2
    assert issubclass(CallTimeout, TimeoutError)

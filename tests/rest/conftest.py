"""The services: a double for all tests, or the real one where the environment names it.

With RPROXY_NEWT_URL, RPROXY_NEWT_USERNAME and RPROXY_NEWT_PASSWORD, or RPROXY_SFAPI_KEY, the tests run against the
service itself; those that need a mode of a double skip then. RPROXY_NEWT_MACHINE and RPROXY_SFAPI_MACHINE name the
machine, RPROXY_REST_PYTHON the interpreter there.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

import rproxy

for _package in ("requests", "jwt", "werkzeug"):
    pytest.importorskip(_package, reason="install the test extra: pip install -e '.[test]'")

from rproxy.connectors.newt import NewtConnector  # noqa: E402 - after the packages that they need
from rproxy.connectors.sfapi import SfapiConnector  # noqa: E402

from ..services.process import Double  # noqa: E402

PYTHON = os.environ.get("RPROXY_REST_PYTHON", sys.executable)


def needs_double(variable: str) -> NoReturn:
    pytest.skip(f"needs a double: unset {variable} and install the test extra")


class Nowhere(dict[str, str]):
    """The places of a real service, of which a test knows nothing."""

    def __init__(self, variable: str) -> None:
        self._variable = variable

    def __missing__(self, name: str) -> NoReturn:
        needs_double(self._variable)


class Real:
    """The service itself: nothing can be switched, and its home cannot be looked into."""

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self.places = Nowhere(variable)

    def reset(self) -> None:
        """Nothing to set back."""

    def __getattr__(self, name: str) -> Any:
        needs_double(self._variable)


def _service(name: str, variable: str) -> Iterator[Any]:
    if os.environ.get(variable):
        yield Real(variable)
    else:
        with Double(name) as double:
            yield double


@pytest.fixture(scope="session")
def newt_service() -> Iterator[Any]:
    yield from _service("newt", "RPROXY_NEWT_URL")


@pytest.fixture(scope="session")
def sfapi_service() -> Iterator[Any]:
    yield from _service("sfapi", "RPROXY_SFAPI_KEY")


@pytest.fixture
def newt(newt_service) -> Any:
    newt_service.reset()
    return newt_service


@pytest.fixture
def sfapi(sfapi_service) -> Any:
    sfapi_service.reset()
    return sfapi_service


def newt_options(service: Any) -> dict[str, str]:
    places = service.places
    names = {"username": "username", "password": "password", "base_url": "url"}
    return {option: places[name] for option, name in names.items() if name in places}


def sfapi_options(service: Any) -> dict[str, str]:
    places = service.places
    names = {"key": "pem", "base_url": "url", "token_url": "token_url"}
    return {option: places[name] for option, name in names.items() if name in places}


@pytest.fixture
def newt_connector(newt) -> Iterator[Callable[..., NewtConnector]]:
    """`newt_connector(**options)` makes a connector, which is closed after the test."""
    made = []

    def make(**options: Any) -> NewtConnector:
        machine = os.environ.get("RPROXY_NEWT_MACHINE", "edison")
        made.append(NewtConnector(machine, **{**newt_options(newt), **options}))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def sfapi_connector(sfapi) -> Iterator[Callable[..., SfapiConnector]]:
    """`sfapi_connector(**options)` makes a connector, which is closed after the test."""
    made = []

    def make(**options: Any) -> SfapiConnector:
        machine = os.environ.get("RPROXY_SFAPI_MACHINE", "perlmutter")
        made.append(SfapiConnector(machine, **{**sfapi_options(sfapi), **options}))
        if not isinstance(sfapi, Real):  # a double of this machine is quick, and does not mind
            made[-1].poll_interval = 0.02
        return made[-1]

    yield make
    for connector in made:
        connector.close()


@pytest.fixture(params=["newt", "sfapi"])
def connector(request) -> Any:
    """A connector to each service in turn."""
    return request.getfixturevalue(f"{request.param}_connector")()


@pytest.fixture
def client(connector) -> Iterator[rproxy.RemoteClient]:
    """A client over each service in turn."""
    with rproxy.RemoteClient(connector, python=PYTHON) as client:
        yield client


@pytest.fixture
def folder(connector) -> Iterator[str]:
    """A folder of the far side, for the test alone."""
    path = connector.run("mktemp -d $HOME/rproxy-test-XXXXXX").stdout.decode().strip()
    yield path
    connector.run(f"rm -rf {path}")


@pytest.fixture
def local_file(tmp_path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "local file"
        path.write_bytes(data)
        return path

    return write


def asked(service: Any, kind: str) -> list[tuple[str, str, int]]:
    """The requests so far of which `kind` is part of the path."""
    return [request for request in service.requests() if kind in request[1]]

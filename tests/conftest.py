"""What every test stands on: a home of its own, real interpreters, and a client over either channel.

Rules: no test touches the user's home; where a component is missing a test skips and says in one line what to
install; with CI=true in the environment nothing may be missing, and a skip is a failure.

Under every Python that a client may have runs what can differ there: calls, values, proxies, pickling, code by source
and by value, exceptions, signatures, asyncio, threads, signals, forks, imports, subclasses, the end of an interpreter.
What else there is (hosts, connectors, deployment, packages, the command line, documents, measurements, the far side's
own Pythons) is marked `once`; so is what runs over commands, but for the plain calls: what is in a command is what is
in a stream, and each is a process.
"""

import functools
import importlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
#: The home of the user who runs the tests; `HOME` is a temporary folder from here on.
REAL_HOME = Path.home()
IN_CI = os.environ.get("CI", "").lower() == "true"

_SESSION = Path(tempfile.mkdtemp(prefix="rproxy-tests-"))
HOME = _SESSION / "home"
#: On the endpoints' sys.path: what `far_module` writes.
FAR_MODULES = _SESSION / "far"
HOME.mkdir()
FAR_MODULES.mkdir()
# A shell that starts the tests in the background has them ignore what some of them are about.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Before anything connects, and before pip looks for its settings in the new home.
os.environ.setdefault("PIP_CACHE_DIR", str(REAL_HOME / ".cache" / "pip"))
for _settings in (REAL_HOME / ".config/pip/pip.conf", REAL_HOME / ".pip/pip.conf"):
    if _settings.is_file():
        os.environ.setdefault("PIP_CONFIG_FILE", str(_settings))
os.environ["HOME"] = str(HOME)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(FAR_MODULES), os.environ.get("PYTHONPATH")]))

import rproxy  # noqa: E402 - after the home is safe
from rproxy.connectors import Connector  # noqa: E402
from rproxy.connectors.local import LocalConnector  # noqa: E402
from rproxy.testing import command_only  # noqa: E402


def pytest_unconfigure() -> None:
    shutil.rmtree(_SESSION, ignore_errors=True)


#: Files of tests that take half a minute and more, the longest first.
LONG = [
    f"test_{name}.py"
    for name in (
        "soak", "packages", "keepalive", "guard", "resume", "long_transfers", "deploying_over_ssh", "cancelling",
        "threads", "contract", "cut", "faults", "packaging", "benchmarks", "typing",
    )
]  # fmt: skip


def runs_over_commands(item: pytest.Item) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    named = [value for value in params.values() if isinstance(value, str)]
    return "command" in named or not {"command_client", "far_by_commands"}.isdisjoint(item.fixturenames)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what runs over commands, but for the plain calls. What takes long comes first, so that the others of
    several workers need not wait for it at the end."""
    for item in items:
        if runs_over_commands(item) and item.path != REPOSITORY / "tests/test_calls.py":
            item.add_marker(pytest.mark.once)
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


# -- skips ---------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return judged((yield), "this file")


def judged(report, what="this test", in_ci=IN_CI):
    """The report, as a failure if it is a skip that may not be one."""
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return report
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if in_ci:
        report.outcome, report.longrepr = "failed", f"CI must have what {what} needs, and has not: {reason}"
    elif "install" not in reason or "\n" in reason.strip():
        report.outcome, report.longrepr = "failed", f"a skip says in one line what to install; {what} says: {reason}"
    return report


# -- interpreters --------------------------------------------------------------------------------------


@functools.cache
def interpreters() -> dict[tuple[int, int], str]:
    """Every Python from 3.6 on that this machine has: one path for each minor version, oldest first."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or REAL_HOME / ".pyenv")
    candidates = sorted(pyenv.glob("versions/*/bin/python"))
    for folder in map(Path, os.get_exec_path()):
        if folder.is_dir():
            candidates += sorted(path for path in folder.iterdir() if re.fullmatch(r"python3\.\d+", path.name))
    found: dict[tuple[int, int], str] = {}
    for candidate in [*map(str, candidates), sys.executable]:
        version = version_of(candidate)
        if version is not None and version >= (3, 6):
            found.setdefault(version, candidate)
    return dict(sorted(found.items()))


def version_of(python: str) -> tuple[int, int] | None:
    """The minor version that an interpreter says it is, or None if it does not run."""
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], check=True, capture_output=True, timeout=60)
        major, minor = map(int, done.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # a shim of a version that is not chosen, or a broken installation
    return major, minor


# -- clients -------------------------------------------------------------------------------------------


def local_connector(channel: str) -> Connector:
    """A connector of this machine for "stream" or "command"."""
    return LocalConnector() if channel == "stream" else command_only(LocalConnector())


def connect_over(channel: str, **options) -> rproxy.RemoteClient:
    """A client of its own, for tests that end or change theirs; the options are those of `connect`."""
    return rproxy.connect(local_connector(channel), **options)


@pytest.fixture(scope="module", params=["stream", "command"])
def channel(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def client(channel) -> Iterator[rproxy.RemoteClient]:
    """A client of a local endpoint, over each channel in turn."""
    with connect_over(channel) as client:
        yield client


@pytest.fixture(scope="module")
def stream_client() -> Iterator[rproxy.RemoteClient]:
    with rproxy.connect() as client:
        yield client


@pytest.fixture(scope="module")
def command_client() -> Iterator[rproxy.RemoteClient]:
    with connect_over("command") as client:
        yield client


_numbers = itertools.count(1)


@pytest.fixture
def far_module() -> Callable[[str, str], str]:
    """`far_module(name, source)` writes a module that the endpoint can import, and returns its name there."""

    def write(name: str, source: str) -> str:
        number = next(_numbers)
        unique = f"{name}_{number}"
        (FAR_MODULES / f"{unique}.py").write_text(source, "utf-8")
        # Importers list a folder again when its time has changed; two files of one clock tick would look alike.
        os.utime(FAR_MODULES, (number, number))
        return unique

    return write


@pytest.fixture
def write_module(tmp_path, monkeypatch) -> Iterator[Callable[[str, str], str]]:
    """`write_module(name, source)` writes a local module; what is imported of it goes when the test ends."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = set()

    def write(name, source):
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), "utf-8")
        importlib.invalidate_caches()
        names.add(name.partition(".")[0])
        return name

    yield write
    for loaded in [loaded for loaded in sys.modules if loaded.partition(".")[0] in names]:
        del sys.modules[loaded]

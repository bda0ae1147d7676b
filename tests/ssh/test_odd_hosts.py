"""Hosts with all their oddities, behind a real sshd: what it is told to run is run on a host of its own (see
deployment/box.py), by the login shell of that host, so that both ways by SSH meet what they would meet there."""

import getpass
import os
import shlex
from collections.abc import Callable

import pytest

import rproxy
from rproxy.deployment.bundle import bundle

from ..deployment.box import HOME, Box, make_box, python_2
from .conftest import ssh_connector
from .sshd import program

pytestmark = pytest.mark.once

ODD = 'it\'s "odd" $HOME `x` \\n ! é☃ {a,b} * ~ %s'
PLACE = f"{HOME}/.rproxy/{bundle().name}"


@pytest.fixture
def box(tmp_path) -> Box:
    """The host of a test."""
    return make_box(tmp_path)


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """The script by which sshd enters the host of a test."""
    return tmp_path_factory.mktemp("entry") / "enter"


@pytest.fixture(scope="module")
def server(start_sshd, entry):
    return start_sshd(settings=(f"ForceCommand exec /bin/sh {entry}",))


@pytest.fixture
def reach_box(kind, box, entry, server):
    """`reach_box(**options)` makes a client of the host as it is by then; it is closed when the test ends."""
    made = []

    def reach(start_timeout=60, **options) -> rproxy.RemoteClient:
        entry.write_text(f'exec {shlex.join([*box.prefix(), box.shell, "-c"])} "$SSH_ORIGINAL_COMMAND"\n', "utf-8")
        connector = ssh_connector(kind, server)
        connector.start_timeout = start_timeout
        made.append(connector)
        made.append(rproxy.connect(connector, **options))
        return made[-1]

    yield reach
    for one in reversed(made):
        one.close()


def works(client) -> bool:
    assert client.module("os").path.join("a", ODD) == f"a/{ODD}"
    return client.module("copy").copy(f"{ODD}\n") == f"{ODD}\n"


# -- hosts on which all is as ever ---------------------------------------------------------------------

RC_FILES = {"bash": ".bashrc", "csh": ".cshrc", "tcsh": ".tcshrc", "fish": ".config/fish/config.fish"}


def shell_that_prints_and_fails(name: str) -> Callable[[Box], None]:
    def change(box: Box) -> None:
        box.shell, box.env["BASH_ENV"] = program(name, name), f"{HOME}/.bashrc"
        rc = box.home / RC_FILES[name]
        rc.parent.mkdir(parents=True, exist_ok=True)
        rc.write_text("echo 'Welcome <rproxy:'\nno_such_command\n")

    return change


def no_home_is_said(box: Box) -> None:
    box.env["HOME"] = None
    box.mounts += ["--bind", str(box.home), os.path.expanduser(f"~{getpass.getuser()}")]


def in_locale_c(box: Box) -> None:
    box.env["LANG"] = box.env["LC_ALL"] = "C"


def no_tmp(box: Box) -> None:
    box.tmp_mount = []


def noexec_tmp(box: Box) -> None:
    box.without_executing_from("/tmp")


def umask(mask: str) -> Callable[[Box], None]:
    def change(box: Box) -> None:
        box.before = f"umask {mask}"

    return change


def python_that_prints(box: Box) -> None:
    (box.home / "site").mkdir()
    (box.home / "site/sitecustomize.py").write_text(
        "import os\nos.write(1, b'from sitecustomize <rproxy:\\n' * 1000)\n"
    )
    box.env["PYTHONPATH"] = f"{HOME}/site"


USUAL = {
    **{f"{name}, whose file prints and fails": shell_that_prints_and_fails(name) for name in RC_FILES},
    "HOME unset": no_home_is_said,
    "LANG=C": in_locale_c,
    "no /tmp": no_tmp,
    "a /tmp that is noexec": noexec_tmp,
    "umask 077": umask("077"),
    "umask 000": umask("000"),
    "a Python that prints as it starts": python_that_prints,
}


@pytest.mark.parametrize("change", USUAL.values(), ids=list(USUAL))
def test_the_endpoint_is_deployed_and_works_on_a_host_with(box, reach_box, change):
    box.interpreter("python3")
    change(box)
    client = reach_box()
    assert works(client)
    assert (box.home / ".rproxy" / bundle().name).is_dir() and client.info().endpoint.endswith(bundle().name)


def test_spaces_quotes_and_other_letters_may_be_in_every_path(box, reach_box):
    box.interpreter("my python", box.home / ODD)
    client = reach_box(
        python=f"~/{ODD}/my python", endpoint_dir=f"~/{ODD}/rproxy", setup="export SAID='! \\047 é'\ntrue"
    )
    assert client.module("os").getenv("WHICH") == "my python"
    assert client.module("os").getenv("SAID") == "! \\047 é"
    assert client.info().endpoint == f"{HOME}/{ODD}/rproxy/{bundle().name}"


# -- hosts that cannot be written to -------------------------------------------------------------------

HOMES = {
    "can only be read": lambda box: ["--ro-bind", str(box.home), HOME],
    "is full": lambda box: ["--size", "16384", "--tmpfs", HOME],
}


@pytest.mark.parametrize("mount", HOMES.values(), ids=list(HOMES))
def test_the_endpoint_runs_from_memory_where_the_home(box, reach_box, mount):
    box.interpreter("python3")
    box.home_mount = mount(box)
    client = reach_box()
    assert works(client)
    assert client.info().endpoint == "memory"


# -- Pythons that do not do ----------------------------------------------------------------------------

HANGS = "exec sleep 600"


def error_of(reach_box, **options) -> str:
    with pytest.raises(rproxy.RemoteNotSetupError) as caught:
        reach_box(**options)
    assert caught.value.stage == "Python" and "connect(..., python='/path/to/python3')" in caught.value.mend
    return str(caught.value)


def test_without_python3_the_error_says_where_it_was_looked_for(reach_box):
    said = error_of(reach_box)
    assert "there is no Python" in said and "looked for python3.13 to python3.6, python3 and python on its PATH" in said


def test_where_no_python_works_the_error_tells_what_each_of_them_said(box, reach_box):
    box.program("python3.12", "echo libpython is missing >&2; exit 127")
    box.program("python3", "echo the licence has expired; exit 3")
    said = error_of(reach_box)
    assert "/opt/bin/python3.12: libpython is missing exit code 127" in said
    assert "/opt/bin/python3: the licence has expired exit code 3" in said


def test_with_python_2_only_the_error_says_so(box, reach_box):
    python_2(box, "python2")
    assert "/opt/bin/python2: Python 2.7" in (said := error_of(reach_box)) and "too old" in said


def test_a_python_that_hangs_and_no_other_is_told(box, reach_box):
    box.program("python3", HANGS)
    said = error_of(reach_box, start_timeout=0.5)
    assert "did not answer within 0.5 s" in said and "/opt/bin/python3: it does not answer" in said


# -- login shells that run nothing ---------------------------------------------------------------------


def test_an_account_that_runs_no_commands_is_told_with_what_it_says(box, reach_box):
    box.shell = program("nologin", "login")
    box.interpreter("python3")
    with pytest.raises(rproxy.ConnectorError, match="This account is currently not available") as caught:
        reach_box()
    assert caught.value.stage == "shell" and "whether that account may run commands" in caught.value.mend


def test_a_file_of_the_shell_that_ends_it_is_told_with_its_exit_code(box, reach_box):
    box.shell, box.env["BASH_ENV"] = program("bash", "bash"), f"{HOME}/.env"
    (box.home / ".env").write_text("echo no logins today; exit 9\n")
    with pytest.raises(rproxy.ConnectorError, match=r"(?s)exit code 9.*no logins today") as caught:
        reach_box()
    assert caught.value.stage == "shell"

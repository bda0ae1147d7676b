"""Which Python is found on hosts with all their oddities, over both channels."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector

from .box import HOME, PYTHON, python_2

pytestmark = pytest.mark.once


#: What is found does not depend on the channel.
in_a_session = pytest.mark.parametrize("over", ["stream"], indirect=True)


def which(client):
    """The name under which the host's interpreter was started."""
    return client.module("os").getenv("WHICH")


# -- the order -----------------------------------------------------------------------------------------


def test_the_newest_python_on_the_path_is_found_first(box, connect):
    for name in ("python3", "python3.6", "python3.13", "python3.9"):
        box.interpreter(name)
    assert which(connect()) == "python3.13"


@in_a_session
def test_a_newer_python_later_on_the_path_is_found_before_an_older_one(box, connect):
    box.interpreter("python3.9")
    box.interpreter("python3.12", box.home / "bin")
    box.env["PATH"] = f"/opt/bin:{HOME}/bin:/usr/bin:/bin"
    assert which(connect()) == "python3.12"


def test_python3_is_found_where_no_version_is_named(box, connect):
    box.interpreter("python3")
    assert which(connect()) == "python3"


@in_a_session
def test_an_activated_environment_comes_first(box, connect):
    box.interpreter("python3.13")
    box.interpreter("python3", box.home / "env/bin", code="export IN_ENV=1")
    box.env["VIRTUAL_ENV"] = f"{HOME}/env"
    assert connect().module("os").getenv("IN_ENV") == "1"


@in_a_session
def test_what_setup_lines_put_on_the_path_comes_first(box, connect):
    box.interpreter("python3.13")
    box.interpreter("python3", box.home / "my module/bin")
    client = connect(setup='PATH="$HOME/my module/bin:$PATH"')
    assert which(client) == "python3"


@in_a_session
@pytest.mark.parametrize("place", ["miniconda3/bin", "miniforge3/bin", ".pyenv/versions/3.12.4/bin"])
def test_python_is_found_in_the_folders_of_conda_and_pyenv(box, connect, place):
    box.interpreter("python3", box.home / place)
    assert which(connect()) == "python3"


@in_a_session
def test_a_shim_of_pyenv_is_followed_to_the_version_that_is_chosen(box, connect):
    box.program("python3.13", "echo no such version >&2; exit 127", box.home / ".pyenv/shims")
    box.interpreter("python3.9", box.home / ".pyenv/versions/3.9.1/bin")
    box.program("python3.9", "exit 99", box.home / ".pyenv/shims")
    (box.home / ".pyenv/version").write_text("3.9.1\n")
    box.env["PATH"] = f"{HOME}/.pyenv/shims:/usr/bin:/bin"
    assert which(connect()) == "python3.9"


@in_a_session
def test_without_a_path_the_usual_folders_are_searched(box, connect):
    box.env["PATH"] = None
    box.interpreter("python3", box.home / "miniconda3/bin")
    assert which(connect()) == "python3"


def test_the_python_that_is_named_is_taken(box, connect):
    box.interpreter("python3.13")
    box.interpreter("my python", box.home / 'it\'s "mine"')
    assert which(connect(python='~/it\'s "mine"/my python')) == "my python"


@in_a_session
def test_a_named_users_home_is_found(box, connect):
    box.interpreter("my python")
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    own = os.path.expanduser(f"~{user}")
    box.mounts += ["--dir", own]
    up = "/..".join([""] * len(Path(own).parts))
    assert which(connect(python=f"~{user}{up}/opt/bin/my python")) == "my python"


def test_a_name_without_a_folder_is_looked_up_there(box, connect):
    box.interpreter("python3.13")
    box.interpreter("pypy3")
    assert which(connect(python="pypy3")) == "pypy3"


HANGS = f"exec {PYTHON} -c 'import time; time.sleep(600)' \"$@\""


# -- Pythons that do not do ----------------------------------------------------------------------------


def test_a_python_that_does_not_start_gives_way_to_the_next(box, connect):
    box.program("python3.13", "echo a library is missing >&2; exit 127")
    box.interpreter("python3.9")
    assert which(connect()) == "python3.9"


def test_a_python_that_is_no_program_gives_way_to_the_next(box, connect):
    (box.bin / "python3.13").write_bytes(b"\x7fELF broken")
    (box.bin / "python3.13").chmod(0o755)
    box.interpreter("python3.9")
    assert which(connect()) == "python3.9"


def test_a_python3_that_is_too_old_gives_way_to_another(box, connect):
    python_2(box, "python3")
    box.interpreter("python3", box.home / "miniconda3/bin")
    assert which(connect()) == "python3"


def test_a_python_that_hangs_gives_way_to_the_next(box, connect):
    box.program("python3.13", HANGS)
    box.interpreter("python3.9")
    assert which(connect(start_timeout=2)) == "python3.9"


def test_a_python_that_prints_as_it_starts_is_understood(box, connect):
    box.interpreter("python3", code=f'export PYTHONPATH="{HOME}/site"; echo from the wrapper')
    (box.home / "site").mkdir()
    (box.home / "site/sitecustomize.py").write_text(
        "import os\nos.write(1, b'from sitecustomize <rproxy:\\n' * 1000)\n"
    )
    assert which(connect()) == "python3"


def test_where_there_is_no_python_the_error_says_where_it_was_looked_for(box, connect):
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)box://: there is no Python.*conda's.*python="):
        connect()


def test_where_there_is_only_python_2_the_error_says_so(box, connect):
    python_2(box, "python2")
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"/opt/bin/python2: Python 2\.7\.\d+, too old"):
        connect()


def test_where_no_python_works_the_error_tells_what_each_of_them_said(box, connect):
    box.program("python3.13", "echo libpython is missing >&2; exit 127")
    box.program("python3", "echo the licence has expired; exit 3")
    with pytest.raises(rproxy.RemoteNotSetupError) as caught:
        connect()
    assert "/opt/bin/python3.13: libpython is missing exit code 127" in str(caught.value)
    assert "/opt/bin/python3: the licence has expired exit code 3" in str(caught.value)


def test_a_named_python_that_is_missing_is_told_with_those_that_there_are(box, connect):
    box.interpreter("python3")
    with pytest.raises(
        rproxy.RemoteNotSetupError, match=r"(?s)tried '/no/python'.*not found.*/opt/bin/python3: Python 3"
    ):
        connect(python="/no/python")


def test_a_named_python_that_hangs_is_told_as_such(box, connect):
    box.program("slow", HANGS)
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"'slow': it did not answer within 0.5 s"):
        connect(python="slow", start_timeout=0.5)


class JustInTime(LocalConnector):
    """This machine, whose endpoints answer just when they are given up."""

    start_timeout = 3

    def open(self, command):
        stream = super().open(command)
        read, close, closed = stream.readinto, stream.close, threading.Event()

        def readinto(buffer):
            count = read(buffer)
            assert closed.wait(60)
            return count

        def close_and_tell():
            close()
            closed.set()

        stream.readinto, stream.close = readinto, close_and_tell
        return stream


def test_an_answer_that_comes_just_when_its_python_is_given_up_is_too_late():
    rproxy.connect(python=PYTHON).close()  # so that nothing has to be sent before the answer
    with pytest.raises(rproxy.RemoteNotSetupError, match="it did not answer within 3 s"):
        rproxy.connect(JustInTime(), python=PYTHON)


class Silent(LocalConnector):
    """A host whose login shell brings no answer."""

    def run(self, command, *, input=b"", timeout=None):
        raise rproxy.CallTimeout("a command took longer than 0.1 s")

    def open(self, command):
        return super().open("exit 3")


def test_where_no_command_brings_an_answer_the_shell_is_told_and_not_python():
    with pytest.raises(
        rproxy.RemoteNotSetupError, match=r"exit code 3; .* no answer either\n.*rproxy doctor"
    ) as caught:
        rproxy.connect(Silent())
    assert caught.value.stage == "shell" and str(caught.value).endswith(caught.value.mend)


# -- setup lines ---------------------------------------------------------------------------------------

SETUPS = {
    "a command that fails": ("echo loading; no_such_module_command", "exit code 127"),
    "an exit": ("exit 5", "exit code 5"),
    "an exit with success": ("exit 0", "exit code 0"),
    "a syntax error": ("if true; then", "exit code 2"),
    "set -e": ("set -e; false; true", "exit code 1"),
}


@in_a_session
@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("bash", [True, False], ids=["bash", "sh"])
def test_setup_lines_that_fail_are_told_as_such(box, connect, setup, bash):
    if not bash:
        box.mounts += ["--ro-bind", "/dev/null", "/usr/bin/bash"]
    box.interpreter("python3")
    lines, said = SETUPS[setup]
    with pytest.raises(rproxy.RemoteNotSetupError, match=f"the setup lines failed on box://, with {said}"):
        connect(setup=lines)


@pytest.mark.parametrize("bash", [True, False], ids=["bash", "sh"])
def test_setup_lines_may_use_source(box, connect, bash):
    if not bash:
        box.mounts += ["--ro-bind", "/dev/null", "/usr/bin/bash"]
    box.interpreter("python3")
    (box.home / "my env").write_text('export SETUP="it\'s é"\n', "utf-8")
    assert connect(setup='source "$HOME/my env"').module("os").getenv("SETUP") == "it's é"


def test_setup_lines_that_read_do_not_take_the_sessions_input(box, connect):
    box.interpreter("python3")
    assert connect(setup="cat > /dev/null; export A=1").module("os").getenv("A") == "1"


def test_setup_lines_may_leave_the_shell_strict(box, connect):
    box.interpreter("python3")
    assert connect(setup="set -eu; export A=1").module("os").getenv("A") == "1"


def test_the_module_command_is_found_where_no_shell_has_it(box, connect):
    modules = box.home.parent / "modules.sh"
    modules.write_text("module() { export LOADED=$2; }\n")
    (box.home.parent / "profile.d").mkdir()
    shutil.copy(modules, box.home.parent / "profile.d/modules.sh")
    box.mounts += ["--tmpfs", "/etc/profile.d", "--ro-bind", str(modules), "/etc/profile.d/modules.sh"]
    box.interpreter("python3")
    assert connect(setup="module load python").module("os").getenv("LOADED") == "python"


# -- shells and their files ----------------------------------------------------------------------------

SHELLS = ["sh", "bash", "csh", "tcsh", "fish"]
RC_FILES = {"csh": ".cshrc", "tcsh": ".tcshrc", "fish": ".config/fish/config.fish", "bash": ".bashenv"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_every_login_shell_hands_the_command_on(box, connect, shell, locale):
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"install {shell}")
    box.shell, box.env["LANG"], box.env["LC_ALL"] = path, locale, locale
    odd = 'it\'s "odd" $HOME `x` \\n ! é☃ {a,b} * ~ %s'
    box.interpreter("my python", box.home / odd)
    client = connect(python=f"~/{odd}/my python", endpoint_dir=f"~/{odd}/rproxy", setup="export ODD='! \\047 é'\ntrue")
    assert which(client) == "my python"
    assert client.module("os").getenv("ODD") == "! \\047 é"
    assert client.info().endpoint.startswith(f"{HOME}/{odd}/rproxy/endpoint-")


@pytest.mark.parametrize("shell", ["bash", "csh", "tcsh", "fish"])
def test_a_shells_file_that_prints_and_fails_does_no_harm(box, connect, shell):
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"install {shell}")
    box.shell, box.env["BASH_ENV"] = path, f"{HOME}/.bashenv"
    rc = box.home / RC_FILES[shell]
    rc.parent.mkdir(parents=True, exist_ok=True)
    rc.write_text("echo 'welcome <rproxy: to this host'\nno_such_command\n")
    box.interpreter("python3")
    assert which(connect()) == "python3"


def test_a_shell_that_lets_nobody_in_is_told_with_what_it_says(box, connect):
    if not os.path.exists("/usr/sbin/nologin"):
        pytest.skip("install login, which has nologin")
    box.shell = "/usr/sbin/nologin"
    with pytest.raises(rproxy.RemoteNotSetupError, match="account is currently not available"):
        connect()


def test_a_file_of_the_shell_that_ends_it_is_told_with_its_exit_code(box, connect):
    box.shell, box.env["BASH_ENV"] = "/bin/bash", f"{HOME}/.bashenv"
    (box.home / ".bashenv").write_text("echo no logins today; exit 9\n")
    with pytest.raises(rproxy.RemoteNotSetupError, match=r"(?s)exit code 9.*no logins today"):
        connect()


def test_python_replaces_every_shell_on_the_way_to_it():
    connector = LocalConnector()
    connector.python = None
    with rproxy.connect(connector, setup="true") as client:
        assert client.module("os").getppid() == os.getpid()

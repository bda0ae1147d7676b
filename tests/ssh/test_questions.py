"""Questions that a host asks at a login, and who answers them."""

import contextlib
import getpass
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from rproxy.errors import AuthenticationError, ConnectorError

from ..services.ssh_keys import PASSPHRASE
from .accounts import account
from .conftest import ssh_connector
from .sshd import wait_for

pytestmark = pytest.mark.once


class Questions:
    """A running question_server: what `ssh_connector` needs of one."""

    def __init__(self, folder, keys, rounds, steps):
        self.keys, self.user = keys, getpass.getuser()
        script = Path(__file__).with_name("question_server.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), keys["host"], json.dumps([rounds, steps])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.address = f"{self.user}@127.0.0.1:{int(self.process.stdout.readline())}"
        self.known_hosts = str(folder / "known")
        Path(self.known_hosts).write_text(f"* {keys.bare('host')}\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


@pytest.fixture
def questions(tmp_path, keys):
    """`questions(*rounds, steps=(...))` starts a server that asks them."""
    with contextlib.ExitStack() as stack:

        def start(*rounds, steps=("keyboard-interactive",)):
            server = Questions(tmp_path, keys, rounds, steps)
            stack.callback(server.close)
            return server

        yield start


PASSWORD, CODE = ["Password: ", False, "pw"], ["Code: ", True, "123456"]


@pytest.fixture
def enter(kind):
    """`enter(server, **options)` logs in there by a password or questions, and says what a command printed."""

    def enter(server, **options):
        connector = ssh_connector(kind, server, **{"identity": None, **options})
        try:
            return connector.run("echo in").stdout
        finally:
            connector.close()

    return enter


class Person:
    """Knows answers by the last word of a prompt, and keeps what was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, prompt):
        self.asked.append(prompt.split()[-1].rstrip(":"))
        return self.answers.get(self.asked[-1])


def test_a_question_is_asked(questions, enter):
    person = Person(OTP="pw123")
    assert enter(questions(["", "", [["Password + OTP: ", False, "pw123"]]]), ask=person) == b"in\n"
    assert person.asked == ["OTP"]


def test_several_prompts_of_one_question_are_all_asked(questions, enter):
    server = questions(["Welcome", "Two things.", [PASSWORD, CODE, ["Again ü☃: ", False, "ß"]]])
    person = Person(**{"Password": "pw", "Code": "123456", "ü☃": "ß"})
    assert enter(server, ask=person) == b"in\n"
    assert person.asked == ["Password", "Code", "ü☃"]


def test_several_rounds_of_questions_are_all_asked(questions, enter):
    person = Person(Password="pw", Code="123456")
    assert enter(questions(["", "", [PASSWORD]], ["", "", [CODE]], ["", "nothing to ask", []]), ask=person) == b"in\n"
    assert person.asked == ["Password", "Code"]


def test_the_password_answers_the_question_for_it_and_a_person_the_others(questions, enter):
    person = Person(Code="123456")
    assert enter(questions(["", "", [PASSWORD, CODE]]), password="pw", ask=person) == b"in\n"
    assert person.asked == ["Code"]


@pytest.mark.parametrize("prompt", ["Password: ", "Password + OTP: ", "Verification code: "])
def test_the_password_alone_does_where_only_it_is_asked_for(questions, enter, prompt):
    assert enter(questions(["Hello", "", [[prompt, False, "pw"]]]), password="pw") == b"in\n"


def test_a_key_and_then_a_question(questions, enter, keys):
    server = questions(["", "", [CODE]], steps=("publickey", "keyboard-interactive"))
    assert enter(server, identity=keys["user"], ask=Person(Code="123456")) == b"in\n"


def test_a_password_and_then_a_question(questions, enter):
    server = questions(["", "", [CODE]], steps=("password", "keyboard-interactive"))
    assert enter(server, password="pw", ask=Person(Code="123456")) == b"in\n"


def test_a_question_that_nobody_answers_is_in_the_error(questions, enter):
    for person in (None, Person()):
        with pytest.raises(AuthenticationError, match=r"(?s)Code:.*password= or ask="):
            enter(questions(["", "", [CODE]]), ask=person)


def test_an_exception_of_the_callback_reaches_the_caller(questions, enter):
    def ask(prompt):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enter(questions(["", "", [CODE]]), ask=ask)


def test_an_answer_that_is_no_text_is_an_error(questions, enter):
    with pytest.raises(TypeError, match=r"ask= returns .*, not 5"):
        enter(questions(["", "", [CODE]]), ask=lambda prompt: 5)


# -- passwords, of real accounts -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["me@corp", r"CORP\me", "me+x$", "two words", "ünï"])
def test_a_user_may_have_an_odd_name(sshd, enter, name):
    with account(name=name) as user:
        server = sshd(settings=("PasswordAuthentication yes",), environment={"HOME": None}, user=user.name)
        to = f"{quote(user.name, safe='')}@{server.host}:{server.port}"
        assert enter(server, to=to, password=user.password) == b"in\n"


def test_a_password_is_good_for_every_connection(kind, sshd):
    with account() as user:
        server = sshd(settings=("PasswordAuthentication yes",), environment={"HOME": None}, user=user.name)
        connector = ssh_connector(kind, server, identity=None, password=user.password)
        for number in (1, 2):
            assert connector.run("echo in").stdout == b"in\n"
            assert server.logins() == number
            server.cut()
            wait_for(lambda: server.sessions() == [])
        connector.close()


def test_a_password_is_given_again_where_the_connection_has_just_ended(sshd, monkeypatch):
    """The command's ssh finds nothing to share, and may ask nothing."""
    with account() as user:
        server = sshd(settings=("PasswordAuthentication yes",), environment={"HOME": None}, user=user.name)
        connector = ssh_connector("ssh", server, identity=None, password=user.password)
        command, cuts = connector._link.command, [True]

        def cut_after(*args):
            words = command(*args)
            if cuts:
                cuts.pop()
                connector.renew()
            return words

        monkeypatch.setattr(connector._link, "command", cut_after)
        assert connector.run("echo in").stdout == b"in\n"
        assert server.logins() == 2
        connector.close()


def test_without_sharing_the_password_is_good_for_every_command(sshd):
    with account() as user:
        server = sshd(settings=("PasswordAuthentication yes",), environment={"HOME": None}, user=user.name)
        alone = {"ControlPath": "none"}
        connector = ssh_connector("ssh", server, identity=None, password=user.password, options=alone)
        assert [connector.run("echo in").stdout for _ in range(2)] == [b"in\n"] * 2
        connector.close()


# -- what is paramiko's own ----------------------------------------------------------------------------


def test_wrong_answers_are_asked_for_again_and_then_refused(questions, log_in):
    asked = []
    with pytest.raises(AuthenticationError, match=r"tried +the host's questions"):
        log_in(questions(["", "", [CODE]]), identity=None, ask=lambda prompt: asked.append(prompt) or "wrong")
    assert asked == ["Code: "] * 3


def test_a_title_goes_before_the_first_prompt(questions, log_in):
    server = questions(["Welcome", "Two things.", [PASSWORD, CODE]])
    answers = {"Welcome\nTwo things.\nPassword: ": "pw", "Code: ": "123456"}
    assert log_in(server, identity=None, ask=answers.pop) == b"in\n"


def test_questions_come_in_the_thread_that_connects(questions, log_in):
    threads = []
    log_in(
        questions(["", "", [CODE]]), identity=None, ask=lambda _: threads.append(threading.current_thread()) or "123456"
    )
    assert threads == [threading.current_thread()]


def test_an_exception_of_the_callback_ends_the_connection(questions, connector):
    def ask(prompt):
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        connector(questions(["", "", [CODE]]), identity=None, ask=ask).run("true")
    assert [thread for thread in threading.enumerate() if thread not in before and "ransport" in repr(thread)] == []


def test_a_host_that_runs_no_commands_says_so(questions, connector):
    made = connector(questions(["", "", [PASSWORD]]), identity=None, password="pw")
    with pytest.raises(ConnectorError, match="the host starts no commands for this user"):
        made.run("refuse this")
    with pytest.raises(ConnectorError, match="the host starts no commands for this user"):
        made.open("refuse this").readinto(memoryview(bytearray(10)))


# -- the terminal --------------------------------------------------------------------------------------


def at_terminal(server, identity, answer):
    """What a process at a terminal of its own shows when it logs in, and that answer is typed when it asks."""
    options = {"identity": identity, "known_hosts": server.known_hosts, "ssh_config": "none"}
    code = (
        "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "from rproxy.targets import connector_for\n"
        f"print(connector_for('paramiko://{server.address}', {options!r}).run('echo let in').stdout)"
    )
    ours, its = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stdin=its, stdout=its, stderr=its, start_new_session=True):
        os.close(its)
        shown, typed = b"", False
        with contextlib.suppress(OSError):  # Linux ends a terminal so
            while more := os.read(ours, 65536):
                shown += more
                if not typed and shown.endswith(b": "):
                    typed = bool(os.write(ours, answer.encode() + b"\n"))
        os.close(ours)
    return shown.decode()


def test_without_a_callback_the_terminal_is_asked_and_shows_no_answer(shared_sshd, keys):
    shown = at_terminal(shared_sshd, keys["locked"], PASSPHRASE)
    assert shown.startswith(f"Enter passphrase for key '{keys['locked']}': ") and "let in" in shown
    assert PASSPHRASE not in shown

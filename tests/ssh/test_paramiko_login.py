"""Logging in over paramiko://."""

import os
import re
import shutil
from pathlib import Path

import pytest

from rproxy.errors import AuthenticationError

from ..services.ssh_keys import PASSPHRASE, keygen
from .accounts import account

pytestmark = pytest.mark.once


# -- keys ----------------------------------------------------------------------------------------------


def test_a_key_lets_in(shared_sshd, log_in):
    assert log_in(shared_sshd) == b"in\n"


@pytest.mark.parametrize("kind", [["rsa", "-b", "2048"], ["ecdsa"], ["rsa", "-b", "2048", "-m", "PEM"]])
def test_keys_of_other_types_let_in(sshd, log_in, tmp_path, kind):
    server = sshd()
    keygen("-q", "-t", *kind, "-N", "", "-f", str(tmp_path / "key"))
    with (server.folder / "authorized_keys").open("a") as file:
        file.write((tmp_path / "key.pub").read_text())
    assert log_in(server, identity=tmp_path / "key") == b"in\n"


def test_a_strange_key_is_refused_and_the_error_tells_what_was_tried(shared_sshd, keys, log_in):
    with pytest.raises(AuthenticationError, match="does not let you in") as caught:
        log_in(shared_sshd, identity=keys["stranger"])
    text = str(caught.value)
    assert re.search(r"it takes +publickey\n", text) and re.search(f"tried +{keys['stranger']}\n", text)
    assert "identity=" in text and repr(shared_sshd.user) in text


def test_the_keys_of_the_option_are_tried_in_their_order(shared_sshd, keys, log_in):
    assert log_in(shared_sshd, identity=[keys["stranger"], Path(keys["user"])]) == b"in\n"


def test_a_file_that_is_no_key_is_told_of(shared_sshd, log_in, tmp_path):
    (tmp_path / "key").write_text("nonsense")
    with pytest.raises(AuthenticationError, match=r"not used +.*/key holds no private key that paramiko reads"):
        log_in(shared_sshd, identity=tmp_path / "key")


def test_the_key_of_the_configuration_lets_in(shared_sshd, log_in, write_config):
    config = write_config(shared_sshd.host_lines("box"))
    assert log_in(shared_sshd, to="box", identity=None, ssh_config=config) == b"in\n"


def test_too_many_keys_end_the_connection_and_the_error_says_so(sshd, keys, log_in, tmp_path):
    server = sshd(settings=("MaxAuthTries 2",))
    strangers = []
    for number in range(4):
        strangers.append(str(tmp_path / f"key{number}"))
        keygen("-q", "-t", "ed25519", "-N", "", "-f", strangers[-1])
    with pytest.raises(AuthenticationError, match="Too many authentication failures") as caught:
        log_in(server, identity=strangers)
    assert "IdentitiesOnly" in str(caught.value)


# -- passphrases ---------------------------------------------------------------------------------------


def test_a_passphrase_is_asked_for(shared_sshd, keys, log_in):
    asked = []

    def ask(prompt):
        asked.append(prompt)
        return PASSPHRASE

    assert log_in(shared_sshd, identity=keys["locked"], ask=ask) == b"in\n"
    assert asked == [f"Enter passphrase for key '{keys['locked']}': "]


def test_a_wrong_passphrase_is_asked_for_again(shared_sshd, keys, log_in):
    answers = ["wrong", "wrong too", PASSPHRASE]
    assert log_in(shared_sshd, identity=keys["locked"], ask=lambda _: answers.pop(0)) == b"in\n"


def test_three_wrong_passphrases_are_enough(shared_sshd, keys, log_in):
    asked = []
    with pytest.raises(AuthenticationError, match="none of 3 passphrases opens it"):
        log_in(shared_sshd, identity=keys["locked"], ask=lambda prompt: asked.append(prompt) or "wrong")
    assert len(asked) == 3


def test_a_passphrase_that_is_not_given_is_told_of(shared_sshd, keys, log_in):
    with pytest.raises(AuthenticationError, match="has a passphrase, which was not given"):
        log_in(shared_sshd, identity=keys["locked"], ask=lambda _: None)


def test_with_nobody_to_ask_the_error_says_how_to_answer(shared_sshd, keys, log_in):
    with pytest.raises(AuthenticationError, match=r"nobody to ask for it: pass ask="):
        log_in(shared_sshd, identity=keys["locked"])


def test_nobody_is_asked_before_the_open_keys_were_tried(shared_sshd, keys, log_in):
    assert log_in(shared_sshd, identity=[keys["locked"], keys["user"]], ask=pytest.fail) == b"in\n"


def test_an_answer_that_is_no_text_is_an_error(shared_sshd, keys, log_in):
    with pytest.raises(TypeError, match="ask= returns a text or None"):
        log_in(shared_sshd, identity=keys["locked"], ask=lambda _: b"bytes")


# -- certificates --------------------------------------------------------------------------------------


def test_a_certificate_beside_the_key_lets_in(sshd, keys, log_in):
    server = sshd(settings=(f"TrustedUserCAKeys {keys['user_ca']}.pub",))
    keys.sign_user(server.user)
    assert log_in(server, identity=keys["signed"]) == b"in\n"


def test_a_certificate_of_the_configuration_lets_in(sshd, keys, log_in, tmp_path, write_config):
    server = sshd(settings=(f"TrustedUserCAKeys {keys['user_ca']}.pub",))
    keys.sign_user(server.user)
    shutil.copy(keys["signed"], tmp_path / "key")
    certificate = shutil.copy(f"{keys['signed']}-cert.pub", tmp_path / "elsewhere.pub")
    config = write_config(f"CertificateFile {certificate}")
    assert log_in(server, identity=tmp_path / "key", ssh_config=config) == b"in\n"


def test_a_key_lets_in_though_its_certificate_does_not(shared_sshd, keys, log_in, tmp_path):
    shutil.copy(keys["user"], tmp_path / "key")
    shutil.copy(f"{keys['user']}.pub", tmp_path / "key.pub")
    keygen("-q", "-s", keys["user_ca"], "-I", "tests", "-n", "nobody", str(tmp_path / "key.pub"))
    assert (tmp_path / "key-cert.pub").exists()
    assert log_in(shared_sshd, identity=tmp_path / "key") == b"in\n"


def test_a_certificate_for_another_login_is_refused(sshd, keys, log_in):
    server = sshd(settings=(f"TrustedUserCAKeys {keys['user_ca']}.pub",))
    keys.sign_user("nobody")
    with pytest.raises(AuthenticationError, match="with the certificate"):
        log_in(server, identity=keys["signed"])


# -- the agent -----------------------------------------------------------------------------------------


def test_a_key_of_the_agent_lets_in(shared_sshd, keys, log_in, agent):
    agent(keys["user"])
    assert log_in(shared_sshd, identity=None) == b"in\n"


def test_the_configuration_may_name_the_agent_or_none(shared_sshd, keys, log_in, agent, monkeypatch, write_config):
    agent(keys["user"])
    path = os.environ["SSH_AUTH_SOCK"]
    with pytest.raises(AuthenticationError):
        log_in(shared_sshd, identity=None, ssh_config=write_config("IdentityAgent none"))
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert log_in(shared_sshd, identity=None, ssh_config=write_config(f"IdentityAgent {path}")) == b"in\n"


def test_only_the_named_keys_of_the_agent_are_tried_if_the_configuration_says_so(
    shared_sshd, keys, log_in, agent, write_config
):
    agent(keys["user"])
    others = write_config("IdentitiesOnly yes", f"IdentityFile {keys['stranger']}")
    with pytest.raises(AuthenticationError) as caught:
        log_in(shared_sshd, identity=None, ssh_config=others)
    assert "of the agent" not in str(caught.value)
    named = write_config("IdentitiesOnly yes", f"IdentityFile {keys['user']}.pub")
    assert log_in(shared_sshd, identity=None, ssh_config=named) == b"in\n"


def test_a_locked_key_that_the_agent_holds_asks_for_nothing(shared_sshd, keys, log_in, agent, tmp_path):
    opened = shutil.copy(keys["locked"], tmp_path / "opened")
    keygen("-q", "-p", "-P", PASSPHRASE, "-N", "", "-f", opened)
    agent(opened)
    assert log_in(shared_sshd, identity=keys["locked"], ask=pytest.fail) == b"in\n"


def test_an_agent_that_does_not_answer_is_passed_over_and_told_of(shared_sshd, keys, log_in, monkeypatch, tmp_path):
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    assert log_in(shared_sshd) == b"in\n"
    with pytest.raises(AuthenticationError, match="the agent at .*/gone does not answer"):
        log_in(shared_sshd, identity=keys["stranger"])


# -- passwords, of a real account ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def person():
    with account() as person:
        yield person


@pytest.fixture(scope="module")
def password_sshd(start_sshd, person):
    settings = ("PasswordAuthentication yes", "AuthenticationMethods any")
    return start_sshd(settings=settings, user=person.name, environment={"HOME": None})


def test_a_password_lets_in(password_sshd, person, log_in):
    assert log_in(password_sshd, identity=None, password=person.password) == b"in\n"


def test_a_password_is_asked_for(password_sshd, person, log_in):
    asked = []

    def ask(prompt):
        asked.append(prompt)
        return person.password

    assert log_in(password_sshd, identity=None, ask=ask) == b"in\n"
    assert asked == [f"{person.name}@127.0.0.1's password: "]


def test_a_wrong_password_is_refused_and_not_shown(password_sshd, log_in):
    with pytest.raises(AuthenticationError, match=r"tried +the password") as caught:
        log_in(password_sshd, identity=None, password="wrong-secret")
    assert "wrong-secret" not in str(caught.value) and re.search(r"not answered +.*'s password:", str(caught.value))


def test_after_a_wrong_password_the_right_one_is_asked_for(password_sshd, person, log_in):
    assert log_in(password_sshd, identity=None, password="wrong", ask=lambda _: person.password) == b"in\n"


def test_a_host_that_wants_a_key_and_a_password_gets_both(sshd, person, keys, log_in):
    authorized = Path(person.home) / "authorized"  # where the server can read it as that user
    authorized.write_text(f"{keys.public('user')}\n")
    methods = "AuthenticationMethods publickey,password"
    settings = ("PasswordAuthentication yes", methods, f"AuthorizedKeysFile {authorized}")
    server = sshd(settings=settings, user=person.name, environment={"HOME": None})
    assert log_in(server, password=person.password) == b"in\n"
    with pytest.raises(AuthenticationError, match=r"taken; then it wanted password") as caught:
        log_in(server)
    assert "password= or ask=" in str(caught.value)


def test_the_configuration_may_switch_a_way_off(password_sshd, person, log_in, write_config):
    config = write_config("PasswordAuthentication no")
    with pytest.raises(AuthenticationError, match=r"tried +nothing"):
        log_in(password_sshd, identity=None, password=person.password, ssh_config=config)

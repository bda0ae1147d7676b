"""FIDO keys, by the software token that OpenSSH is tested with itself."""

import os
import sys
from pathlib import Path

import pytest

import rproxy

from ..services.ssh_keys import PASSPHRASE, keygen
from .conftest import says

pytestmark = pytest.mark.once

#: Debian's openssh-tests has it there.
TOKEN = Path("/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so")
HELPER = Path("/usr/lib/openssh/ssh-sk-helper")


@pytest.fixture
def token(sshd, tmp_path, write_config):
    """`token(*words)` makes a key in the token, with these words for ssh-keygen; returns a server that lets it in, and
    the options that a client needs which has it in its configuration."""
    if not TOKEN.exists():
        pytest.skip("install openssh-tests, which has sk-dummy.so")

    def make(*words):
        key = tmp_path / "key_sk"
        keygen("-q", "-t", "ed25519-sk", "-w", str(TOKEN), "-f", str(key), *words)
        server = sshd()
        (server.folder / "authorized_keys").write_text(Path(f"{key}.pub").read_text())
        config = write_config(server.host_lines("box", f"SecurityKeyProvider {TOKEN}"))
        return server, {"to": "box", "ssh_config": config, "identity": key, "known_hosts": None}

    return make


def test_a_security_key_lets_in(token, reach):
    server, options = token("-N", "")
    assert says(reach(server, **options))
    assert "Accepted key ED25519-SK" in server.log()


def test_the_passphrase_of_a_security_key_is_asked_for(token, reach):
    server, options = token("-N", PASSPHRASE)
    asked = []
    assert says(reach(server, **options, ask=lambda prompt: asked.append(prompt) or PASSPHRASE))
    assert len(asked) == 1 and "passphrase" in asked[0]


def test_without_its_token_a_security_key_is_refused(token, reach, write_config):
    server, options = token("-N", "")
    options["ssh_config"] = write_config(server.host_lines("box", "SecurityKeyProvider /nowhere/token.so"))
    with pytest.raises(rproxy.AuthenticationError):
        says(reach(server, **options))


def test_whoever_has_to_touch_the_key_is_told(token, reach, tmp_path, monkeypatch):
    """The token is touched once that is said, and not before."""
    server, options = token("-N", "")
    told, helper, said = tmp_path / "told", tmp_path / "helper", []
    helper.write_text(f"#!/bin/sh\nuntil [ -e '{told}' ]; do sleep 0.01; done\nexec {HELPER} \"$@\"\n")
    helper.chmod(0o700)
    monkeypatch.setitem(os.environ, "SSH_SK_HELPER", str(helper))

    class Screen:
        def write(self, text):
            said.append(text)
            told.touch()

        def flush(self):
            return

    monkeypatch.setattr(sys, "stderr", Screen())
    asked = []
    assert says(reach(server, **options, ask=asked.append))
    assert any("Confirm user presence for key ED25519-SK" in text for text in said)
    assert not asked

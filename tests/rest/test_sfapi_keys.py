"""The keys and tokens of `sfapi://`: both forms, where they are, and what is wrong with those that are none."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

import rproxy
from rproxy.connectors.sfapi import SfapiConnector

from ..services.keys import CLIENT
from .conftest import PYTHON, asked
from .test_newt import COUNT, runs

pytestmark = pytest.mark.once


@pytest.fixture
def key_file(sfapi, tmp_path):
    """`key_file(text, mode, name)` writes a key."""

    def write(text, mode=0o600, name="key.pem"):
        path = tmp_path / name
        path.write_text(text)
        os.chmod(path, mode)
        return path

    return write


@pytest.fixture
def pem(sfapi):
    return Path(sfapi.places["pem"]).read_text()


@pytest.mark.parametrize("form", ["pem", "json"])
def test_both_forms_of_keys_are_accepted(sfapi, sfapi_connector, form):
    assert sfapi_connector(key=sfapi.places[form]).run("echo x").stdout == b"x\n"


def test_a_pem_file_without_the_clients_id_needs_it_as_an_option(key_file, pem, sfapi_connector):
    path = key_file(pem.partition("\n")[2])
    assert sfapi_connector(key=path, client_id=CLIENT).auth() is True
    with pytest.raises(rproxy.AuthenticationError, match="client_id="):
        sfapi_connector(key=path).auth()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused(key_file, pem, sfapi_connector, mode):
    path = key_file(pem, mode)
    with pytest.raises(rproxy.AuthenticationError, match=f"mode {mode:04o}.*chmod 600 {path}"):
        sfapi_connector(key=path).auth()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc\nno key\n",
        "{}",
        "{",
        '{"client_id": "abc", "secret": {"kty": "RSA"}}',
        '{"client_id": "a", "secret": 5}',
    ],
)
def test_what_is_no_key_says_what_a_key_looks_like(key_file, sfapi_connector, text):
    with pytest.raises(rproxy.AuthenticationError, match=r"no key of the Superfacility API.*PEM with the client's id"):
        sfapi_connector(key=key_file(text)).auth()


def test_a_public_key_is_told_from_the_private_one(key_file, pem, sfapi, sfapi_connector):
    jwk = json.loads(Path(sfapi.places["json"]).read_text())
    jwk["secret"] = {name: jwk["secret"][name] for name in ("kty", "n", "e")}
    private = serialization.load_pem_private_key(pem.partition("\n")[2].encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for text in (json.dumps(jwk), f"{CLIENT}\n{public.decode()}"):
        with pytest.raises(rproxy.AuthenticationError, match="the private one is needed"):
            sfapi_connector(key=key_file(text)).auth()


@pytest.mark.parametrize("missing", ["client_id", "secret"])
def test_what_a_json_key_lacks_is_named(key_file, sfapi, sfapi_connector, missing):
    told = json.loads(Path(sfapi.places["json"]).read_text())
    del told[missing]
    with pytest.raises(rproxy.AuthenticationError, match=f"'{missing}' is missing"):
        sfapi_connector(key=key_file(json.dumps(told))).auth()


@pytest.mark.parametrize("change", [lambda pem: "\ufeff" + pem, lambda pem: pem.replace("\n", "\r\n")])
def test_a_key_is_read_as_editors_of_other_systems_save_it(key_file, pem, sfapi_connector, change):
    assert sfapi_connector(key=key_file(change(pem))).auth() is True


def test_a_missing_key_says_where_to_get_one(sfapi_connector, tmp_path):
    with pytest.raises(rproxy.AuthenticationError, match=r"No such file.*iris\.nersc\.gov"):
        sfapi_connector(key=tmp_path / "missing").auth()


def test_the_key_of_the_home_is_found(sfapi, pem, sfapi_connector, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RPROXY_SFAPI_KEY", raising=False)
    with pytest.raises(rproxy.AuthenticationError, match=r"no key .*\.superfacility"):
        sfapi_connector(key=None).auth()
    folder = tmp_path / ".superfacility"
    folder.mkdir()
    (folder / "one.pem").write_text(pem)
    os.chmod(folder / "one.pem", 0o600)
    assert sfapi_connector(key=None).auth() is True
    (folder / "two.json").write_text("{}")
    with pytest.raises(rproxy.AuthenticationError, match=r"more than one key.*one\.pem, two\.json.*key="):
        sfapi_connector(key=None).auth()


def test_key_and_addresses_may_be_in_the_environment(sfapi, monkeypatch):
    for name, place in [("KEY", "json"), ("URL", "url"), ("TOKEN_URL", "token_url")]:
        monkeypatch.setenv(f"RPROXY_SFAPI_{name}", sfapi.places[place])
    with rproxy.connect("sfapi://perlmutter", python=PYTHON) as client:
        assert client.module("os").path.join("a", "b") == "a/b"


def test_a_client_that_the_service_refuses_is_named(sfapi, sfapi_connector):
    sfapi.modes(bad_client=True)
    with pytest.raises(rproxy.AuthenticationError, match=f"refuses the client '{CLIENT}'.*invalid_client"):
        sfapi_connector().run("true")


def test_an_assertion_for_somebody_else_is_refused_by_the_double(sfapi, sfapi_connector):
    other = sfapi.places["token_url"].replace("127.0.0.1", "localhost")
    with pytest.raises(rproxy.AuthenticationError, match="Audience"):
        sfapi_connector(token_url=other).auth()


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_is_made_again_and_the_command_runs_once(sfapi, sfapi_connector, status):
    connector = sfapi_connector()
    connector.auth()
    sfapi.modes(expire=1, expired_status=status)
    assert connector.run(COUNT).returncode == 0
    assert runs(sfapi) == 1
    assert [request[2] for request in asked(sfapi, "/command/")] == [status, 200]


def test_a_token_is_used_while_it_is_good_and_made_again_before_its_end(sfapi, sfapi_connector):
    sfapi.modes(expires_in=1)
    connector = sfapi_connector()
    connector.run("true")
    connector.auth()
    connector.run("true")
    assert len(asked(sfapi, "/token")) == 2
    time.sleep(0.95)
    connector.run("true")
    assert len(asked(sfapi, "/token")) == 3
    assert all(request[2] == 200 for request in asked(sfapi, "/command/"))


def test_a_failing_token_service_is_asked_again_with_new_assertions(sfapi, sfapi_connector):
    sfapi.modes(answers={"token": [503, 502]})
    assert sfapi_connector().run("echo x").stdout == b"x\n"


def test_a_client_of_another_colour_may_run_nothing_and_is_told_so(sfapi, sfapi_connector):
    sfapi.modes(colour="blue")
    with pytest.raises(rproxy.AuthenticationError, match="may not run commands.*Only red clients.*Nothing has run"):
        sfapi_connector().run("true")


def test_a_token_url_that_is_none_is_refused():
    with pytest.raises(ValueError, match="token_url is the URL"):
        SfapiConnector("perlmutter", token_url="oidc.example.org/token")  # noqa: S106


def test_without_pyjwt_the_error_says_what_to_install(key_file, pem):
    code = (
        "import sys; sys.modules['jwt'] = None\n"
        "from rproxy.connectors.sfapi_key import read_key\n"
        "try: read_key(sys.argv[1], None)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(key_file(pem))], capture_output=True, text=True)
    assert done.stdout == "AuthenticationError sfapi:// needs PyJWT: pip install 'rproxy-remote[sfapi]'\n"

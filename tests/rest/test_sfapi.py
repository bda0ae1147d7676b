"""`sfapi://`: keys, tokens, tasks and files, against the double in all of its modes."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.sfapi import SfapiConnector

from ..services.keys import CLIENT
from .conftest import PYTHON, asked, sfapi_options
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


# -- keys and tokens -----------------------------------------------------------------------------------


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
    with pytest.raises(rproxy.AuthenticationError, match="may not run commands.*colour red.*Nothing has run"):
        sfapi_connector().run("true")


# -- tasks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("polls", [1, 3])
def test_a_small_call_is_two_requests_and_the_polls(sfapi, sfapi_connector, polls):
    with rproxy.RemoteClient(sfapi_connector(), python=PYTHON) as client:
        module = client.module("os")
        sfapi.reset()
        sfapi.modes(polls=polls)
        assert module.path.join("a", "b") == "a/b"
        methods = [request[0] for request in sfapi.requests()]
    assert methods[0] == "POST"
    assert set(methods[1:]) == {"GET"}
    assert len(methods) >= 2 + polls
    assert len(asked(sfapi, "/download/") + asked(sfapi, "/upload/")) == 0


def test_a_command_that_has_ended_is_one_poll(sfapi, sfapi_connector):
    connector = sfapi_connector()
    connector.auth()
    sfapi.reset()
    sfapi.modes(late=0.3)  # so that it ends before it is asked about
    connector.run("true")
    assert [request[0] for request in sfapi.requests()] == ["POST", "GET"]


def test_large_calls_add_an_upload_and_a_download(sfapi, sfapi_connector):
    with rproxy.RemoteClient(sfapi_connector(), python=PYTHON) as client:
        module = client.module("copy")
        sfapi.reset()
        assert module.copy(bytes(3_000_000)) == bytes(3_000_000)
        assert len(asked(sfapi, "/upload/")) == len(asked(sfapi, "/download/")) == len(asked(sfapi, "/command/")) == 1


@pytest.mark.parametrize("exit_code", [True, False])
def test_the_exit_code_comes_back_also_where_the_service_leaves_it_out(sfapi, sfapi_connector, exit_code):
    sfapi.modes(exit_code=exit_code)
    done = sfapi_connector().run("echo out; echo err >&2; exit 4")
    assert done == (b"out\n", b"err\n", 4)


def test_standard_error_is_no_failure(sfapi_connector):
    assert sfapi_connector().run("echo warning >&2") == (b"", b"warning\n", 0)


def test_a_task_that_is_not_there_yet_is_waited_for(sfapi, sfapi_connector):
    sfapi.modes(early_404=2)
    assert sfapi_connector().run(COUNT).returncode == 0
    assert runs(sfapi) == 1


def test_a_task_that_is_forgotten_leaves_the_outcome_unknown(sfapi, sfapi_connector):
    sfapi.modes(gone=True, polls=2)
    with pytest.raises(rproxy.ConnectionLost, match=r"has forgotten the task.*unknown"):
        sfapi_connector().run(COUNT)
    assert runs(sfapi) == 1


def test_a_task_that_failed_leaves_the_outcome_unknown(sfapi, sfapi_connector):
    sfapi.modes(outcome="failed")
    with pytest.raises(rproxy.ConnectionLost, match=r"failed, with 'the machine has lost it'.*unknown"):
        sfapi_connector().run("true")


def test_a_task_that_others_cancelled_is_told(sfapi, sfapi_connector):
    sfapi.modes(outcome="cancelled")
    with pytest.raises(rproxy.CallCancelled, match="may have run in part"):
        sfapi_connector().run("true")


def test_an_error_at_200_says_that_nothing_has_run(sfapi, sfapi_connector):
    sfapi.modes(refuse=1)
    with pytest.raises(rproxy.ConnectorError, match=r"the machine does not take commands\. Nothing has run"):
        sfapi_connector().run(COUNT)
    assert runs(sfapi) == 0


@pytest.mark.parametrize("status", [422, 429, 500, 502, 503, 504])
def test_a_command_is_sent_once_whatever_the_service_answers(sfapi, sfapi_connector, status):
    connector = sfapi_connector()
    sfapi.modes(answers={"command": [status]})
    with pytest.raises(rproxy.ConnectorError, match=f"HTTP {status}") as caught:
        connector.run(COUNT)
    assert ("Nothing has run" in str(caught.value)) == (status in (422, 429))
    assert len([request for request in sfapi.requests() if request[1].endswith("/command/perlmutter")]) <= 1
    assert runs(sfapi) == 0


def test_questions_after_a_task_are_asked_again(sfapi, sfapi_connector):
    sfapi.modes(answers={"tasks": [429, 502, 503]}, html={"tasks": 2})
    assert sfapi_connector().run(COUNT).returncode == 0
    assert runs(sfapi) == 1


def test_a_command_that_is_accepted_late_runs_once(sfapi, sfapi_connector):
    connector = sfapi_connector()
    connector.auth()
    connector.answer_timeout = 0.3
    sfapi.modes(late=0.8)
    with pytest.raises(rproxy.CallTimeout, match="unknown"):
        connector.run(COUNT)
    time.sleep(0.8)
    assert runs(sfapi) == 1


def test_an_unknown_machine_is_told_with_what_the_service_says(sfapi):
    connector = SfapiConnector("nowhere", **sfapi_options(sfapi))
    with pytest.raises(rproxy.ConnectorError, match=r"no such machine: nowhere.*Nothing has run"):
        connector.run("true")


def test_the_state_of_the_machine_can_be_asked_for_without_a_key(sfapi, tmp_path):
    connector = SfapiConnector("perlmutter", key=tmp_path / "missing", base_url=sfapi.places["url"])
    assert connector.status() == "active"


def ended(home):
    """Whether the command that would write a file after a second has been ended before."""
    time.sleep(1.2)
    return not (home / "went on").exists()


SLOW = "sleep 1; touch 'went on'"


def test_a_timeout_cancels_the_task(sfapi, sfapi_connector):
    with pytest.raises(rproxy.CallTimeout, match=r"took longer than 0\.3 s; its task \d+ was cancelled"):
        sfapi_connector().run(SLOW, timeout=0.3)
    assert ended(sfapi.home)


def test_an_interrupt_cancels_the_task(sfapi, sfapi_connector):
    connector = sfapi_connector()
    connector.auth()
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        connector.run(SLOW)
    assert "was cancelled" in caught.value.__notes__[0]
    assert ended(sfapi.home)


def test_a_task_that_cannot_be_cancelled_is_told(sfapi, sfapi_connector):
    connector = sfapi_connector()
    connector.auth()
    sfapi.modes(polls=100)
    thread = threading.Timer(0.3, lambda: sfapi.modes(answers={"tasks": [500] * 20}))
    thread.start()
    with pytest.raises(rproxy.RProxyError, match=r"could not be cancelled: HTTP 500|does not tell of the task"):
        connector.run("true", timeout=0.6)
    thread.join()


# -- files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("downloads", ["base64", "text"])
def test_downloads_are_exact_in_either_form(sfapi, sfapi_connector, tmp_path, downloads):
    sfapi.modes(downloads=downloads)
    connector = sfapi_connector()
    for data in (b"text\r\n\ttext \n", bytes(range(256)), "é".encode()):
        (sfapi.home / "x").write_bytes(data)
        connector.pull(str(sfapi.home / "x"), tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == data


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_of_the_limit_is_one_transfer_and_one_byte_more_makes_pieces(sfapi, sfapi_connector, tmp_path, more):
    connector, data = sfapi_connector(), os.urandom(5_242_880 + more)
    (tmp_path / "x").write_bytes(data)
    connector.push(tmp_path / "x", str(sfapi.home / "large"))
    assert (sfapi.home / "large").read_bytes() == data
    assert len(asked(sfapi, "/upload/")) == 1 + more
    connector.pull(str(sfapi.home / "large"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    assert sorted(path.name for path in sfapi.home.glob(".rproxy-*")) == []


def test_absolute_paths_keep_their_slash(sfapi, sfapi_connector, tmp_path):
    (tmp_path / "x").write_bytes(b"x")
    sfapi_connector().push(tmp_path / "x", str(sfapi.home / "x"))
    assert f"/upload/perlmutter/{sfapi.home}/x" in asked(sfapi, "/upload/")[0][1]


def test_the_doubles_take_both_spellings_of_an_absolute_path_and_no_other(sfapi, sfapi_connector):
    connector = sfapi_connector()
    (sfapi.home / "x").write_text("content")
    path, statuses = str(sfapi.home / "x"), []
    for spelled in (f"/{path}", f"/%2F{path[1:]}", path):
        answer = connector._ask("GET", f"/utilities/download/perlmutter{spelled}", True)
        statuses.append(json.loads(answer.text)["status"])
    assert statuses == ["OK", "OK", "ERROR"]


def test_files_are_sent_again_where_the_service_fails(sfapi, sfapi_connector, tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    sfapi.modes(answers={"upload": [503], "download": [502]}, html={"upload": 1, "download": 1})
    connector = sfapi_connector()
    connector.push(tmp_path / "x", str(sfapi.home / "x"))
    connector.pull(str(sfapi.home / "x"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"content"


def test_without_pyjwt_the_error_says_what_to_install(key_file, pem):
    import subprocess
    import sys

    code = (
        "import sys; sys.modules['jwt'] = None\n"
        "from rproxy.connectors.sfapi_key import read_key\n"
        "try: read_key(sys.argv[1], None)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(key_file(pem))], capture_output=True, text=True)
    assert done.stdout == "AuthenticationError sfapi:// needs PyJWT: pip install 'rproxy-remote[sfapi]'\n"

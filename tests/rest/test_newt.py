"""`newt://`: sessions, commands and files, against the double in all of its modes."""

import sys
import time

import pytest
import requests

import rproxy
from rproxy.connectors.newt import NewtConnector

from .conftest import PYTHON, asked, newt_options

pytestmark = pytest.mark.once


def runs(newt, name="counter"):
    """How often a command has run that adds a line to a file of the home."""
    path = newt.home / name
    count = len(path.read_text().splitlines()) if path.exists() else 0
    path.unlink(missing_ok=True)
    return count


COUNT = "echo run >> $HOME/counter"


# -- sessions ------------------------------------------------------------------------------------------


def test_auth_opens_a_session_that_status_knows(newt, newt_connector):
    connector = newt_connector(username=None, password=None)
    assert connector.status() is False
    assert connector.auth(newt.places["username"], newt.places["password"]) is True
    assert connector.status() is True


def test_a_refused_login_says_what_to_do(newt, newt_connector):
    with pytest.raises(rproxy.AuthenticationError, match="one-time code"):
        newt_connector(password="wrong").run("true")
    newt.modes(refuse=True)
    with pytest.raises(rproxy.AuthenticationError, match="refuses 'tester'"):
        newt_connector().auth()


def test_without_a_password_the_error_names_the_options(newt_connector, monkeypatch):
    for variable in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"RPROXY_NEWT_{variable}", raising=False)
    with pytest.raises(rproxy.AuthenticationError, match=r"username=, password=.*RPROXY_NEWT_PASSWORD.*token="):
        newt_connector(username=None, password=None).run("true")


def test_an_open_session_is_used_by_its_id_and_stays_open(newt, newt_connector):
    first = newt_connector()
    first.auth()
    second = newt_connector(username=None, password=None, token=first._token)
    assert second.run("echo x").stdout == b"x\n"
    second.close()
    assert first.status() is True


def test_only_the_last_session_is_shown_to_the_service_and_to_no_other_host(newt_connector):
    first, second = newt_connector(), newt_connector()
    first.auth()
    second.auth()
    second.auth(token=first._token)
    here, elsewhere = (
        second._web._session.prepare_request(requests.Request("GET", url)).headers.get("Cookie")
        for url in (second._web.base_url, "https://other.example.org/newt")
    )
    assert (here, elsewhere) == (f"newt_sessionid={first._token}", None)


def test_a_session_works_on_a_host_without_a_dot_in_its_name(newt, newt_connector):
    connector = newt_connector(base_url=newt.places["url"].replace("127.0.0.1", "localhost"))
    assert connector.run("echo x").stdout == b"x\n"


def test_a_session_id_that_the_service_does_not_know_is_refused(newt_connector):
    with pytest.raises(rproxy.AuthenticationError, match="does not know this session"):
        newt_connector().auth(token="0" * 32)


def test_an_expired_session_is_opened_again_and_the_command_runs_once(newt, newt_connector):
    connector = newt_connector()
    connector.auth()
    newt.modes(expire=1)
    assert connector.run(COUNT).returncode == 0
    assert runs(newt) == 1
    assert [request[2] for request in asked(newt, "/command/")] == [403, 200]


def test_an_expired_session_without_a_password_says_that_nothing_has_run(newt, newt_connector):
    first = newt_connector()
    first.auth()
    connector = newt_connector(username=None, password=None, token=first._token)
    newt.modes(expire=1)
    with pytest.raises(rproxy.AuthenticationError, match="Nothing has run"):
        connector.run(COUNT)
    assert runs(newt) == 0


def test_an_expired_session_that_cannot_be_opened_again_says_that_nothing_has_run(newt, newt_connector):
    connector = newt_connector()
    connector.auth()
    newt.modes(expire=1, refuse=True)  # as with a password that has a one-time code in it
    with pytest.raises(rproxy.AuthenticationError, match=r"has ended: .* with a new one\. Nothing has run"):
        connector.run(COUNT)
    assert runs(newt) == 0


def test_a_session_is_opened_again_before_its_end(newt, newt_connector):
    newt.modes(lifetime=1)
    connector = newt_connector()
    connector.auth()
    time.sleep(0.95)
    connector.run("true")
    assert [request[2] for request in asked(newt, "/command/")] == [200]
    assert len(asked(newt, "/auth")) == 2


def test_close_ends_the_session_once(newt, newt_connector):
    connector = newt_connector()
    connector.run("true")
    connector.close()
    connector.close()
    assert len(asked(newt, "/logout")) == 1


def test_the_user_name_may_be_in_the_url_and_the_rest_in_the_environment(newt, monkeypatch):
    monkeypatch.setenv("RPROXY_NEWT_URL", newt.places["url"])
    monkeypatch.setenv("RPROXY_NEWT_PASSWORD", newt.places["password"])
    with rproxy.connect("newt://tester@edison", python=PYTHON) as client:
        assert client.module("os").path.join("a", "b") == "a/b"


def test_a_retired_service_gives_notice_of_the_next_one(monkeypatch):
    monkeypatch.delenv("RPROXY_NEWT_URL", raising=False)
    with pytest.warns(UserWarning, match="retired NEWT.*sfapi://perlmutter"):
        NewtConnector("edison")


@pytest.mark.parametrize(
    "target", ["newt://", "newt://edison/x", "newt://me:secret@edison", "newt://edison:22", "sfapi://me@perlmutter"]
)
def test_a_url_that_is_no_machine_is_refused(target):
    with pytest.raises(ValueError, match=r"no address|does not go into a URL|the name of a machine"):
        rproxy.connect(target, base_url="http://127.0.0.1:9")


def test_an_option_that_newt_has_not_is_refused():
    with pytest.raises(TypeError, match=r"newt:// has no option 'pasword'; did you mean 'password'"):
        rproxy.connect("newt://edison", pasword="x")


def test_a_base_url_that_is_none_is_refused():
    with pytest.raises(ValueError, match="base_url is the URL"):
        NewtConnector("edison", base_url="newt.example.org")


# -- commands ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["keep", "always", "never"])
def test_output_is_the_same_whatever_the_service_does_at_its_end(newt, newt_connector, newline):
    newt.modes(newline=newline)
    connector = newt_connector()
    assert connector.run("printf x").stdout == b"x"
    assert connector.run("echo x").stdout == b"x\n"


def test_a_service_without_a_shell_runs_the_same_commands(newt, newt_connector):
    newt.modes(words=True)
    with rproxy.RemoteClient(newt_connector(), python=PYTHON) as client:
        assert client.module("os").path.join("it's", "a\nb") == "it's/a\nb"


def test_the_login_environment_is_the_services(newt, newt_connector):
    (newt.home / ".profile").write_text("export FROM_PROFILE=yes\n")
    with rproxy.RemoteClient(newt_connector(), python=PYTHON) as client:
        assert client.do_remote_call("os", "getenv", ["FROM_PROFILE"])[0] is None
        assert client.do_remote_call("os", "getenv", ["FROM_PROFILE"], keep_env=True)[0] == "yes"
        assert client.do_remote_call("os", "getenv", ["FROM_PROFILE"])[0] is None
    (newt.home / ".profile").unlink()


def test_a_page_in_place_of_an_answer_leaves_the_outcome_unknown_and_is_not_asked_for_again(newt, newt_connector):
    connector = newt_connector()
    newt.modes(html={"command": 1})
    with pytest.raises(rproxy.ConnectionLost, match="Whether it has run is unknown") as caught:
        connector.run(COUNT)
    assert caught.value.may_have_run
    assert runs(newt) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_of_the_service_is_no_reason_to_send_a_command_again(newt, newt_connector, status):
    connector = newt_connector()
    newt.modes(answers={"command": [status]})
    with pytest.raises(rproxy.ConnectionLost, match=f"HTTP {status}"):
        connector.run(COUNT)
    assert len(asked(newt, "/command/")) == 1


def test_a_timeout_is_a_call_timeout(newt, newt_connector):
    connector = newt_connector()
    with pytest.raises(rproxy.CallTimeout, match="unknown"):
        connector.run("sleep 1", timeout=0.2)


def test_an_unknown_machine_says_that_nothing_has_run(newt):
    connector = NewtConnector("nowhere", **newt_options(newt))
    with pytest.raises(rproxy.ConnectorError, match=r"unknown machine nowhere.*Nothing has run"):
        connector.run("true")
    connector.close()


def test_a_service_that_cannot_be_reached_says_so():
    connector = NewtConnector("edison", base_url="http://127.0.0.1:9/newt", username="a", password="b")
    with pytest.raises(rproxy.ConnectorError, match=r"cannot reach newt://edison: .*refused.*Nothing has run"):
        connector.run("true")


def test_a_base_url_without_the_services_path_is_told(newt, newt_connector):
    with pytest.raises(rproxy.ConnectorError, match=r"HTTP 404.*Is http\S+ its URL, with its path\?"):
        newt_connector(base_url=newt.places["url"].removesuffix("/newt")).auth()


def test_the_state_of_an_unknown_machine_is_an_error(newt):
    connector = NewtConnector("nowhere", **newt_options(newt))
    with pytest.raises(rproxy.ConnectorError, match="no such machine"):
        connector.machine_status()


def test_the_state_of_the_machine_can_be_asked_for(newt, newt_connector):
    connector = newt_connector()
    assert connector.machine_status() == "up"
    newt.modes(down=True)
    assert connector.machine_status() == "down"


# -- files and requests --------------------------------------------------------------------------------


def test_a_file_that_is_too_large_for_the_service_is_pulled_in_pieces(newt, newt_connector, tmp_path):
    connector = newt_connector()
    connector.transfer_limit = 1000
    newt.modes(file_limit=1000)
    (newt.home / "large").write_bytes(bytes(range(250)) * 10)
    connector.pull(str(newt.home / "large"), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == bytes(range(250)) * 10


@pytest.mark.parametrize("trouble", [{"html": {"file": 3}}, {"answers": {"file": [503, 502, 429]}}])
def test_files_are_sent_again_where_the_service_fails(newt, newt_connector, tmp_path, trouble):
    connector = newt_connector()
    (tmp_path / "x").write_bytes(b"content")
    newt.modes(**trouble)
    connector.push(tmp_path / "x", str(newt.home / "pushed"))
    assert (newt.home / "pushed").read_bytes() == b"content"
    assert len(asked(newt, "/file/")) == 4


def test_a_page_is_not_taken_for_the_file(newt, newt_connector, tmp_path):
    connector = newt_connector()
    (newt.home / "pulled").write_bytes(b"content")
    newt.modes(html={"file": 1})
    with pytest.raises(rproxy.ConnectorError, match="a page in place of the file"):
        connector.pull(str(newt.home / "pulled"), tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_small_call_is_one_request_and_a_large_one_three(newt, newt_connector):
    with rproxy.RemoteClient(newt_connector(), python=PYTHON) as client:
        remote_os, remote_copy, remote_zlib = map(client.module, ("os", "copy", "zlib"))
        for call, expected in [
            (lambda: remote_os.path.join("a", "b"), ["POST"]),
            (lambda: remote_zlib.crc32(bytes(100_000)), ["PUT", "POST"]),
            (lambda: remote_copy.copy(bytes(5_000_000)), ["PUT", "POST", "GET"]),
        ]:
            newt.reset()
            call()
            assert [request[0] for request in newt.requests()] == expected


def test_a_batch_is_one_request(newt, newt_connector):
    with rproxy.RemoteClient(newt_connector(), python=PYTHON) as client:
        remote = client.module("operator")
        newt.reset()
        with client.batch():
            promises = [remote.add(number, 1) for number in range(20)]
        assert [promise.result() for promise in promises] == list(range(1, 21))
        assert [request[0] for request in newt.requests()] == ["POST"]


def test_the_command_of_the_readme_starts_a_double():
    import subprocess

    from ..services.process import REPOSITORY

    process = subprocess.Popen(
        [sys.executable, "-m", "tests.services", "newt"], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        process.stdout.readline()
        hint = process.stderr.readline().strip()
        client = eval(hint.replace(")", f", python={PYTHON!r})"), {"rproxy": rproxy})
        assert client.module("os").path.join("a", "b") == "a/b"
        client.close()
        process.stdin.close()
    assert process.returncode == 0

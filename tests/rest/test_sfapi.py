"""`sfapi://`: tasks and files, against the double in all of its modes."""

import json
import os
import signal
import threading
import time

import pytest

import rproxy
from rproxy.connectors.sfapi import SfapiConnector

from .conftest import PYTHON, asked, sfapi_options
from .test_newt import COUNT, runs

pytestmark = pytest.mark.once


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


@pytest.mark.parametrize(
    "trouble",
    [
        {"answers": {"tasks": [401] * 2}},
        {"answers": {"tasks": [422]}},
        {"expire": 1, "bad_client": True},
    ],
)
def test_what_goes_wrong_after_a_command_was_accepted_never_says_that_it_has_not_run(sfapi, sfapi_connector, trouble):
    connector = sfapi_connector()
    connector.auth()
    sfapi.modes(late=0.5)
    timer = threading.Timer(0.25, lambda: sfapi.modes(**trouble))
    timer.start()
    with pytest.raises(rproxy.ConnectionLost, match="unknown") as caught:
        connector.run(COUNT)
    timer.join()
    assert caught.value.may_have_run and "Nothing has run" not in str(caught.value)
    assert runs(sfapi) == 1


def test_a_service_that_is_gone_for_a_while_does_not_lose_a_task(sfapi, sfapi_connector):
    sfapi.modes(answers={"tasks": [500, 502, 503, 504, 429, 502]})  # other questions are asked five times
    assert sfapi_connector().run(COUNT).returncode == 0
    assert runs(sfapi) == 1


def test_an_answer_about_a_task_that_does_not_come_does_not_outlast_the_timeout(sfapi, sfapi_connector):
    connector = sfapi_connector()
    connector.auth()
    sfapi.modes(slow={"tasks": 3})
    with pytest.raises(rproxy.CallTimeout, match=r"took longer than 0\.5 s"):
        connector.run("true", timeout=0.5)


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


def test_the_state_of_an_unknown_machine_is_an_error(sfapi):
    connector = SfapiConnector("nowhere", **sfapi_options(sfapi))
    with pytest.raises(rproxy.ConnectorError, match="no such machine"):
        connector.status()


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


def test_an_interrupt_before_the_task_is_known_waits_for_it_and_cancels_it(sfapi, sfapi_connector):
    connector = sfapi_connector()
    connector.auth()
    sfapi.modes(late=0.8)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        connector.run("sleep 3; touch 'went on'")
    assert "was cancelled" in caught.value.__notes__[0]
    assert [request[0] for request in asked(sfapi, "/tasks/")] == ["DELETE"]
    assert not (sfapi.home / "went on").exists()


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

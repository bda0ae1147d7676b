"""The doubles by themselves, asked as the wire facts of the services say, and otherwise: what the services would
reject, they reject."""

import pytest
import requests

from .conftest import needs_double

pytestmark = pytest.mark.once


class Raw:
    """Requests to a double without a connector, by somebody who is logged in."""

    def __init__(self, double, **headers):
        self.home = str(double.home)
        self.url = double.places["url"]
        self.session = requests.Session()
        self.session.headers.update(headers)

    def ask(self, method, path, **options):
        answer = self.session.request(method, self.url + path, **options)
        return answer.status_code, answer.json()


@pytest.fixture
def raw_newt(newt):
    raw = Raw(newt)
    form = {"username": newt.places["username"], "password": newt.places["password"]}
    assert raw.ask("POST", "/login/", data=form)[1]["auth"] is True
    return raw


@pytest.fixture
def raw_sfapi(sfapi, sfapi_connector):
    if "token_url" not in sfapi.places:
        needs_double("RPROXY_SFAPI_KEY")
    connector = sfapi_connector()
    connector.auth()
    return Raw(sfapi, Authorization=f"Bearer {connector._token}")


COMMAND = {"executable": "/bin/echo x", "loginenv": "false"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/status/edison", {}, 404),
        ("GET", "/status/nowhere", {}, 404),
        ("GET", "/command/edison", {"params": COMMAND}, 404),
        ("POST", "/command/nowhere", {"data": COMMAND}, 404),
        ("DELETE", "/file/edison{home}/there", {}, 404),
        ("POST", "/file/edison{home}", {"files": {"other": ("name", b"x")}}, 400),
        ("PUT", "/file/edison{home}/missing/x", {"data": b"x"}, 500),
        ("GET", "/file/edison{home}/missing", {"params": {"view": "read"}}, 500),
    ],
)
def test_newt_rejects_what_it_does_not_know(newt, raw_newt, method, path, options, status):
    (newt.home / "there").write_bytes(b"content")
    assert raw_newt.ask(method, path.format(home=raw_newt.home), **options)[0] == status
    assert (newt.home / "there").read_bytes() == b"content"


@pytest.mark.parametrize(
    "options",
    [
        {"json": COMMAND},
        {"data": {**COMMAND, "executable": "echo x"}},
        {"data": {"executable": "/bin/echo x"}},
        {"data": {**COMMAND, "loginenv": "yes"}},
    ],
)
def test_newt_runs_only_forms_with_an_absolute_command_and_loginenv(raw_newt, options):
    status, told = raw_newt.ask("POST", "/command/edison", **options)
    assert (status, told["status"], told["output"]) == (200, "ERROR", "")


def test_newt_tells_no_exit_code(raw_newt):
    status, told = raw_newt.ask("POST", "/command/edison", data={**COMMAND, "executable": "/bin/ls /missing"})
    assert (status, sorted(told)) == (200, ["error", "output", "status"])
    assert "No such file" in told["error"]


@pytest.mark.parametrize("path", ["/command/edison", "/file/edison/etc/passwd"])
def test_newt_does_nothing_for_those_that_are_not_logged_in(raw_newt, path):
    raw_newt.ask("GET", "/logout")
    assert raw_newt.ask("POST", path, data=COMMAND)[0] == 403
    assert raw_newt.ask("GET", "/login")[1]["auth"] is False


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/status/perlmutter", {}, 405),
        ("GET", "/status/nowhere", {}, 404),
        ("GET", "/utilities/command/perlmutter", {}, 405),
        ("POST", "/utilities/command/perlmutter", {"json": {"executable": "true"}}, 422),
        ("POST", "/utilities/command/perlmutter", {"data": {"executable": "x" * 8001}}, 422),
        ("POST", "/utilities/command/nowhere", {"data": {"executable": "true"}}, 422),
        ("POST", "/tasks/1", {}, 405),
        ("GET", "/tasks/1", {}, 404),
        ("POST", "/utilities/upload/perlmutter/{home}/x", {"files": {"file": b"x"}}, 405),
        ("PUT", "/utilities/upload/perlmutter/{home}/x", {"data": b"x"}, 422),
        ("DELETE", "/utilities/ls/perlmutter/{home}", {}, 405),
        ("GET", "/utilities/unknown/perlmutter/{home}", {}, 404),
        ("POST", "/utilities/command/perlmutter", {"headers": {"Authorization": "Bearer x"}}, 401),
    ],
)
def test_sfapi_rejects_what_it_does_not_know(raw_sfapi, method, path, options, status):
    assert raw_sfapi.ask(method, path.format(home=raw_sfapi.home), **options)[0] == status


@pytest.mark.parametrize(
    "claims",
    [{}, {"grant_type": "password"}, {"client_assertion_type": "other"}, {"client_assertion": "a.b.c"}],
)
def test_sfapi_gives_tokens_for_signed_assertions_only(sfapi, claims):
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"grant_type": "client_credentials", "client_assertion_type": kind, **claims}
    answer = requests.post(sfapi.places["token_url"], data=form)
    assert answer.status_code in (400, 401)
    assert "access_token" not in answer.json()


def test_sfapi_makes_no_parent_folders(raw_sfapi):
    path = f"/utilities/upload/perlmutter/{raw_sfapi.home}/missing/x"
    status, told = raw_sfapi.ask("PUT", path, files={"file": ("x", b"x")})
    assert (status, told["status"]) == (200, "ERROR")
    assert "No such file" in told["error"]

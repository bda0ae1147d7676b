"""SRemote's end-to-end examples for NEWT, as its users wrote them: deploy, call, set a variable, read it back; and
the self-discovery of a shared deployment."""

import json
import os

import pytest

import rproxy
from rproxy.connectors.newt import NewtConnector

from .conftest import PYTHON

pytestmark = pytest.mark.once


@pytest.fixture
def connector(newt):
    connector = NewtConnector("edison", base_url=newt.places["url"])
    assert connector.auth(newt.places["username"], newt.places["password"])
    yield connector
    connector.close()


@pytest.fixture
def folders(newt, tmp_path):
    """Two folders of the machine's, outside the home: for the endpoint, and for temporary files."""
    return str(tmp_path / "sremote_test"), str(tmp_path / "sremote_tmp")


@pytest.fixture
def client(connector, folders):
    connector.set_sremote_dir(folders[0])
    connector.set_tmp_dir(folders[1])
    with rproxy.RemoteClient(connector, python=PYTHON) as client:
        assert client.do_bootstrap_install()
        yield client


def test_status_tells_whether_the_login_holds(newt, connector):
    assert connector.status() is True
    newt.modes(expire=1)
    assert connector.status() is False


def test_a_path_that_was_registered_is_on_the_remote_path(client):
    client.register_remote_env_path("/mypath")
    response, _ = client.do_remote_call("os", "getenv", args=["PATH"])
    assert response.split(os.pathsep)[0] == "/mypath"


def test_a_variable_that_was_registered_is_read_back(client):
    client.register_remote_env_variable("MYVAR", "VALUE1")
    assert client.do_remote_call("os", "getenv", args=["MYVAR"])[0] == "VALUE1"
    client.register_remote_env_variable("PATH", "VALUE1", True)
    assert client.do_remote_call("os", "getenv", args={"key": "PATH"})[0] != "VALUE1"


def test_what_does_not_exist_is_a_remote_error(client):
    with pytest.raises(rproxy.ExceptionRemoteExecError):
        client.do_remote_call("kkk", "getenv", args=["PATH"])
    with pytest.raises(rproxy.ExceptionRemoteExecError):
        client.do_remote_call("os", "kkk", args=["PATH"])
    with pytest.raises(rproxy.ExceptionRemoteModulesError):
        client.register_remote_module("kkk")


def test_the_endpoint_and_its_files_are_where_they_were_wanted(client, folders):
    assert client.info().endpoint.startswith(folders[0] + "/")
    assert [name for name in os.listdir(folders[1]) if name.startswith("session-")]


@pytest.mark.parametrize("key", ["absolute_tmp", "relative_tmp"])
@pytest.mark.parametrize("place", ["", ".sremote/"])
def test_both_folders_are_found_by_a_file_in_the_home(newt, connector, folders, key, place):
    tmp = folders[1] if key == "absolute_tmp" else "private_tmp"
    path = newt.home / place / "selfdisc.rc"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"sremote": folders[0], key: tmp}))
    assert connector.do_self_discovery("selfdisc.rc") is True
    path.unlink()
    with rproxy.RemoteClient(connector, python=PYTHON) as client:
        assert client.info().endpoint.startswith(folders[0] + "/")
        assert client.do_remote_call("os", "getenv", args=["HOME"])[0] == str(newt.home)
        assert [name for name in os.listdir(newt.home / tmp) if name.startswith("session-")]


def test_without_the_file_everything_is_as_it_was(connector):
    assert connector.do_self_discovery("selfdisc.rc") is False
    with rproxy.RemoteClient(connector, python=PYTHON) as client:
        assert "/.rproxy/" in client.info().endpoint


def test_a_malformed_file_says_what_is_wrong_with_it(newt, connector):
    (newt.home / "selfdisc.rc").write_text('{"sremote": 5}')
    with pytest.raises(rproxy.ConnectorError, match=r"selfdisc\.rc.*'sremote' is not a path: 5"):
        connector.do_self_discovery("selfdisc.rc")
    (newt.home / "selfdisc.rc").unlink()

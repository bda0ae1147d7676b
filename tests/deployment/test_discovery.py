"""Where connectors are told to put the endpoint: by hand, and by SRemote's file of self-discovery."""

import json
import os
import subprocess

import pytest

import rproxy

from .box import HOME

pytestmark = pytest.mark.once


def test_the_folders_of_a_connector_are_the_clients(box):
    box.interpreter("python3")
    connector = box.connector()
    connector.set_sremote_dir("~/shared endpoint")
    connector.set_tmp_dir("~/my tmp")
    with rproxy.RemoteClient(connector) as client:
        assert client.info().endpoint.startswith(f"{HOME}/shared endpoint/endpoint-")


def test_an_option_goes_before_the_connectors_folder(box):
    box.interpreter("python3")
    connector = box.connector()
    connector.set_sremote_dir("~/not this one")
    with rproxy.RemoteClient(connector, endpoint_dir="~/this one") as client:
        assert client.info().endpoint.startswith(f"{HOME}/this one/")


@pytest.mark.parametrize(
    ("told", "folders"),
    [
        ({"sremote": "/opt/sremote/", "absolute_tmp": "/scratch/tmp"}, ("/opt/sremote/", "/scratch/tmp")),
        ({"sremote": "/opt/sremote/", "absolute_tmp": "sremote_tmp"}, ("/opt/sremote/", "~/sremote_tmp")),
        ({"sremote": "/opt/sremote/", "relative_tmp": "my tmp"}, ("/opt/sremote/", "~/my tmp")),
        ({"relative_tmp": "tmp"}, ("~/.rproxy", "~/tmp")),
        ({"sremote": "apps/rproxy"}, ("~/apps/rproxy", None)),
    ],
)
@pytest.mark.parametrize("place", ["", ".rproxy", ".sremote"])
def test_self_discovery_reads_the_file_in_the_home(box, told, folders, place):
    (box.home / place).mkdir(exist_ok=True)
    (box.home / place / "it's here.json").write_text(json.dumps(told))
    connector = box.connector()
    assert connector.do_self_discovery("it's here.json") is True
    assert (connector.sremote_dir, connector.tmp_dir) == folders


@pytest.mark.parametrize("name", ["here.json", "none.json"])
def test_what_login_shells_print_is_not_taken_for_the_file(box, name):
    (box.home / "here.json").write_text('{"sremote": "apps"}')
    box.before = "echo 'found a new kernel {}'; trap 'echo bye' 0"
    connector = box.connector()
    assert connector.do_self_discovery(name) is (name == "here.json")
    assert connector.sremote_dir == ("~/apps" if name == "here.json" else "~/.rproxy")


def test_without_home_the_file_is_looked_for_where_the_system_says(box):
    own = os.path.expanduser("~" + subprocess.check_output(["id", "-un"], text=True).strip())
    box.env["HOME"] = None
    box.mounts += ["--bind", str(box.home), own]
    (box.home / "here.json").write_text('{"sremote": "apps"}')
    assert box.connector().do_self_discovery("here.json") is True


def test_without_a_file_self_discovery_changes_nothing(box):
    connector = box.connector()
    connector.set_tmp_dir("/scratch")
    assert connector.do_self_discovery("none.json") is False
    assert (connector.sremote_dir, connector.tmp_dir) == ("~/.rproxy", "/scratch")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{sremote: /x}", "places.json in the home on box:// is not JSON"),
        ("", "is not JSON"),
        ("[1]", "holds no JSON object"),
        ('{"sremote": 5}', "'sremote' is not a path: 5"),
        ('{"sremote": "/x", "absolute_tmp": "/a", "relative_tmp": "b"}', "names both"),
        ('{"sremot": "/x"}', "has none of the keys sremote"),
    ],
)
def test_a_malformed_file_is_told_with_what_is_wrong(box, text, message):
    (box.home / "places.json").write_text(text)
    with pytest.raises(rproxy.ConnectorError, match=message):
        box.connector().do_self_discovery("places.json")

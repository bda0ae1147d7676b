"""Programs that run a command elsewhere: boxes, other users, other roots, and the words of container tools.

There is no container engine where these run: the programs called docker, podman, kubectl and apptainer are small
ones that take the words of the real ones, and run the command in a real box (see boxes.py).
"""

import os
import sys
from urllib.parse import urlsplit

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.connectors.prefix import PrefixConnector
from rproxy.connectors.prefixes import PREFIXES, prefix_words
from rproxy.testing import check_connector, command_only

from .boxes import UID, bubblewrap, container_tools, make_root, need
from .conftest import local_connector
from .ssh.accounts import PYTHON, account
from .ssh.sshd import wait_for

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """The words that run a command in a box."""
    return bubblewrap(tmp_path_factory.mktemp("box"))


@pytest.fixture
def tools(box, tmp_path, monkeypatch):
    """Container tools on PATH."""
    monkeypatch.setenv("PATH", f"{container_tools(tmp_path, box)}:{os.environ['PATH']}")
    return tmp_path


# -- boxes ---------------------------------------------------------------------------------------------


def test_a_box_keeps_the_contract_of_connectors(box, channel):
    assert len(check_connector(PrefixConnector(box, via=local_connector(channel)))) >= 20


def test_a_client_works_in_a_box(box, channel):
    connector = PrefixConnector(box, via=local_connector(channel))
    with rproxy.connect(connector, python=sys.executable, endpoint_dir="/shared/rproxy") as client:
        remote_os = client.module("os")
        assert (remote_os.getuid(), remote_os.getenv("HOME"), remote_os.getcwd()) == (UID, "/home/me", "/shared")
        assert client.info().channel == ("stream" if channel == "stream" else "commands")
        with pytest.raises(OSError):
            client.call(lambda: __import__("socket").create_connection(("127.0.0.1", 22), 1))


def test_a_home_that_can_only_be_read_is_no_hindrance(box):
    with rproxy.connect(PrefixConnector(box), python=sys.executable) as client:
        assert client.module("os").access("/home/me", os.W_OK) is False
        assert client.module("os").path.join("a", "b") == "a/b"


def test_nothing_runs_on_in_a_box(box):
    with rproxy.connect(PrefixConnector(box), python=sys.executable) as client:
        client.module("subprocess").Popen(["sleep", "600"])
        own = client.call(lambda: __import__("os").readlink("/proc/self/ns/pid"))
        assert len(members(own)) >= 2
    wait_for(lambda: members(own) == [])


def members(own):
    """The processes of a box, by its namespace of processes."""
    return [name for name in filter(str.isdigit, os.listdir("/proc")) if namespace(name) == own]


def namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


# -- other users and roots -----------------------------------------------------------------------------


def test_sudo_runs_as_another_user():
    need("sudo", "sudo")
    with account() as user, rproxy.connect(f"sudo://{user.name}", python=PYTHON) as client:
        assert client.module("os").getuid() == user.uid
        assert client.module("os").getenv("HOME") == user.home
        assert client.info().endpoint.startswith(user.home)


def test_sudo_that_wants_a_password_is_an_authentication_error():
    sudo = need("sudo", "sudo")
    with account() as user:
        connector = PrefixConnector(["sudo", "-n", "-u", "root", "--"], via=rproxy_of(user, sudo))
        with pytest.raises(rproxy.AuthenticationError, match="a password is required"):
            connector.run("true")
        with pytest.raises(rproxy.AuthenticationError, match="a password is required"):
            rproxy.connect(connector)


def rproxy_of(user, sudo):
    return PrefixConnector([sudo, "-n", "-H", "-u", user.name, "--"])


def test_su_runs_as_another_user():
    need("su", "util-linux")
    with account() as user:
        connector = PrefixConnector(["su", user.name], shell=("-s", "/bin/sh", "-c"))
        assert int(connector.run("id -u").stdout) == user.uid
        with rproxy.connect(connector, python=PYTHON, endpoint_dir=f"{user.home}/of su") as client:
            assert client.module("os").getuid() == user.uid


def test_chroot_runs_in_another_root(tmp_path):
    if os.getuid() != 0:
        pytest.skip("run as root, for chroot; or install a container for it")
    root = make_root(tmp_path / "root")
    connector = rproxy.targets.connector_for(f"chroot://{root}", {})
    assert connector.run("ls /").stdout.split() == sorted(path.name.encode() for path in root.iterdir())
    connector.push(__file__, "/tmp/file")
    assert (root / "tmp" / "file").read_bytes() == open(__file__, "rb").read()
    with pytest.raises(rproxy.RemoteNotSetupError, match="python3"):
        rproxy.connect(connector, python="python3")


def test_a_chroot_keeps_the_contract_of_connectors(tmp_path):
    if os.getuid() != 0:
        pytest.skip("run as root, for chroot; or install a container for it")
    assert check_connector(PrefixConnector(["chroot", str(make_root(tmp_path / "root"))]))


def test_env_sets_variables():
    with rproxy.connect("env://?GREETING=it%27s&EMPTY=", python=sys.executable) as client:
        assert (client.module("os").getenv("GREETING"), client.module("os").getenv("EMPTY")) == ("it's", "")


# -- container tools -----------------------------------------------------------------------------------

NOWHERE = {"python": sys.executable, "endpoint_dir": "/shared/rproxy"}


@pytest.mark.parametrize("scheme", ["docker", "podman"])
def test_a_container_is_entered(tools, scheme):
    with rproxy.connect(f"{scheme}://me@box", **NOWHERE) as client:
        assert client.module("os").getuid() == UID
        assert client.module("os").getenv("RPROXY_USER") == "me"
        assert client.info().target == f"{scheme}://me@box"


def test_a_pod_is_entered(tools):
    with rproxy.connect("kubectl://pod?container=main&namespace=lab", **NOWHERE) as client:
        assert client.module("os").getuid() == UID
        assert client.module("os").getenv("RPROXY_SAID") == "-n=lab -c=main "


def test_an_image_is_entered(tools):
    (tools / "image.sif").write_text("")
    with rproxy.connect(f"apptainer://{tools}/image.sif?bind=/data", **NOWHERE) as client:
        assert client.module("os").getuid() == UID
        assert client.module("os").getenv("RPROXY_BIND") == "/data"


@pytest.mark.parametrize("target", ["docker://gone", "kubectl://gone", "apptainer://gone.sif"])
@pytest.mark.parametrize("via", [LocalConnector, lambda: command_only(LocalConnector())], ids=["stream", "command"])
def test_what_a_tool_says_of_a_missing_container_is_told(tools, target, via):
    with pytest.raises(rproxy.ConnectorError, match=r"(?is)did not begin on .*(no such|not found).*by hand"):
        rproxy.connect(target, via=via(), **NOWHERE)


def test_a_missing_tool_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(rproxy.ConnectorError, match=r"(?s)podman.*exit code 127.*not found"):
        rproxy.connect("podman://box")


# -- URLs ----------------------------------------------------------------------------------------------

WORDS = {
    "docker://box": "docker exec -i box",
    "podman://me@my_box": "podman exec -i -u me my_box",
    "kubectl://pod": "kubectl exec -i pod --",
    "kubectl://pod?namespace=a&container=b&context=c": "kubectl exec -i --context c -n a -c b pod --",
    "apptainer://image.sif": "apptainer exec image.sif",
    "apptainer:///data/my%20image.sif": "apptainer exec /data/my image.sif",
    "apptainer://docker-archive:x.tar?bind=/a:/b": "apptainer exec --bind /a:/b docker-archive:x.tar",
    "sudo://me": "sudo -n -H -u me --",
    "chroot:///srv/root": "chroot /srv/root",
    "chroot://root": "chroot root",
    "env://?A=b%20c&D=": "env A=b c D=",
}


@pytest.mark.parametrize("target", WORDS)
def test_a_url_makes_the_words_of_its_program(target):
    assert " ".join(prefix_words(urlsplit(target))) == WORDS[target]


@pytest.mark.parametrize("target", WORDS)
def test_a_target_is_called_as_it_was_written(target):
    assert rproxy.targets.connector_for(target, {}).target == target


def test_every_scheme_is_tried_here():
    assert {target.partition(":")[0] for target in WORDS} == set(PREFIXES)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("docker://", "does not name a place; write docker://"),
        ("docker://-v", "would be an option of docker"),
        ("docker://%2Dv", "would be an option of docker"),
        ("docker://-u@box", "would be an option of docker"),
        ("sudo://-s", "would be an option of sudo"),
        ("sudo://me@host", "nothing before an @"),
        ("kubectl://pod?contianer=x", "knows no 'contianer'.*container=..."),
        ("docker://box?x=y", "knows no 'x'"),
        ("env://box?x=y", "names too much"),
        ("env://?A", r"what follows the \? in 'env://\?A' is no list of name=value; write env://"),
        ("env://?=x", "env:// knows no ''"),
        ("kubectl://pod?container", "is no list of name=value; write kubectl://"),
        ("kubectl://pod?container=a&container=b", "has 'container' more than once"),
        ("docker://box#1", "has a #, which is written %23 in a name"),
        ("chroot://", "'chroot://' does not name a place"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(target, message):
    with pytest.raises(ValueError, match=message):
        rproxy.connect(target)


def test_an_option_that_is_not_there_is_named():
    with pytest.raises(TypeError, match=r"docker:// has no option 'user'"):
        rproxy.connect("docker://box", user="me")


def test_options_of_the_host_in_between_are_said_to_be_its_own():
    with pytest.raises(TypeError, match=r"docker:// has no option 'identity'.*go to its connector, via="):
        rproxy.connect("docker://box", via="ssh://host", identity="key")


@pytest.mark.parametrize("prefix", ["docker exec", [], [1], 5, None, ["a\0b"]])
def test_a_prefix_that_is_no_list_of_words_is_refused(prefix):
    with pytest.raises(TypeError, match="prefix is a list of words"):
        PrefixConnector(prefix)


@pytest.mark.parametrize("shell", ["sh -c", [1], None])
def test_a_shell_that_is_no_list_of_words_is_refused(shell):
    with pytest.raises(TypeError, match="shell is a list of words"):
        PrefixConnector(["nice"], shell=shell)

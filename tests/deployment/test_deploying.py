"""Where the endpoint goes on hosts with all their oddities, and that nothing can harm it there."""

import base64
import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import rproxy
from rproxy.connectors.local import LocalConnector
from rproxy.deployment.bootstrap import archive_message
from rproxy.deployment.bundle import bundle
from rproxy.deployment.launcher import Launcher, new_token

from ..conftest import REPOSITORY, connect_over

pytestmark = pytest.mark.once
LONG_AGO = time.time() - 30 * 86400


def works(client):
    return client.module("os").path.join("a", "b") == "a/b"


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "tmp")


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def deployed(root) -> Path:
    """The folder of an endpoint that is there."""
    with rproxy.connect(endpoint_dir=str(root)) as client:
        client.deploy()
    return root / bundle().name


# -- round trips ---------------------------------------------------------------------------------------


class Counted:
    """A stream that counts how often it waits for an answer to what was sent."""

    def __init__(self, stream):
        self._stream, self._asked, self.trips, self.sent = stream, True, 0, b""

    def readinto(self, buffer):
        self.trips += self._asked
        self._asked = False
        return self._stream.readinto(buffer)

    def write(self, pieces):
        self._asked = True
        self.sent += b"".join(map(bytes, pieces))
        self._stream.write(pieces)

    def close(self):
        self._stream.close()

    def diagnosis(self):
        return self._stream.diagnosis()


class Counting(LocalConnector):
    def open(self, command):
        self.stream = Counted(super().open(command))
        return self.stream


@pytest.mark.parametrize("python", [sys.executable, None], ids=["named", "found"])
def test_a_fresh_host_costs_two_round_trips_and_then_one(root, python):
    for trips in (2, 1):
        connector = Counting()
        connector.python = python
        with rproxy.connect(connector, endpoint_dir=str(root)) as client:
            assert connector.stream.trips == trips
            assert client.do_remote_call("os", "getcwd") == (os.getcwd(), "")
            assert connector.stream.trips == trips + 1


class Distant(Counting):
    network = True
    open_limit = 100_000

    def open(self, command):
        self.command = command
        return super().open(command)


def test_a_host_that_is_new_and_far_away_costs_one_round_trip(root):
    archive = base64.b64encode(bundle().packed)
    for new in (True, False):
        connector = Distant()
        with rproxy.connect(connector, endpoint_dir=str(root)) as client:
            assert connector.stream.trips == 1
            assert len(connector.stream.sent) < 1000
            assert len(connector.command) < len(archive) * new + 5000
            assert works(client)


def test_an_endpoint_that_has_gone_from_a_known_host_is_asked_for(root):
    rproxy.connect(Distant(), endpoint_dir=str(root)).close()
    shutil.rmtree(root)
    connector = Distant()
    with rproxy.connect(connector, endpoint_dir=str(root)) as client:
        assert connector.stream.trips == 2
        assert works(client)


def test_an_endpoint_that_is_there_is_not_replaced_by_one_that_comes_unasked(root):
    rproxy.connect(endpoint_dir=str(root)).close()
    before = (root / bundle().name).stat().st_ino
    with rproxy.connect(Distant(), endpoint_dir=str(root)) as client:
        assert works(client)
    assert (root / bundle().name).stat().st_ino == before


class Curt(Distant):
    """Runs no long command."""

    def open(self, command):
        return super().open(command if len(command) < 10_000 else "exit 126")


def test_a_host_that_takes_no_long_command_asks_for_the_endpoint(root):
    connector = Curt()
    with rproxy.connect(connector, endpoint_dir=str(root)) as client:
        assert connector.stream.trips == 2
        assert works(client)


def test_calls_and_their_children_have_nothing_of_what_came_along_with_the_command(root):
    with rproxy.connect(Distant(), endpoint_dir=str(root)) as client:
        assert "rproxy_sent" not in client.module("os").environ
        assert "rproxy_sent" not in client.module("subprocess").check_output("env", text=True)


def test_what_is_printed_while_the_endpoint_is_loaded_is_not_taken_for_an_answer(root, tmp_path):
    rproxy.connect(endpoint_dir=str(root)).close()
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nclass Loud:\n    def find_spec(self, name, path=None, target=None):\n        print(name)\n"
        "sys.meta_path.insert(0, Loud())\n"
    )
    with rproxy.connect(endpoint_dir=str(root), setup=f"export PYTHONPATH={tmp_path}") as client:
        assert works(client)


# -- asking for it -------------------------------------------------------------------------------------


def test_with_deploy_false_a_host_without_the_endpoint_is_refused_and_unchanged(channel, root):
    with pytest.raises(rproxy.RemoteNotSetupError, match=rf"{bundle().name} is not in .*deploy=False.*rproxy bundle"):
        connect_over(channel, endpoint_dir=str(root), deploy=False)
    assert not root.exists()


def test_with_deploy_false_an_endpoint_that_is_there_is_used(channel, deployed):
    with connect_over(channel, endpoint_dir=str(deployed.parent), deploy=False) as client:
        assert client.info().endpoint == str(deployed)


def test_deploy_tells_its_steps_and_returns_the_folder(channel, root):
    steps = []
    with connect_over(channel, endpoint_dir=str(root)) as client:
        assert client.deploy(steps.append) == str(root / bundle().name)
        assert client.do_bootstrap_install() is True
    assert [step.split()[0] for step in steps] == ["deploys", "the"]


def test_deploy_mends_what_has_gone_meanwhile(channel, root):
    with connect_over(channel, endpoint_dir=str(root)) as client:
        assert works(client)
        (root / bundle().name / "rproxy_endpoint/describe.py").unlink()
        client.deploy()
        assert (root / bundle().name / "rproxy_endpoint/describe.py").exists()


def test_deploy_says_where_it_cannot_write():
    with rproxy.connect(endpoint_dir="/proc/no") as client:
        with pytest.raises(rproxy.RemoteNotSetupError, match=r"cannot be deployed to /proc/no .*\n.*endpoint_dir="):
            client.deploy()
        assert works(client)


# -- what cannot hurt it -------------------------------------------------------------------------------


def test_a_deployment_that_is_cut_off_leaves_nothing_that_is_taken_for_an_endpoint(root):
    token, message = new_token(), archive_message()
    command = Launcher(sys.executable, "", str(root)).endpoint(token, "session", token)
    done = subprocess.run(["/bin/sh", "-c", command], input=message[:-1000], capture_output=True, timeout=60)
    assert b"did not arrive whole" in done.stderr
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert works(client)
    assert entries(root) == [bundle().name]


def test_a_deployment_that_is_killed_as_it_unpacks_does_not_hurt_the_next(root):
    (root / ".new-killed/rproxy_endpoint").mkdir(parents=True)
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert works(client)
    assert entries(root) == [".new-killed", bundle().name]  # it may be under way still


@pytest.mark.parametrize("harm", ["a file is gone", "a file is cut", "a folder is gone", "its list is gone"])
def test_an_endpoint_that_is_not_whole_is_noticed_and_mended(channel, deployed, harm):
    package = deployed / "rproxy_endpoint"
    if harm == "a file is gone":
        (package / "execute.py").unlink()
    elif harm == "a file is cut":
        (package / "describe.py").write_text("")
    elif harm == "a folder is gone":
        shutil.rmtree(package / "protocol")
    else:
        (deployed / "contents").unlink()
    with connect_over(channel, endpoint_dir=str(deployed.parent)) as client:
        assert client.info().endpoint == str(deployed)
        assert client.has_module("os")
    assert entries(deployed.parent) == [bundle().name]


@pytest.mark.parametrize("file", ["execute.py", "rest/rproxy_endpoint/facts.py"])
def test_an_endpoint_that_is_not_whole_is_told_where_it_may_not_be_mended(deployed, file):
    (deployed / "rproxy_endpoint" / file).unlink()
    with pytest.raises(rproxy.RemoteNotSetupError, match="deploy=False"):
        rproxy.connect(endpoint_dir=str(deployed.parent), deploy=False)


def test_many_clients_that_mend_at_once_do_no_harm(deployed):
    (deployed / "rproxy_endpoint/execute.py").unlink()
    found = []

    def use():
        with rproxy.connect(endpoint_dir=str(deployed.parent)) as client:
            found.append(works(client) and client.info().endpoint)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [str(deployed)] * 6
    assert entries(deployed.parent) == [bundle().name]


OTHER = """
import rproxy, sys
with rproxy.connect(endpoint_dir=sys.argv[1]) as client:
    print(client.info().endpoint, flush=True)
    sys.stdin.read()
    client.module("json").dumps(1)
"""


@pytest.fixture
def other_version(tmp_path, root):
    """Another version of rproxy that has a session with an endpoint of its own in `root`; its folder."""
    for name in ("rproxy", "endpoint"):
        shutil.copytree(REPOSITORY / name, tmp_path / "other" / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "other/endpoint/rproxy_endpoint/facts.py").open("a") as file:
        file.write("\nANOTHER = 1\n")
    path = os.pathsep.join(str(tmp_path / "other" / name) for name in ("", "endpoint"))
    command = [sys.executable, "-c", OTHER, str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        folder = Path(process.stdout.readline().strip())
        assert folder.name != bundle().name
        yield folder
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_two_versions_share_a_host(root, other_version):
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert works(client)
    assert entries(root) == sorted([bundle().name, other_version.name])


# -- old ones ------------------------------------------------------------------------------------------


def test_an_endpoint_that_nobody_has_used_for_long_is_removed_by_the_next_deployment(channel, root):
    for name in ("endpoint-0123456789abcdef", ".new-abc", ".old-abc"):
        (root / name).mkdir(parents=True, mode=0o700)
        os.utime(root / name, (LONG_AGO, LONG_AGO))
    (root / "mine").mkdir()
    os.utime(root / "mine", (LONG_AGO, LONG_AGO))
    with connect_over(channel, endpoint_dir=str(root)) as client:
        assert works(client)
    assert entries(root) == [bundle().name, "mine"]


def test_an_old_endpoint_that_somebody_uses_stays(root, other_version):
    os.utime(other_version, (LONG_AGO, LONG_AGO))
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert works(client)
    assert other_version.is_dir()


def test_an_old_endpoint_that_is_shared_with_other_users_stays(root):
    shared = root / "endpoint-0123456789abcdef"
    shared.mkdir(parents=True)
    shared.chmod(0o755)
    os.utime(shared, (LONG_AGO, LONG_AGO))
    with rproxy.connect(endpoint_dir=str(root)) as client:
        assert works(client)
    assert shared.is_dir()


def test_a_start_counts_as_use(deployed):
    os.utime(deployed, (LONG_AGO, LONG_AGO))
    with rproxy.connect(endpoint_dir=str(deployed.parent)):
        assert deployed.stat().st_mtime > time.time() - 3600


# -- undeploying ---------------------------------------------------------------------------------------


def test_undeploy_leaves_nothing_and_closes_the_client(channel, root):
    client = connect_over(channel, endpoint_dir=str(root))
    assert works(client)
    client.undeploy()
    assert not root.exists()
    with pytest.raises(rproxy.RProxyError, match="is closed"):
        works(client)


def test_undeploy_leaves_what_is_not_rproxys(channel, root):
    (root / "mine").mkdir(parents=True)
    client = connect_over(channel, endpoint_dir=str(root))
    client.undeploy()
    assert os.listdir(root) == ["mine"]


def test_undeploy_does_not_take_an_endpoint_from_under_another_client(channel, root):
    client = connect_over(channel, endpoint_dir=str(root))
    with rproxy.connect(endpoint_dir=str(root)) as other:
        with pytest.raises(rproxy.RProxyError, match=f"so these stay: .*{bundle().name}"):
            client.undeploy()
        assert other.module("json").loads("[1]") == [1]
        other.undeploy()
    assert not root.exists()


def test_undeploy_waits_for_who_is_just_compiling_the_endpoint(channel, root):
    client = connect_over(channel, endpoint_dir=str(root))
    contents = open(root / bundle().name / "contents")
    fcntl.flock(contents, fcntl.LOCK_SH)
    threading.Timer(0.3, contents.close).start()
    client.undeploy()
    assert not root.exists()


def test_undeploy_removes_the_way_of_packages_wherever_temporary_files_go(root, tmp_path):
    client = rproxy.connect(endpoint_dir=str(root), tmp_dir=str(tmp_path / "tmp"))
    with pytest.raises(FileNotFoundError):
        client.install("./no_such_folder")
    client.undeploy()
    assert not root.exists() and not (tmp_path / "tmp").exists()


def test_undeploy_leaves_an_endpoint_that_another_user_has_deployed_for_all(channel, deployed):
    if os.getuid() != 0:
        pytest.skip("run as root, which can give the endpoint to another user")
    os.chown(deployed, 1, 1)
    client = connect_over(channel, endpoint_dir=str(deployed.parent))
    client.undeploy()
    assert entries(deployed.parent) == [bundle().name]
    with pytest.raises(rproxy.RProxyError, match="is closed"):
        works(client)

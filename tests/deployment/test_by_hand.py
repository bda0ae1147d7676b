"""Deploying by hand: `rproxy bundle` here, deploy.sh there."""

import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import rproxy
from rproxy.deployment.bundle import bundle

pytestmark = pytest.mark.once
SHELLS = ["dash", "bash"]


@pytest.fixture
def unpacked(tmp_path) -> Path:
    """The folder of a release archive, unpacked."""
    archive = tmp_path / "endpoint.tar.gz"
    command = Path(sys.executable).with_name("rproxy")
    subprocess.run([command, "bundle", archive], check=True, capture_output=True, timeout=60)
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    return tmp_path / "unpacked/rproxy-endpoint"


def deploy(unpacked, *words, shell="/bin/sh", env=None):
    command = [shell, str(unpacked / "deploy.sh"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_deploys_what_a_client_finds(unpacked, tmp_path, shell):
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"install {shell}")
    root = tmp_path / "my root"
    done = deploy(unpacked, root, shell=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"the endpoint is in {root}/{bundle().name}\n", "")
    assert os.listdir(root) == [bundle().name]
    assert stat.S_IMODE((root / bundle().name).stat().st_mode) == 0o700
    with rproxy.connect(endpoint_dir=str(root), deploy=False) as client:
        assert client.info().endpoint == str(root / bundle().name)


def test_the_users_own_folder_is_the_default(unpacked, tmp_path):
    assert deploy(unpacked, env={"HOME": str(tmp_path)}).returncode == 0
    assert (tmp_path / ".rproxy" / bundle().name).is_dir()


def test_twice_is_fine(unpacked, tmp_path):
    deploy(unpacked, tmp_path / "root")
    done = deploy(unpacked, tmp_path / "root")
    assert (done.returncode, done.stdout.endswith("already\n")) == (0, True)


def test_a_broken_endpoint_is_mended(unpacked, tmp_path):
    deploy(unpacked, tmp_path / "root")
    broken = tmp_path / "root" / bundle().name / "rproxy_endpoint/serve.py"
    broken.write_text("")
    assert deploy(unpacked, tmp_path / "root").returncode == 0
    assert broken.stat().st_size > 0
    assert os.listdir(tmp_path / "root") == [bundle().name]


def test_an_archive_that_is_not_whole_is_refused(unpacked, tmp_path):
    (unpacked / bundle().name / "rproxy_endpoint/serve.py").unlink()
    done = deploy(unpacked, tmp_path / "root")
    assert done.returncode == 1
    assert "is not whole; unpack the archive again" in done.stderr
    assert not (tmp_path / "root").exists()


def test_a_place_that_cannot_be_written_is_named(unpacked):
    done = deploy(unpacked, "/proc/no")
    assert done.returncode == 1
    assert "cannot make /proc/no" in done.stderr


def test_a_shared_endpoint_serves_users_who_cannot_write_it(unpacked, box):
    shared = box.home.parent / "shared"
    assert deploy(unpacked, "--shared", shared, env={"HOME": "/no/home"}).returncode == 0
    box.interpreter("python3")
    box.mounts += ["--ro-bind", str(shared), "/opt/shared"]
    box.user = ["--unshare-user", "--uid", "4321", "--gid", "4321"]
    for path in (shared, *shared.rglob("*")):
        assert path.stat().st_mode & (0o005 if path.is_dir() else 0o004)
    with rproxy.connect(box.connector(), endpoint_dir="/opt/shared", deploy=False) as client:
        assert client.info().endpoint == f"/opt/shared/{bundle().name}"
    assert list((shared / bundle().name / "rproxy_endpoint/__pycache__").glob("serve.*.pyc"))

"""Boxes to run commands in: real ones by bubblewrap, roots to chroot into, and programs that stand for container
tools where there are none.

Rules: a box has no network, a user of its own, and a home that can only be read; what stands for `docker`,
`podman`, `kubectl` and `apptainer` takes the words that the real ones take, and refuses all others.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UID = 4321


def need(name: str, package: str) -> str:
    path = shutil.which(name, path=os.pathsep.join([*os.get_exec_path(), "/usr/sbin", "/sbin"]))
    if path is None:
        pytest.skip(f"install {package}, which has {name}")
    return path


def bubblewrap(folder: Path) -> list[str]:
    """The words that run a command in a box whose only writable folders are /tmp and `folder`."""
    home = folder / "home in the box"
    home.mkdir(parents=True, exist_ok=True)
    words = [need("bwrap", "bubblewrap"), "--unshare-all", "--uid", str(UID), "--die-with-parent"]
    for path in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", sys.prefix, sys.base_prefix, repository()):
        if os.path.exists(path):
            words += ["--ro-bind", path, path]
    words += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--ro-bind", str(home), "/home/me"]
    for path in (sys.prefix, sys.base_prefix, repository()):  # again, for those below /tmp
        words += ["--ro-bind", path, path]
    words += ["--bind", str(folder), "/shared", "--setenv", "HOME", "/home/me", "--setenv", "TMPDIR", "/shared"]
    words += ["--chdir", "/shared"]
    probe = subprocess.run([*words, "true"], capture_output=True, text=True, timeout=60)
    if probe.returncode:
        pytest.skip(f"install bubblewrap with user namespaces allowed: {probe.stderr.strip().splitlines()[-1]}")
    return words


def repository() -> str:
    return str(Path(__file__).resolve().parent.parent)


def make_root(folder: Path) -> Path:
    """A file system with a shell and what POSIX has, and nothing else, to chroot into."""
    for name in ("sh", "cat", "head", "wc", "chmod", "mv", "rm", "ls", "mktemp", "od", "tr", "sleep", "mkdir"):
        add_program(folder, need(name, "coreutils"))
    (folder / "tmp").mkdir()
    (folder / "dev").mkdir()
    for device in ("null", "zero"):
        os.mknod(folder / "dev" / device, 0o666 | 0o020000, os.stat(f"/dev/{device}").st_rdev)
    return folder


def add_program(root: Path, path: str) -> None:
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, timeout=60, check=True).stdout
    libraries = {file: root / file.lstrip("/") for file in re.findall(r"(/\S+) \(0x", listed)}
    for file, target in {path: root / "bin" / os.path.basename(path), **libraries}.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


# -- container tools -----------------------------------------------------------------------------------

#: Takes `exec -i [-u USER] NAME COMMAND...` and knows one container.
DOCKER = """#!/bin/sh
[ "$1 $2" = "exec -i" ] || {{ echo "unknown command: $*" >&2; exit 125; }}
shift 2
if [ "$1" = -u ]; then user=$2; shift 2; fi
name=$1; shift
[ "$name" = box ] || {{ echo "Error response from daemon: No such container: $name" >&2; exit 1; }}
exec {bwrap} --setenv RPROXY_USER "$user" "$@"
"""
#: Takes `exec -i [--context C] [-n NAMESPACE] POD [-c CONTAINER] -- COMMAND...` and knows one pod.
KUBECTL = """#!/bin/sh
[ "$1 $2" = "exec -i" ] || {{ echo "error: unknown command: $*" >&2; exit 1; }}
shift 2
while [ "$1" != -- ]; do
  case $1 in
    -n|-c|--context) said="$said$1=$2 "; shift 2;;
    -*) echo "error: unknown flag: $1" >&2; exit 1;;
    *) pod=$1; shift;;
  esac
done
shift
[ "$pod" = pod ] || {{ echo "Error from server (NotFound): pods \\"$pod\\" not found" >&2; exit 1; }}
exec {bwrap} --setenv RPROXY_SAID "$said" "$@"
"""
#: Takes `exec [--bind B] IMAGE COMMAND...`; an image is a file.
APPTAINER = """#!/bin/sh
[ "$1" = exec ] || {{ echo "FATAL: unknown command: $*" >&2; exit 255; }}
shift
if [ "$1" = --bind ]; then bind=$2; shift 2; fi
[ -f "$1" ] || {{ echo "FATAL: could not open image $1: no such file or directory" >&2; exit 255; }}
shift
exec {bwrap} --setenv RPROXY_BIND "$bind" "$@"
"""


def container_tools(folder: Path, words: list[str]) -> Path:
    """A folder for PATH with programs of those names, which run commands in such a box."""
    tools = folder / "tools"
    tools.mkdir()
    bwrap = subprocess.list2cmdline([f"'{word}'" for word in words]).replace('"', "")
    for name, text in {"docker": DOCKER, "podman": DOCKER, "kubectl": KUBECTL, "apptainer": APPTAINER}.items():
        (tools / name).write_text(text.format(bwrap=bwrap))
        (tools / name).chmod(0o755)
    return tools

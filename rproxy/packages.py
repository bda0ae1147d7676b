"""Installing packages on a host.

Rules: pip does it there, in the endpoint's own environment, and its output is shown as it comes; what is a file or
a folder here is sent; what the host cannot get itself (pip, git repositories, packages where it reaches no index)
is got here, for its Python and its machine.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rproxy_endpoint.protocol.messages import Call

from .connectors.base import Connector
from .deployment.launcher import Launcher
from .errors import RemoteExecError, RemoteModulesError
from .repositories import Repository, cloned, project_in, repository_of
from .session import Session

#: What pip, or git, says where it reaches no index, or no repository.
_UNREACHED = re.compile(
    r"Failed to establish a new connection|Retrying \(|Network is unreachable|name resolution|Name or service not known"
    r"|ConnectTimeout|ProxyError|Connection refused|No route to host|Could not resolve|Failed to connect|timed out",
)
_THERE = "rproxy_endpoint.packages"
#: How folders begin that hold a wheel which is sent.
_BUILT = "built-"


class Far(NamedTuple):
    """A client's host, as far as installing needs it."""

    session: Session
    connector: Connector
    launcher: Launcher

    def call(self, function: str, *args: Any) -> Any:
        return self.session.call(_THERE, function, args, {})


class Workplace(NamedTuple):
    """Private folders of one installation, there and here, and what the host has."""

    there: str
    here: Path
    pip: str
    git: bool


def install(far: Far, packages: Sequence[str | os.PathLike[str]], offline: bool) -> None:
    """Installs packages there. Raises RemoteModulesError with what pip said last."""
    with _workplace(far) as place:
        wanted = [_sent(far, place, one, place.git and not offline) for one in packages]
        if not offline:
            code, said = _pip(far, place, wanted)
            if code == 0:
                _renew(far, place, wanted)
                return
            if not _UNREACHED.search(said):
                raise _refused(far, wanted, said)
            asked = zip(packages, wanted, strict=True)
            wanted = [_sent(far, place, one, False) if one == text else text for one, text in asked]
        _install_offline(far, place, wanted)


def _install_offline(far: Far, place: Workplace, wanted: list[str]) -> None:
    """Installs what was sent, and what can be downloaded here."""
    code, said = _pip(far, place, ["--no-index", "--find-links", _fetched(far, place, wanted), *wanted])
    if code:
        raise _refused(far, wanted, said)
    _renew(far, place, wanted)


def _renew(far: Far, place: Workplace, wanted: list[str]) -> None:
    """Installs again what was sent: its code may have changed, and its version not."""
    sent = [one for one in wanted if one.startswith(place.there) and one.endswith(".whl")]
    if sent:
        code, said = _pip(far, place, ["--quiet", "--force-reinstall", "--no-deps", "--no-index", *sent])
        if code:
            raise _refused(far, sent, said)


def install_repository(far: Far, url: str, branch: str | None, keep_after: str | None) -> None:
    """Installs a git repository there, cloned there or here; `keep_after` names the folder that keeps its code."""
    repository = Repository(url.removeprefix("git+"), branch or "", "")
    with _workplace(far) as place:
        folder = f"{place.there}/repository"
        if not _cloned_there(far, place, repository, folder):
            _send_folder(far, place, cloned(place.here, repository), folder)
        code, said = _pip(far, place, [far.call("project_in", folder)])
        if code and not _UNREACHED.search(said):
            raise _refused(far, [url], said)
        if code:
            project = project_in(cloned(place.here, repository))
            _install_offline(far, place, [_sent(far, place, project, False)])
        if keep_after:
            far.call("keep", folder, far.launcher.tmp, keep_after)


def _cloned_there(far: Far, place: Workplace, repository: Repository, folder: str) -> bool:
    """Whether the host has cloned a repository; not without git, and not where it does not reach it."""
    if not place.git:
        return False
    try:
        far.call("clone", repository.url, repository.revision, folder)
    except RemoteExecError as error:
        if _UNREACHED.search(str(error)):
            return False
        raise RemoteModulesError(f"{far.session.target} cannot clone {repository.url}: {error}") from error
    return True


@contextlib.contextmanager
def _workplace(far: Far) -> Iterator[Workplace]:
    target = far.session.target
    try:
        has = far.call("begin", far.launcher.root)
    except RemoteExecError as error:
        raise RemoteModulesError(
            f"nothing can be installed on {target}: {error}. Name a folder that can be written: endpoint_dir="
        ) from error
    with tempfile.TemporaryDirectory(prefix="rproxy-") as here:
        place = Workplace(str(has["folder"]), Path(here), "", bool(has["git"]))
        try:
            if not has["pip"]:
                wheel = _pip_wheel(far, place.here)
                far.connector.push(wheel, f"{place.there}/{wheel.name}")
                place = place._replace(pip=f"{place.there}/{wheel.name}")
            yield place
        finally:
            far.call("finish", place.there)


def _pip(far: Far, place: Workplace, arguments: list[str]) -> tuple[int, str]:
    """Runs pip there; returns its exit code and what it said, which is shown as it comes."""
    session, said = far.session, bytearray()
    shown = session.sink()

    def sink(stream: int, data: bytes) -> None:
        said.extend(data)
        shown(stream, data)

    call = Call(_THERE, "install", (far.launcher.root, place.pip, arguments), {}, session.surroundings(), False)
    return int(session.request(call, sink)), said.decode("utf-8", "replace")


def _refused(far: Far, wanted: list[str], said: str) -> RemoteModulesError:
    errors = [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines()[-5:]
    return RemoteModulesError(
        f"cannot install {', '.join(wanted)} on {far.session.target}; what was there before stays. pip said:\n"
        + "\n".join(errors)
    )


# -- what is sent --------------------------------------------------------------------------------------


def _sent(far: Far, place: Workplace, package: str | os.PathLike[str], git: bool) -> str:
    """What pip there is told to install; files and folders of this side are sent for it, and without `git` also
    repositories, cloned here."""
    text = os.fspath(package)
    if not isinstance(package, os.PathLike) and not text.startswith((".", "/", "~")):
        repository = repository_of(text)
        if repository is None or git:
            return text
        path = cloned(place.here, repository) / repository.folder
    else:
        path = Path(text).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path} is neither a file nor a folder here")
    if path.is_dir():
        wheel = _built(place, path)
        if wheel is None:
            folder = f"{place.there}/{path.resolve().name}"
            _send_folder(far, place, path, folder)
            return folder
        path = wheel
    elif path.suffix == ".whl":
        path = Path(shutil.copy(path, tempfile.mkdtemp(prefix=_BUILT, dir=place.here)))
    far.connector.push(path, f"{place.there}/{path.name}")
    return f"{place.there}/{path.name}"


def _built(place: Workplace, project: Path) -> Path | None:
    """A wheel of a project that fits every machine, or None: then it is built there."""
    wheels = Path(tempfile.mkdtemp(prefix=_BUILT, dir=place.here))
    if _here("wheel", "--quiet", "--no-deps", "--wheel-dir", wheels, project.resolve()).returncode:
        return None
    found = next(wheels.glob("*.whl"))
    return found if found.name.endswith("-none-any.whl") else None


def _send_folder(far: Far, place: Workplace, folder: Path, there: str) -> None:
    """Copies a folder there, as one archive."""
    packed = place.here / "folder.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if ".git" not in path.parts:
                archive.write(path, path.relative_to(folder))
    far.connector.push(packed, f"{there}.zip")
    far.session.call("shutil", "unpack_archive", (f"{there}.zip", there), {})


# -- what is got here ----------------------------------------------------------------------------------


def _here(*words: Any) -> "subprocess.CompletedProcess[str]":
    """Runs pip on this side."""
    command = [sys.executable, "-m", "pip", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _pip_wheel(far: Far, folder: Path) -> Path:
    """A wheel of pip for a host whose Python brings none."""
    version = ".".join(map(str, far.session.channel.facts["python"][:2]))
    done = _here(
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python-version",
        version,
        "--dest",
        folder,
        "pip",
    )
    if done.returncode:
        raise RemoteModulesError(
            f"{far.session.target} has no pip, and none for its Python {version} can be downloaded here:\n"
            + done.stderr.strip()
        )
    return next(folder.glob("pip-*.whl"))


def _fetched(far: Far, place: Workplace, wanted: list[str]) -> str:
    """The folder there that has the wheels of what is wanted, downloaded here for that Python and machine."""
    tags = far.call("tags", far.launcher.root, place.pip)
    version = ".".join(map(str, far.session.channel.facts["python"][:2]))
    chosen = ["--only-binary", ":all:", "--python-version", version, "--implementation", "cp"]
    for platform in dict.fromkeys(tag[2] for tag in tags if tag[2] != "any"):
        chosen += ["--platform", platform]
    for abi in dict.fromkeys(tag[1] for tag in tags):
        chosen += ["--abi", abi]
    wheels = place.here / "wheels"
    wheels.mkdir()
    local = [str(path) for path in place.here.glob(f"{_BUILT}*/*.whl")]
    named = [one for one in wanted if not one.startswith(place.there)]
    done = _here("download", "--quiet", "--dest", wheels, *chosen, *local, *named)
    if done.returncode:
        what = ", ".join([*named, *map(os.path.basename, local)])
        raise RemoteModulesError(
            f"cannot get {what} for Python {version} of {far.session.target}:\n{done.stderr.strip()}"
        )
    there = f"{place.there}/wheels"
    _send_folder(far, place, wheels, there)
    return there

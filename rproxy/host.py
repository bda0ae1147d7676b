"""A client's host as a whole: what it is, what is deployed there, its packages and files.

Rules: what changes the host runs there, as a call like any other, and what few clients need is loaded when it is
needed; names are checked before anything is sent.
"""

import importlib
import os
import time
from typing import TYPE_CHECKING, Any

from . import blocks, hosts
from .connectors.base import Connector
from .deployment.launcher import Launcher
from .names import check_name
from .progress import Progress
from .rejoining import Rejoining
from .session import Session

if TYPE_CHECKING:
    from pathlib import Path


class Host:
    """The verbs of a client that mean its host, not one call."""

    def __init__(self, session: Session, connector: Connector, launcher: Launcher) -> None:
        self._session = session
        self._rejoining: Rejoining
        self._connector = connector
        self._launcher = launcher

    def close(self) -> None:
        """Ends the session and what it started there. Twice is fine."""
        try:
            self._session.close()
        finally:
            self._connector.close()

    def reconnect(self) -> None:
        """Begins another session, after a lost link or in the place of the one that there is.

        Modules, functions, blocks and what was registered go on to hold; objects were the other session's, and are
        gone. Calls that still wait raise ConnectionLost.

        Raises:
            ConnectorError, RemoteNotSetupError: as `connect`; it can be tried again.
        """
        self._rejoining.renew()

    # -- what it is ------------------------------------------------------------------------------------

    def info(self) -> hosts.Info:
        """What the host is, and how far away."""
        return hosts.gather(self._session, self.ping())

    def ping(self) -> float:
        """The seconds that one request takes, there and back."""
        begin = time.perf_counter()
        self._session.get("builtins", "__debug__")
        return time.perf_counter() - begin

    # -- the endpoint ----------------------------------------------------------------------------------

    def deploy(self, progress: hosts.Progress | None = None) -> str:
        """Puts the endpoint in its place now, or mends it there; the first contact has done so by itself, if it could.

        Args:
            progress: is called with each step, in words: ``print``.

        Returns:
            the endpoint's folder there.

        Raises:
            RemoteNotSetupError: nothing can be written there.
        """
        return hosts.deploy(self._session, self._launcher, progress)

    def do_bootstrap_install(self, progress: hosts.Progress | None = None) -> bool:
        """As `deploy`, by the name that it has in SRemote; returns True."""
        return bool(self.deploy(progress))

    def undeploy(self) -> None:
        """Removes all that rproxy has put on the host for this user, and closes this client; what `keep_after` has
        kept is the user's.

        Raises:
            RProxyError: other clients use some of it, which stays; all else is removed.
        """
        kept = hosts.undeploy(self._session, self._launcher)
        self.close()
        if kept:
            raise hosts.still_in_use(self._session.target, kept)

    # -- packages --------------------------------------------------------------------------------------

    def has_module(self, name: str) -> bool:
        """Whether a module can be imported there."""
        check_name(name, "the name of a module")
        return bool(self._session.ask("rproxy_endpoint.facts", "has_module", (name,)))

    def register_remote_module(self, name: str) -> None:
        """Makes sure that a module is there, in the version that is here.

        Raises:
            RemoteModulesError: it is missing there, or has another version.
        """
        check_name(name, "the name of a module")
        hosts.check_module(self._session, name)

    def packages(self) -> dict[str, str]:
        """The distributions that can be imported there, by name, with their versions."""
        return dict(self._session.ask("rproxy_endpoint.packages", "listed", ()))

    def install(self, *packages: str | os.PathLike[str], offline: bool = False) -> None:
        """Installs packages into the endpoint's own environment there; pip's output is shown as it comes.

        Args:
            packages: what pip takes (``numpy>=1.26``, ``git+https://...@branch``), or files and folders of this
                side (``./mypkg``), which are sent.
            offline: download everything here; else only where the host reaches no index.

        Raises:
            RemoteModulesError: with what pip said; what was installed before stays.
            FileNotFoundError: a file or a folder is not here.
            TypeError: no package is named, or something that is no text and no path.
        """
        if not packages:
            raise TypeError("install needs the name or the path of a package")
        for package in packages:
            blocks.check_path(package, "the name or the path of a package")
        module = self._tool("packages")
        module.install(module.Far(self._session, self._connector, self._launcher), packages, offline)

    def do_install_git_module(self, url: str, branch: str | None = None, keep_after: str | None = None) -> bool:
        """Installs a git repository, cloned there, or here if the host has no git.

        Args:
            url: what `git clone` takes.
            branch: a branch or tag; the repository's own default if not given.
            keep_after: the name of the folder, in the host's folder for temporary files, that keeps the code.

        Returns:
            True, as in SRemote.

        Raises:
            RemoteModulesError: with what git or pip said.
            ValueError: `keep_after` leads out of that folder.
        """
        if keep_after is not None:
            name = os.path.normpath(blocks.check_path(keep_after, "keep_after"))
            if name.startswith(("/", "..")) or name == ".":
                raise ValueError(
                    f"keep_after is the name of a folder in the one for temporary files, not {keep_after!r}"
                )
        module = self._tool("packages")
        far = module.Far(self._session, self._connector, self._launcher)
        module.install_repository(far, url, branch, keep_after)
        return True

    # -- files -----------------------------------------------------------------------------------------

    def push(self, local: str | os.PathLike[str], remote: str | os.PathLike[str], *, progress: Progress = None) -> str:
        """Copies a file or a folder there, as cp does.

        Args:
            local: the path here.
            remote: the path there; if it is a folder, the copy goes into it.
            progress: None for a bar on a terminal or in a notebook, False for none, or a function that is called
                with the bytes that are done and with all of them (of a folder: of the archive that carries it).

        Returns:
            the absolute path of the copy there.

        Raises:
            OSError: of this side, or as a RemoteExecError of that one.
            ConnectorError: the link failed; nothing half is left under the name.
            TypeError: `progress` is none of these.
        """
        path = blocks.check_path(remote, "a path there")
        return str(self._tool("transfers").push(self._session, self._connector, local, path, progress))

    def pull(
        self, remote: str | os.PathLike[str], local: str | os.PathLike[str], *, progress: Progress = None
    ) -> "Path":
        """Copies a file or a folder from there, as cp does; returns the path of the copy.

        Its arguments and errors are those of `push`, the other way round.
        """
        path = blocks.check_path(remote, "a path there")
        copy: Path = self._tool("transfers").pull(self._session, self._connector, path, local, progress)
        return copy

    def _tool(self, name: str) -> Any:
        return importlib.import_module("." + name, __package__)

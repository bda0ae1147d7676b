"""What SRemote's connectors share: its verbs, over a connector of rproxy's that `auth` makes."""

import abc
import shlex
from collections.abc import Callable, Sequence

from ...connectors.base import Completed, Connector, PathLike
from ...errors import AuthenticationError, ConnectorError


class ClientChannel(Connector):
    """A connector with SRemote's verbs.

    Args:
        hostname: the host, or the name of the machine.
        interpreter_route: SRemote's name of a script there; rproxy needs none.
    """

    #: The folder that calls run in; None for the user's home.
    pwd_dir: str | None = None

    def __init__(self, hostname: str, interpreter_route: str = "interpreter.sh") -> None:
        self._hostname = hostname
        self.target = hostname
        self._connector: Connector | None = None

    @abc.abstractmethod
    def auth(
        self, username: str, password: str | None = None, token: str | None = None, home_dir: str | None = None
    ) -> bool:
        """Logs in. Returns whether the host has accepted it; raises ConnectorError if it cannot be reached."""

    def _uses(self, connector: Connector, log_in: Callable[[], object]) -> bool:
        """Takes a connector if its host lets us in."""
        try:
            log_in()
        except AuthenticationError:
            connector.close()
            return False
        except BaseException:
            connector.close()
            raise
        self.close()
        self._connector = connector
        self.target, self.python = connector.target, connector.python
        self.command_limit, self.output_limit = connector.command_limit, connector.output_limit
        self.text_only = connector.text_only
        return True

    @property
    def connector(self) -> Connector:
        """The connector that `auth` has made. Raises ConnectorError before."""
        if self._connector is None:
            raise ConnectorError(f"not logged in at {self._hostname}: call auth(username, ...) first")
        return self._connector

    def status(self) -> bool:
        """Whether the last `auth` was accepted."""
        return self._connector is not None

    # -- rproxy's verbs --------------------------------------------------------------------------------

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        return self.connector.run(command, input=input, timeout=timeout)

    def push(self, local: PathLike, remote: str) -> None:
        self.connector.push(local, remote)

    def pull(self, remote: str, local: PathLike) -> None:
        self.connector.pull(remote, local)

    def close(self) -> None:
        if self._connector is not None:
            self._connector.close()

    # -- SRemote's verbs -------------------------------------------------------------------------------

    def execute_command(
        self, command: str, arg_list: Sequence[str] = (), keep_env: bool = False
    ) -> tuple[str, str, int]:
        """Runs a command with arguments; returns its output, its errors and its exit code.

        With `keep_env` the user's login environment is loaded before.
        """
        line = " ".join(map(shlex.quote, [command, *arg_list]))
        if keep_env:
            line = f'exec "${{SHELL:-/bin/sh}}" -l -c {shlex.quote(line)}'
        done = self.run(line)
        return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"), done.returncode

    def push_file(self, origin_route: PathLike, dest_route: str) -> bool:
        """Copies a local file to the host. Raises ConnectorError where SRemote returned False."""
        self.push(origin_route, dest_route)
        return True

    def retrieve_file(self, origin_route: str, dest_route: PathLike) -> bool:
        """Copies a file of the host here. Raises ConnectorError where SRemote returned False."""
        self.pull(origin_route, dest_route)
        return True

    def delete_file(self, route: str) -> bool:
        """Removes a file of the host; returns whether that was done."""
        return self.execute_command("/bin/rm", [route])[2] == 0

    def get_home_dir(self) -> str:
        """The user's home on the host."""
        return self.run('printf %s "$HOME"').stdout.decode("utf-8", "surrogateescape")

    def get_pwd(self) -> str:
        """The folder in which the user's commands begin."""
        return self.execute_command("/bin/pwd")[0].rstrip("\r\n")

    def set_tmp_at_home_dir(self, subfolder: str) -> None:
        """Names the folder for temporary files, below the user's home."""
        self.set_tmp_dir(f"~/{subfolder}")

    def set_pwd_dir(self, folder_route: str) -> None:
        """Names the folder that calls run in; it is made if it is missing."""
        self.pwd_dir = folder_route

    def set_pwd_at_home_dir(self, sub_folder: str) -> None:
        """Names the folder that calls run in, below the user's home."""
        self.set_pwd_dir(f"~/{sub_folder}")

    def do_self_discovery(self, file_name: str = ".location") -> bool:
        """Takes the folders from a JSON file below ``.sremote`` in the user's home; returns whether it was there."""
        return super().do_self_discovery(file_name)

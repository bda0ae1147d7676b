"""A connector of one's own: commands that start from an empty environment, as under cron.

Three methods are enough to be a connector. A transport to another machine differs in how it runs the
command and copies the file, and in nothing else.
"""

import os
import shutil
import subprocess

import rproxy
from rproxy import CallTimeout, Completed, Connector, ConnectorError


class CleanConnector(Connector):
    """Runs commands of this machine with HOME and PATH, and no other variable."""

    target = "clean://"
    command_limit = 100_000  # a longer command goes as a file
    output_limit = 1 << 20  # a longer answer comes as a file

    def run(self, command: str, *, input: bytes = b"", timeout: float | None = None) -> Completed:
        words = ["env", "-i", f"HOME={os.environ['HOME']}", f"PATH={os.environ['PATH']}", "sh", "-c", command]
        try:
            done = subprocess.run(words, input=input, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise CallTimeout(f"a command on {self.target} took longer than {timeout} s") from None
        except OSError as error:
            raise ConnectorError(f"cannot run a command on {self.target}: {error}") from error
        return Completed(done.stdout, done.stderr, done.returncode)

    def push(self, local: str | os.PathLike[str], remote: str) -> None:
        self._copy(local, remote)

    def pull(self, remote: str, local: str | os.PathLike[str]) -> None:
        self._copy(remote, local)

    def _copy(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise ConnectorError(f"cannot copy {source} to {target} on {self.target}: {error}") from error


if __name__ == "__main__":
    os.environ["ONLY_HERE"] = "1"
    with rproxy.connect(CleanConnector()) as client:
        remote_os = client.module("os")
        print("target:", client.info().target, "over", client.info().channel)
        print("variables of this process are not there:", remote_os.getenv("ONLY_HERE"))
        big = client.module("operator").mul(b"0123456789", 300_000)  # by a file: it is over output_limit
        print("bytes that came by a file:", len(big))
        try:
            client.module("itertools").count(10)
        except rproxy.SerializationError as error:
            print("objects cannot stay without a stream:", "`open`" in str(error))

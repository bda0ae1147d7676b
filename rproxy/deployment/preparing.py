"""Getting a host ready for a connector that has no stream.

Rules: one command makes the client's private folder and tells whether the endpoint is there; where it is not, a
push and a second command deploy it: into its own place, or for this client alone into the private folder.
From then on the Python that was found is named, so that no command looks for it again.
"""

import json
from typing import Any, NamedTuple

from .. import log
from ..connectors.base import Completed, Connector
from ..errors import CallTimeout, RemoteNotSetupError
from .bootstrap import NoStart, attempted, check_word
from .launcher import Launcher, new_token, words_of
from .survey import end_hung, failed


class Prepared(NamedTuple):
    """The private folder, and whether the endpoint is there."""

    folder: str
    there: bool


def prepare(connector: Connector, launcher: Launcher) -> Prepared:
    """Makes a private folder for requests and answers. Raises RemoteNotSetupError."""
    others = "given" if launcher.tmp_is_given else "others"
    words = (launcher.tmp, others if launcher.deploy else "none")
    told = attempted(connector, launcher, lambda token: _ask(connector, launcher, token, *words))
    launcher.python = str(told["python"])
    return Prepared(str(told["folder"]), bool(told["there"]))


def deploy_pushed(connector: Connector, launcher: Launcher, folder: str, archive: str) -> None:
    """Deploys an archive that was pushed, into the private folder if its own place cannot be written.

    Raises RemoteNotSetupError.
    """
    try:
        launcher.root = str(_ask(connector, launcher, new_token(), folder, archive)["root"])
        log.info("deployment", "deployed the endpoint to %s on %s", launcher.root, connector.target)
    except NoStart as problem:
        raise failed(connector.target, launcher, str(problem), None) from None


def _ask(connector: Connector, launcher: Launcher, token: str, first: str, second: str) -> dict[str, Any]:
    limit = connector.start_timeout
    try:
        done = connector.run(launcher.prepare(token, first, second), timeout=limit)
    except CallTimeout as late:
        end_hung(connector, launcher, token)
        raise NoStart(f"it did not answer within {limit:g} s") from late
    found = words_of(token).search(done.stdout)
    if found is None:
        raise NoStart(end_of(done))
    word, rest = (found[1] or b"").decode(), done.stdout[found.end() :]
    ahead = end_of(done._replace(stdout=done.stdout[: found.start()]))
    check_word(word, (found[2] or b"").decode(), connector.target, ": " + ahead)
    if word == "denied":
        mend = "Name a folder that can be written with tmp_dir= or endpoint_dir=."
        raise RemoteNotSetupError(
            f"nothing can be written on {connector.target}, and over commands files carry what is long: "
            f"{end_of(done)}\n{mend}"
        ).at("folders", mend)
    told: dict[str, Any] = json.loads(rest.partition(b"<end>")[0])
    return told


def end_of(done: Completed) -> str:
    """What is known of a command that has ended."""
    said = (done.stderr or done.stdout)[-2000:].decode("utf-8", "replace").strip()
    return f"exit code {done.returncode}" + (f"; it said:\n{said}" if said else "")

"""The command `rproxy`.

Exit codes: 0, 1 for an error of the far side's code, 2 for usage, 3 for the connection. What a call prints
there goes to standard output and error here; its value follows on standard output.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import click

import rproxy

from .client import RemoteClient
from .display import Console, escape
from .errors import RemoteExecError, RProxyError, SerializationError
from .names import check_name

REMOTE, USAGE, CONNECTION = 1, 2, 3


class _Failed(click.ClickException):
    """An error with an exit code of its own."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        click.echo(f"rproxy: {self.message}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rproxy.__version__, prog_name="rproxy")
def main() -> None:
    """Use any Python module of any machine that you can reach, as if it were local.

    TARGET is a URL such as local:// (a process of this machine).
    """


def _common(command: Any) -> Any:
    command = click.option("--python", metavar="PATH", help="The Python interpreter there.")(command)
    return click.option("--setup", metavar="LINES", help="Shell lines to run there before Python.")(command)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("target")
@click.argument("function", metavar="MODULE.FUNCTION")
@click.argument("args", nargs=-1)
@click.option("--env", "variables", multiple=True, metavar="K=V", help="An environment variable for the call.")
@click.option("--json", "as_json", is_flag=True, help="Print the value as JSON.")
@_common
def call(
    target: str, function: str, args: tuple[str, ...], variables: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Call MODULE.FUNCTION there with ARGS, each JSON or else text, and print its value.

    \b
    rproxy call local:// platform.uname
    rproxy call local:// os.path.join /usr lib
    rproxy call local:// math.hypot 3 4
    """
    env = dict(map(_variable, variables))
    with _connected(target, options) as client, client.env(**env):
        value = _call(client, function, [_argument(arg) for arg in args])
        if as_json:
            click.echo(json.dumps(plain(value), ensure_ascii=False))
        elif value is not None:
            text = value if isinstance(value, str) else repr(value)
            click.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))


@main.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_common
def info(target: str, as_json: bool, **options: Any) -> None:
    """Show what the host is: Python, platform, cores, memory, endpoint, round-trip time."""
    with _connected(target, options) as client:
        try:
            told = client.info()
        except RProxyError as error:
            raise _Failed(str(error), CONNECTION) from error
    if as_json:
        click.echo(json.dumps(told._asdict()))
        return
    memory = "unknown" if told.memory is None else f"{told.memory / 2**30:.1f} GiB"
    rows = {
        "target": told.target,
        "host": told.host,
        "Python": f"{told.implementation} {told.python} ({told.executable})",
        "platform": told.platform,
        "cores": str(told.cores),
        "memory": memory,
        "endpoint": told.endpoint,
        "channel": told.channel,
        "round trip": f"{told.round_trip * 1e3:.2f} ms",
    }
    console = Console(soft_wrap=True, highlight=False)  # a path is whole, however narrow the terminal
    for name, value in rows.items():
        console.print(f"[bold]{name:<12}[/bold]{escape(value)}")


@main.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print a list of findings as JSON.")
@click.option("--endpoint-dir", metavar="FOLDER", help="The folder there that keeps the endpoint.")
@_common
def doctor(target: str, as_json: bool, **options: Any) -> None:
    """Go to the host layer by layer, and tell the first fault and its mend. Exits with 1 if there is one."""
    from .doctor import examine

    found = []
    try:
        for finding in examine(target, **options):
            found.append(finding)
            if not as_json:
                click.echo(f"{'ok' if finding.ok else 'FAULT':<6}{finding.layer:<17}{_beside(finding.text)}")
            if not as_json and finding.mend:
                click.echo(f"{'':<23}-> {_beside(finding.mend)}")
    except (TypeError, ValueError) as error:
        raise _Failed(str(error), USAGE) from error
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in found]))
    if not found[-1].ok:
        raise click.exceptions.Exit(1)


def _beside(text: str) -> str:
    """A text of several lines in the column beside the names of layers."""
    return text.replace("\n", "\n" + " " * 23)


@main.command()
@click.argument("target")
@click.option("--endpoint-dir", metavar="FOLDER", help="The folder there that keeps the endpoint.")
@_common
def deploy(target: str, **options: Any) -> None:
    """Put the endpoint on the host, or mend it there. Every connection does so by itself."""
    with _connected(target, options) as client:
        try:
            client.deploy(click.echo)
        except RProxyError as error:
            raise _Failed(str(error), CONNECTION) from error


@main.command()
@click.argument("target")
@click.option("--endpoint-dir", metavar="FOLDER", help="The folder there that keeps the endpoint.")
@_common
def undeploy(target: str, **options: Any) -> None:
    """Remove all that rproxy has put on the host."""
    with _connected(target, options) as client:
        try:
            client.undeploy()
        except RProxyError as error:
            raise _Failed(str(error), CONNECTION) from error
    click.echo(f"nothing of rproxy is left on {target}")


@main.command()
@click.argument("file", default="rproxy-endpoint.tar.gz", type=click.Path(dir_okay=False, writable=True))
def bundle(file: str) -> None:
    """Write the archive that deploys the endpoint by hand.

    \b
    On the host: tar xzf rproxy-endpoint.tar.gz && sh rproxy-endpoint/deploy.sh
    """
    from .deployment.bundle import release

    try:
        with open(file, "wb") as archive:
            archive.write(release())
    except OSError as error:
        raise _Failed(f"cannot write {file}: {error}", USAGE) from error
    click.echo(f"{file}: unpack it on the host, and run rproxy-endpoint/deploy.sh there")


def _connected(target: str, options: dict[str, Any]) -> RemoteClient:
    try:
        return rproxy.connect(target, **options)
    except (TypeError, ValueError) as error:
        raise _Failed(str(error), USAGE) from error
    except RProxyError as error:
        raise _Failed(str(error), CONNECTION) from error


def _variable(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise _Failed(f"--env takes NAME=VALUE, not {text!r}", USAGE)
    return name, value


def _argument(text: str) -> Any:
    """JSON if it is that, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _call(client: RemoteClient, dotted: str, args: list[Any]) -> Any:
    """Calls a function by its full name: the module is as much of it as can be imported."""
    try:
        parts = check_name(dotted, "MODULE.FUNCTION").split(".")
    except ValueError as error:
        raise _Failed(str(error), USAGE) from error
    if len(parts) < 2:
        raise _Failed(f"{dotted!r} names no function; write MODULE.FUNCTION, for example os.getenv", USAGE)
    for cut in range(len(parts) - 1, 0, -1):
        try:
            module = client.module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if cut == 1:
                raise _Failed(str(error), REMOTE) from error
            continue
        except RProxyError as error:
            raise _remote(error) from error
        break
    try:
        for name in parts[cut:]:
            module = getattr(module, name)
        if not callable(module):
            raise _Failed(f"{dotted} on {client.info().target} is a value, not a function: {module!r}", REMOTE)
        return module(*args)
    except (RProxyError, AttributeError) as error:
        raise _remote(error) from error


def _remote(error: Exception) -> _Failed:
    if isinstance(error, RemoteExecError):
        framed = error.remote_traceback.startswith("Traceback")
        shown = error.remote_traceback.rstrip() if framed else f"{error.remote_type}: {error}"
        return _Failed(shown, REMOTE)
    code = REMOTE if isinstance(error, SerializationError | AttributeError) else CONNECTION
    return _Failed(str(error), code)


def plain(value: Any) -> Any:
    """A value as JSON has it: what JSON has not becomes the nearest thing that it has."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None) or getattr(type(value), "__match_args__", None)  # structseqs
        if names and len(names) <= len(value):
            return {name: plain(item) for name, item in zip(names, value, strict=False)}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if hasattr(value, "tolist"):  # numpy
        return plain(value.tolist())
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)

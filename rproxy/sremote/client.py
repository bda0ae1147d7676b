"""SRemote's client."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from .. import blocks, client
from ..connectors.base import Connector
from ..errors import RemoteExecError, RemoteModulesError


class MissingModuleError(RemoteModulesError, RemoteExecError):
    """A module that a call names does not exist there: SRemote's programs catch it under either name."""


class RemoteClient(client.RemoteClient):
    """Runs Python on the host of a connector, which must have logged in (`auth`).

    Args:
        comms_client: the connector.
    """

    def __init__(self, comms_client: Connector) -> None:
        super().__init__(comms_client)
        folder = getattr(comms_client, "pwd_dir", None)
        if folder is not None:
            expanded = super().do_remote_call("os.path", "expanduser", [folder])[0]
            super().do_remote_call("os", "makedirs", [expanded], {"exist_ok": True})
            self._session.base = blocks.Settings({}, (expanded,)).over(self._session.base)

    def do_remote_call(  # type: ignore[override]  # SRemote's fourth argument is another than ours
        self,
        module_name: str,
        method_name: str,
        args: Sequence[Any] | Mapping[str, Any] = (),
        keep_env: bool = False,
        **options: Any,
    ) -> tuple[Any, str]:
        """Calls a function there; returns its value and what it printed.

        Args:
            module_name: the module's dotted name.
            method_name: the function's dotted name in it.
            args: a list of arguments, or a dict of keyword arguments.
            keep_env: whether to load the user's login environment for the call.

        Raises:
            ExceptionRemoteModulesError: the module does not exist there.
            ExceptionRemoteExecError: what the function raised, or that there is no such function.
        """
        call = functools.partial(super().do_remote_call, module_name, method_name, args, keep_env=keep_env, **options)
        try:
            return call()
        except RemoteExecError as error:
            name = getattr(error, "name", None)
            if isinstance(error, ModuleNotFoundError) and name and (module_name + ".").startswith(f"{name}."):
                raise MissingModuleError(*error.args) from error
            raise

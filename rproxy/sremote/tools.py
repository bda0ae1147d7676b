"""SRemote's ``sremote.tools``: its exceptions."""

from ..errors import ExceptionRemoteExecError, ExceptionRemoteModulesError, ExceptionRemoteNotSetup

__all__ = ["ExceptionRemoteExecError", "ExceptionRemoteModulesError", "ExceptionRemoteNotSetup"]

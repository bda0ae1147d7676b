"""SRemote's names, so that its programs run with another import.

Rules: names, arguments and results are SRemote's (LBL, 2014); what they do is rproxy's. ``import sremote.api as
remote`` becomes ``import rproxy.sremote.api as remote``; all names are here as well.
"""

from ..errors import ExceptionRemoteExecError, ExceptionRemoteModulesError, ExceptionRemoteNotSetup
from .client import RemoteClient
from .connector.newt import ClientNEWTConnector
from .connector.ssh import ClientSSHConnector

__all__ = [
    "ClientNEWTConnector",
    "ClientSSHConnector",
    "ExceptionRemoteExecError",
    "ExceptionRemoteModulesError",
    "ExceptionRemoteNotSetup",
    "RemoteClient",
]

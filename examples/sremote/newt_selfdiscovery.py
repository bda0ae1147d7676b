"""An SRemote program with another import: the host's own file says where the endpoint is.

python newt_selfdiscovery.py MACHINE USER PASSWORD
"""

from sys import argv

import rproxy.sremote.api as remote
from rproxy.sremote.connector import newt

connector = newt.ClientNEWTConnector(argv[1])
if connector.auth(argv[2], argv[3]):
    print("found:", connector.do_self_discovery())
    client = remote.RemoteClient(connector)
    return_value, out = client.do_remote_call("os", "getcwd")
    print(return_value)
    print(client.info().endpoint)
else:
    print("Error in auth!")

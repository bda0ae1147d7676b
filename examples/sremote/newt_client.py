"""An SRemote program with another import: deploys itself by NEWT, sets a variable and reads it back.

python newt_client.py MACHINE USER PASSWORD
"""

from sys import argv

import rproxy.sremote.api as remote
from rproxy.sremote.connector import newt

connector = newt.ClientNEWTConnector(argv[1])
if connector.auth(argv[2], argv[3]):
    client = remote.RemoteClient(connector)
    client.do_bootstrap_install()
    client.register_remote_env_variable("myVar", "myValue")
    return_value, out = client.do_remote_call("os", "getenv", args=["myVar"])
    print(return_value)
else:
    print("Error in auth!")

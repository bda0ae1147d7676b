"""An SRemote program with another import: deploys the endpoint and installs a package from git beside it.

python install.py HOST USER GIT-URL BRANCH
"""

from sys import argv

import rproxy.sremote.api as remote
from rproxy.sremote.connector import ssh

connector = ssh.ClientSSHConnector(argv[1])
connector.auth(argv[2])

client = remote.RemoteClient(connector)
client.do_bootstrap_install()
client.do_install_git_module(argv[3], argv[4], "qdo")

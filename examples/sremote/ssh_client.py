"""An SRemote program with another import: variables, paths, calls by list and by dict, and what goes wrong.

python ssh_client.py HOST USER
"""

from sys import argv

import rproxy.sremote.api as remote
from rproxy.sremote.connector import ssh
from rproxy.sremote.tools import ExceptionRemoteExecError, ExceptionRemoteModulesError


def valid_queue_name(value):
    return_value, out = client.do_remote_call("qdo", "valid_queue_name", args=[value])
    print("it printed", repr(out))
    return return_value


def valid_queue_name_dict(value):
    return_value, _ = client.do_remote_call("qdo", "valid_queue_name", args={"name": value})
    return return_value


def exception_trigger(value):
    try:
        client.do_remote_call("random_module", "valid_queue_name", args={"name": value})
    except ExceptionRemoteModulesError as error:
        print("no such module:", type(error).__name__)
    try:
        client.do_remote_call("qdo", "random_method", args={"name": value})
    except ExceptionRemoteExecError as error:
        print("no such method:", type(error).__name__)
    try:
        client.do_remote_call("qdo", "connect", args={"queue_name": "random_queue"})
    except ExceptionRemoteExecError as error:
        print("it raises:", type(error).__name__)


def setting_remote_var():
    client.register_remote_env_variable("myVar", "myValue")
    client.register_remote_env_variable("HOME", "not this", only_if_no_set=True)
    client.register_remote_env_variable("HOME_B", "this", only_if_no_set=True)
    client.register_remote_env_path("/opt")
    for name in ("HOME", "myVar", "HOME_B", "PATH"):
        return_value, _ = client.do_remote_call("os", "getenv", args=[name])
        print(name, return_value)


connector = ssh.ClientSSHConnector(argv[1])
connector.auth(argv[2])

client = remote.RemoteClient(connector)
setting_remote_var()
print(valid_queue_name("juanito"))
print(valid_queue_name_dict("juanito!"))
exception_trigger("juanito")

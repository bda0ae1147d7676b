# pyright: strict
"""A module of the far side has the types of the local one that was given for it.

mypy has types for the attributes of modules that are imported, and `Any` for those of any other: for its users
docs/typing.md says what to write.
"""

import asyncio
import os
import pathlib
import subprocess
from typing import assert_type

import rproxy


def right(client: rproxy.RemoteClient) -> None:
    remote_os = client.module(os)
    assert_type(remote_os.path.abspath("a"), str)
    assert_type(remote_os.getpid(), int)
    assert_type(remote_os.stat("/").st_size, int)
    assert_type(client.module(pathlib).Path("/etc").joinpath("hosts").read_text(), str)
    assert_type(client.module(subprocess).Popen(["true"]).wait(), int)
    assert_type(client.submit(remote_os.getpid).result(), int)


async def awaited(client: rproxy.RemoteClient) -> None:
    assert_type(await client.module(asyncio).sleep(0.1, "slept"), str)


def wrong(client: rproxy.RemoteClient) -> None:
    client.module(os).path.join(1)  # error
    client.module(os).no_such_name  # error

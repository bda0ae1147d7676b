# pyright: strict
"""What users of mypy write to have a remote module's types: it is imported for the checker alone."""

from typing import TYPE_CHECKING, assert_type

import rproxy

client = rproxy.connect()

if TYPE_CHECKING:
    import os as remote_os
else:
    remote_os = client.module("os")

assert_type(remote_os.getcwd(), str)
remote_os.path.join(1)  # error

"""Takes away what rproxy has put on a host.

Rules: what another process uses stays, and is told; what is not rproxy's stays.
"""

import os
import shutil
import time
from typing import List, Tuple

from . import deployment, holding

#: The temporary folder of another client is taken for one in use until this long after its last change, in seconds.
RECENT = 3600
OURS = ("endpoint-", "packages-", ".new-", ".old-")


def remove(root: str, tmp: str, own: str) -> List[str]:
    """Removes all that rproxy has put into `root` and `tmp`, and these folders if nothing else is in them.

    `own` is the temporary folder of the client that asks, or "". Returns the paths of what others use, which
    stays. Raises OSError for what cannot be removed.
    """
    root, tmp = deployment.located(root), deployment.located(tmp)
    holding.let_go()
    if own:
        shutil.rmtree(own, ignore_errors=True)
    kept = []
    for folder in _folders(root, OURS):
        if deployment.in_use(folder):
            kept.append(folder)
        elif os.path.isdir(folder):
            shutil.rmtree(folder)
        else:
            os.unlink(folder)  # the lock of an installation
    for folder in _folders(tmp, ("session-",)):
        if time.time() - os.stat(folder).st_mtime < RECENT:
            kept.append(folder)
        else:
            shutil.rmtree(folder)
    for folder in (tmp, root):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # it is not there, or other things are in it
    return kept


def _folders(parent: str, beginnings: Tuple[str, ...]) -> List[str]:
    names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
    return [os.path.join(parent, name) for name in names if name.startswith(beginnings)]

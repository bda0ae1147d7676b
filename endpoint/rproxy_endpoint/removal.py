"""Takes away what rproxy has put on a host.

Rules: what another process uses stays, and is told; what is not rproxy's, or another user's, stays.
"""

import os
import shutil
import time
from typing import Any, List, Tuple

from . import deployment, holding

#: The temporary folder of another client is taken for one in use until this long after its last change, in seconds.
RECENT = 3600
#: How long to wait for an endpoint that is in use, in seconds.
MOMENT = 2.0
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
        if os.stat(folder).st_uid != os.getuid():
            continue  # deployed for all users, by whoever looks after it
        lock = _claimed(folder)
        if lock is None:
            kept.append(folder)
        elif os.path.isdir(folder):
            shutil.rmtree(folder)
        else:
            os.unlink(folder)  # the lock of an installation
        if lock:
            lock.close()
    places = sorted({tmp, os.path.join(root, "tmp")})  # packages are sent by way of the second, whatever the first is
    for folder in [folder for one in places for folder in _folders(one, ("session-",))]:
        if time.time() - os.stat(folder).st_mtime < RECENT:
            kept.append(folder)
        else:
            shutil.rmtree(folder)
    for folder in [*places, root]:
        try:
            os.rmdir(folder)
        except OSError:
            pass  # it is not there, or other things are in it
    return kept


def _claimed(folder: str) -> Any:
    """A lock of an endpoint's folder, so that nobody puts anything into it any more; False for what has none, and None
    for what others use. A guard may compile it just now, which takes a moment."""
    import fcntl

    try:
        contents = open(os.path.join(folder, "contents"))  # the lock lasts as long as it is open
    except OSError:
        return False
    until = time.time() + MOMENT
    while True:
        try:
            fcntl.flock(contents, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.time() > until:
                contents.close()
                return None
            time.sleep(0.02)
        except OSError:
            return contents  # no locks there
        else:
            return contents


def _folders(parent: str, beginnings: Tuple[str, ...]) -> List[str]:
    names = sorted(os.listdir(parent)) if os.path.isdir(parent) else []
    return [os.path.join(parent, name) for name in names if name.startswith(beginnings)]

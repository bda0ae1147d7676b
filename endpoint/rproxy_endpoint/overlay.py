"""Makes the packages importable that clients have installed: after PYTHONPATH, before the host's own."""

import os
import sys


def place(root: str) -> str:
    """The folder of the environment for this kind of Python and machine: hosts may share a home."""
    tag = sys.implementation.cache_tag or "python"
    return os.path.join(root, "packages-%s-%s" % (tag, os.uname().machine))


def activate(root: str) -> None:
    """Puts the environment below an endpoint's root onto sys.path, if there is one."""
    found = os.path.join(place(root), "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    if not os.path.isdir(found) or found in sys.path:
        return
    import site

    before = list(sys.path)
    site.addsitedir(found)
    added = [entry for entry in sys.path if entry not in before]
    ends = [number for number, entry in enumerate(before) if entry.endswith(("site-packages", "dist-packages"))]
    first = ends[0] if ends else len(before)
    sys.path[:] = before[:first] + added + before[first:]

"""``session TOKEN`` serves on stdin and stdout until end of file; ``once ...`` answers what came
with it; ``relay ...`` has a resident endpoint answer it.

The command line is made by `rproxy.deployment.launcher`; its words come here by `deployment/remote/start.py`.
"""

import os
import sys
from typing import Callable, List


def loaded(mode: str, words: List[str]) -> Callable[[], None]:
    """What serves in that mode, once all of it is imported."""
    if mode == "relay":
        from . import arriving

        arriving.extend()
        from .relay import relay

        return lambda: relay(words)
    from . import greeting, holding

    holding.hold(greeting.FOLDER)
    if mode == "session":
        line = greeting.greet(words[0])
    from . import arriving

    arriving.extend()
    from . import overlay, serve

    if mode == "once":
        from .once import serve_once

    def run() -> None:
        overlay.activate(os.path.dirname(greeting.FOLDER))
        if mode == "once":
            serve_once(words)
        else:
            os.dup2(line, 1)
            os.close(line)
            serve.serve_session()

    return run


if __name__ == "__main__":
    loaded(sys.argv[1], sys.argv[2:])()

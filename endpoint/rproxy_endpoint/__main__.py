"""``session TOKEN`` serves on stdin and stdout until end of file; ``once ...`` answers what came
with it; ``relay ...`` has a resident endpoint answer it.

The command line is made by `rproxy.deployment.bootstrap`; see there for its words.
"""

import os
import sys
from typing import List

from . import arriving

arriving.extend()


def main(argv: List[str]) -> None:
    mode, words = argv[0], argv[1:]
    if mode == "relay":
        from .relay import relay

        relay(words)
        return
    from . import holding, overlay, serve

    folder = os.path.dirname(serve.HERE)
    holding.hold(folder)
    overlay.activate(os.path.dirname(folder))
    if mode == "session":
        serve.serve_session(words[0])
    else:
        from .once import serve_once

        serve_once(words)


if __name__ == "__main__":
    main(sys.argv[1:])

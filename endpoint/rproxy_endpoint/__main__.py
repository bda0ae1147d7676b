"""``session TOKEN`` serves on stdin and stdout until end of file; ``once ...`` answers what came with it.

The command line is made by `rproxy.deployment.bootstrap`; see there for its words.
"""

import os
import sys
from typing import List


def main(argv: List[str]) -> None:
    from . import holding, overlay, serve

    folder = os.path.dirname(serve.HERE)
    holding.hold(folder)
    overlay.activate(os.path.dirname(folder))
    if argv[0] == "session":
        serve.serve_session(argv[1])
    else:
        from . import once

        once.serve_once(argv[1:])


if __name__ == "__main__":
    main(sys.argv[1:])

"""``session TOKEN`` serves on stdin and stdout until end of file; ``once ...`` answers one request.

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
        token, form, limit, folder, request = argv[1:6]
        serve.serve_once(token, form == "text", int(limit), folder, request, argv[6:])


if __name__ == "__main__":
    main(sys.argv[1:])

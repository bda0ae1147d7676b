"""``python -m tests.services newt|sfapi``: a double to play with, until Ctrl-C or the end of its input."""

import argparse
import os
import sys
import tempfile
import threading
from pathlib import Path

from .newt import Newt
from .server import Server
from .sfapi import Sfapi

SERVICES = {"newt": Newt, "sfapi": Sfapi}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("service", choices=sorted(SERVICES))
    parser.add_argument("--port", type=int, default=0, help="the port of 127.0.0.1; a free one if not given")
    parser.add_argument("--home", type=Path, help="the home of the commands; a new one, which goes in the end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rproxy-service-") as scratch:
        home = options.home or Path(scratch, "home")
        home.mkdir(exist_ok=True)
        server = Server(options.port)
        service = server.service = SERVICES[options.service](server.url, home.resolve(), Path(scratch))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.url, flush=True)
        print(service.how_to_use(), file=sys.stderr, flush=True)
        try:
            while os.read(0, 1000):  # whoever started us has ended, or wants us to
                continue
        except KeyboardInterrupt:
            pass
        finally:
            server.shutdown()
            service.close()


if __name__ == "__main__":
    main()

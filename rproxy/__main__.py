"""``python -m rproxy``: the command `rproxy`."""

from .cli import main

main(prog_name="rproxy")

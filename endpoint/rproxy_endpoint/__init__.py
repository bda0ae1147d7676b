"""The part of rproxy that runs on the far side: Python 3.6 and newer, standard library only."""

"""`python -m experiments`."""

import os
import sys

# `python -m` looks for every module in the current folder first, which may be a run folder from somebody else.
HERE = os.getcwd()
if sys.path[0] in ("", HERE) and os.path.dirname(os.path.dirname(os.path.abspath(__file__))) != os.path.realpath(HERE):
    del sys.path[0]

from experiments.entry import main  # noqa: E402 (the path comes first)

main()

"""A word on what takes seconds before anything else can be said."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def said(text: str) -> Iterator[None]:
    """Show a line on standard error while the block runs, on a terminal only: it is for who waits, not for a log.

    The line is wiped when the block ends. Workers of a sweep say nothing.
    """
    if multiprocessing.parent_process() is not None or not _is_terminal():
        yield
        return
    moves = os.environ.get("TERM", "dumb") != "dumb"
    _write(text if moves else f"{text}\n")
    try:
        yield
    finally:
        if moves:
            _write("\r\x1b[K")


def _is_terminal() -> bool:
    with suppress(OSError, ValueError, AttributeError):  # closed, or none at all
        return sys.stderr.isatty()
    return False


def _write(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()

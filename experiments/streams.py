"""Standard output and error that never end a training: one that fails falls silent."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Muted:
    """A text stream whose failures to write (a closed pipe, a full device) are noted and change nothing else."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.failure: OSError | None = None  # what a command whose output is its purpose has to tell

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except (OSError, ValueError) as error:
            self._silence(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._silence(error)

    def _silence(self, error: OSError | ValueError) -> None:
        """What is buffered yet, and all to come, goes to the null device: Python's own last flush does not fail."""
        if isinstance(error, OSError) and error.errno != errno.EPIPE:  # who closes a pipe wants no more
            self.failure = self.failure or error
        with suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def mute() -> None:
    """Make the process's standard streams such; what their encoding lacks is written as `\\xe4`.

    A descriptor that is closed is opened on the null device, before a file of a run gets its number, into which C++
    would write its warnings.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, Muted):
            continue
        if stream is None:  # it was closed when Python started
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        with suppress(AttributeError, OSError, ValueError):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, Muted(stream))


@contextmanager
def whole() -> Iterator[None]:
    """A command whose purpose is its output fails where that could not be written; who closes a pipe wants no more.

    Raises:
        SystemExit: with status 1 in place of 0.
    """
    try:
        yield
    except SystemExit as error:
        sys.stdout.flush()
        cause = getattr(sys.stdout, "failure", None)
        if cause is None or error.code:
            raise
        print(f"standard output: {cause.strerror or cause}", file=sys.stderr)
        sys.exit(1)

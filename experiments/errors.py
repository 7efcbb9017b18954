"""What a user can mend."""

from collections.abc import Mapping
from pathlib import Path


class UserError(Exception):
    """A mistake in the config, the data or the call.

    Its text names the key or file, the value received, what was expected and the way out. The entry points print it
    without a traceback and exit with status 2 (see docs/errors.md).
    """


class ReportsMissing(Exception):
    """A run has ended and is saved, but some of its plots, or its page, could not be written.

    Its text names them, the first cause and the way out. The entry points print it and exit with status 1.
    """

    def __init__(self, folder: Path, status: str, causes: Mapping[str, Exception]) -> None:
        first = next(iter(causes.values()))
        cause = str(first) if isinstance(first, UserError) else f"{type(first).__name__}: {str(first).strip()}"
        way_out = f"\nwrite them with: python -m experiments resume '{folder}'" if status == "completed" else ""
        super().__init__(f"{folder}: {status}, but without {', '.join(causes)}: {cause}{way_out}")

"""Files that are absent, the previous version or complete: never half-written."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TEMPORARY_PREFIX = ".tmp-"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes `path`'s place when the block ends well.

    The temporary file has the same suffix (writers choose their format by it), a short name of its own (so that a
    200-byte name stays within the file system's limit) and is removed when the block raises.

    Raises:
        OSError: the folder cannot be written to or the disk is full; `path` is then as it was.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{path.suffix}"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_temporary(folder: Path) -> None:
    """Remove what a killed process was writing anywhere below a folder."""
    for path in folder.rglob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write plain Python values as JSON atomically; NaN and infinity become null, since JSON has neither."""
    write_text(path, json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def finite(value: Any) -> Any:
    """Plain Python values as JSON can say them: NaN and infinity become None, tuples lists."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value

"""The folder of a run or sweep that starts: of its own, or refused with nothing changed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from experiments import runs
from experiments.errors import UserError
from experiments.received import refuse_links


def reserve(folder: Path) -> Path:
    """Make a folder that did not exist: `folder` itself or, where another start was faster, `folder_2`, `folder_3`, …

    Raises:
        UserError: the folder cannot be made.
    """
    number = 1
    while True:
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}_{number}")
        try:
            candidate.parent.mkdir(parents=True, exist_ok=True)
            candidate.mkdir()
        except FileExistsError:
            number += 1
        except OSError as error:
            raise runs.not_writable(folder, error) from None
        else:
            return candidate


@contextmanager
def reserved(folder: Path, *, named: bool) -> Iterator[Path]:
    """The folder of a run or sweep that starts, held for this process.

    `named`: by the user; then it is that folder or none, else one that did not exist (`reserve`). Where nothing has
    been started in it in the end, a folder that was made for it is removed.

    Raises:
        UserError: the folder cannot be made, holds a run or a sweep, or another process is at it.
    """
    is_new = not named or not folder.exists()
    folder = use(folder) if named else reserve(folder)
    with runs.locked(folder):
        _check_unused(folder)  # again: another start may have been faster
        try:
            yield folder
        finally:
            if is_new and _is_unused(folder):
                shutil.rmtree(folder, ignore_errors=True)
                if not named:
                    with suppress(OSError):  # other runs are in it
                        folder.parent.rmdir()


def use(folder: Path) -> Path:
    """Make the folder a user named, or take it where it is there and holds no run or sweep yet.

    Raises:
        UserError: the folder cannot be made, or holds a run or a sweep.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise runs.not_writable(folder, error) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise runs.not_writable(folder, PermissionError(13, "Permission denied"))
    refuse_links(folder)
    _check_unused(folder)
    return folder


def _check_unused(folder: Path) -> None:
    if not _is_unused(folder):
        kind, key = ("sweep", "hydra.sweep.dir") if (folder / runs.SWEEP).exists() else ("run", "hydra.run.dir")
        raise UserError(
            f"{folder}: holds a {kind} already, expected a new folder. Choose another {key}, or carry on with"
            f" `python -m experiments resume {folder}`."
        )


def _is_unused(folder: Path) -> bool:
    return not (folder / runs.RECORD).exists() and not (folder / runs.SWEEP).exists()

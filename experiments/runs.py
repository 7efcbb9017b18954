"""The run folder: one process at a time, its status from first to last, and where everything came from."""

import io
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from experiments import locks, provenance
from experiments.checkpoints import Checkpoints
from experiments.config import ExperimentConfig
from experiments.datasets import Dataset
from experiments.errors import UserError
from experiments.files import remove_temporary, write_json, write_text
from experiments.history import History
from experiments.received import open_regular
from experiments.saved_runs import (
    CONFIG,
    PRUNED,
    RECORD,
    differences,
    find,
    outcome,
    read,
    received,
    unchanged_config,
)
from experiments.signals import Interrupted

__all__ = [
    "CONFIG", "HISTORY", "LOG", "PRUNED", "RECORD", "SWEEP", "Run", "differences", "find", "is_locked", "locked",
    "logged", "not_writable", "now", "outcome", "read", "received", "unchanged_config",
]  # fmt: skip

HISTORY = "history.csv"
LOCK = ".lock"
LOG = "runner.log"
PROGRESS_SECONDS = 1.0
RECORD_SECONDS = 2.0  # in which it is written
SWEEP = "sweep.json"


def not_writable(folder: Path, error: OSError) -> UserError:
    """What is said of a folder that cannot be written to."""
    return UserError(
        f"{folder}: cannot be written to ({error.strerror}), expected a folder for the run's files."
        " Free it, or choose another with hydra.run.dir=…"
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process. The lock is the operating system's, so a dead process holds none.

    Raises:
        UserError: another process runs in the folder.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.held(folder / LOCK))
        except locks.Held:
            raise UserError(
                f"{folder}: another process runs in this folder, expected none. Wait for it, or choose another folder."
            ) from None
        except OSError as error:
            raise not_writable(folder, error) from None
        yield


def is_locked(folder: Path) -> bool:
    """Whether a living process holds a folder."""
    return locks.is_held(folder / LOCK)


class Run:
    """A run's record, run.json: written when the run starts (`save`), as it goes on and when it ends."""

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder = folder
        self._writing = threading.Lock()
        self.record = record | {"pid": os.getpid()}
        self._clock = time.monotonic() - (record["duration_seconds"] or 0.0)  # the wall clock may be set back
        self._progress_at = 0.0

    @classmethod
    def start(cls, folder: Path, config: ExperimentConfig, command: str) -> "Run":
        """A new run, whose record is not written yet."""
        values = config.model_dump()
        write_text(folder / CONFIG, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
        return cls(
            folder,
            {
                "status": "running",
                "error": None,
                "name": config.name,
                "tags": list(config.tags),
                "notes": config.notes,
                "seed": config.seed,
                "started_at": now(),
                "resumed_at": [],
                "finished_at": None,
                "duration_seconds": None,
                "epochs_completed": 0,
                "metrics": {},
                "throughput": None,
                "pruned": None,  # the epoch at which a search gave it up
                "stopped_by": None,  # what ended the training before its last planned epoch
                "kept_epoch": None,  # the epoch whose weights model.keras has
                "dataset": None,
                "model": None,
                "environment": None,
                "config_fingerprint": provenance.fingerprint(config),
                "config": values,
                "command": command,
            },
        )

    @classmethod
    def again(cls, folder: Path, record: dict[str, Any]) -> "Run":
        """A run that goes on; its record is not written yet."""
        resumed_at = [*record["resumed_at"], now()]
        record = {key: value for key, value in record.items() if key != "killed"}
        return cls(folder, record | {"status": "running", "error": None, "finished_at": None, "resumed_at": resumed_at})

    def update(self, **values: Any) -> None:
        with self._writing:
            self.record.update(values)
            self._save()

    def describe_data(self, dataset: Dataset) -> None:
        """Write down what is learnt from.

        Raises:
            UserError: a run that goes on finds other data than it had.
        """
        check_data(dataset, self.record)
        self.update(dataset=provenance.describe(dataset))

    def progress(self, history: History, at_once: bool = False) -> None:
        """Write down the epochs so far, at most once in PROGRESS_SECONDS unless told."""
        if at_once or time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = time.monotonic()
            write_text(self.folder / HISTORY, history.to_csv())
            self.update(epochs_completed=len(history.epochs))

    def finish(self, status: str, error: str | None = None) -> None:
        """Write down how the run ended, on a full disk too, where anything of the run can be spared.

        Raises:
            OSError: nothing can, or the folder cannot be written to.
        """
        try:
            self.update(status=status, error=error, finished_at=now())
        except OSError:
            _make_room(self.folder)
            self.save()

    def save(self) -> None:
        with self._writing:
            self._save()

    def cut_short(self, signum: int) -> None:
        """From the thread that ends the process: `interrupted`, unless the run has ended; nobody writes after it."""
        self._writing.acquire(timeout=RECORD_SECONDS)  # never released
        if self.record["status"] == "running":
            self.record = {
                **self.record,
                "status": "interrupted",
                "error": str(Interrupted(signum)),
                "finished_at": now(),
            }
            self._save()

    def interrupted(self, signum: int) -> None:
        """`interrupted`, unless the run has ended."""
        if self.record["status"] == "running":
            self.finish("interrupted", str(Interrupted(signum)))

    def _save(self) -> None:
        self.record["duration_seconds"] = round(time.monotonic() - self._clock, 3)
        write_json(self.folder / RECORD, self.record)


def _make_room(folder: Path) -> None:
    """Remove what is not needed to go on: the checkpoint before the last one, and reports, which are drawn anew."""
    remove_temporary(folder)
    Checkpoints(folder / "checkpoints").keep(1)
    for path in [folder / "report.html", *(folder / "plots").glob("*.png")]:
        path.unlink(missing_ok=True)


def check_data(dataset: Dataset, record: dict[str, Any]) -> None:
    """See that data is what a run began with, where it has begun.

    Raises:
        UserError: it is other data.
    """
    before = record["dataset"]
    if before and before["fingerprint"] != dataset.fingerprint:
        raise UserError(
            f"{dataset.source}: its contents have the fingerprint {dataset.fingerprint}, expected"
            f" {before['fingerprint']}, with which the run began. Put the same data there, or start a new run."
        )


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """What is logged goes into the run's log, warnings to standard error too; in runner.py Hydra sees to that."""
    log = io.TextIOWrapper(open_regular(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND), encoding="utf-8")
    handlers: list[logging.Handler] = [logging.StreamHandler(log), logging.StreamHandler()]
    handlers[0].setFormatter(logging.Formatter("[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"))
    handlers[1].setLevel(logging.WARNING)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
        with suppress(OSError):  # a full disk, which has been told of
            log.close()


def now() -> str:
    """The wall clock with its offset, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")

"""A tiny run with everything that has a state (dropout, momentum, early stopping), started, struck and compared."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from experiments.checkpoints import Checkpoints
from tests.conftest import PROJECT, environment

EPOCHS = 60
CONFIG = (
    "model.hidden_units=[64,32]",
    "model.dropout=0.3",
    "optimizer.momentum=0.9",
    "optimizer.learning_rate=0.0005",
    "trainer.batch_size=1",
    f"trainer.epochs={EPOCHS}",
    "trainer.early_stopping.patience=6",
    "trainer.reduce_on_plateau.patience=3",
    "trainer.keep_checkpoints=true",  # to be compared
)


def start(folder: Path, *overrides: str, config: tuple[str, ...] = CONFIG) -> subprocess.Popen[str]:
    """Start a run in `folder`."""
    return child([str(PROJECT / "runner.py"), *config, *overrides, f"hydra.run.dir='{folder}'"])


def resume(folder: Path) -> subprocess.Popen[str]:
    return child(["-m", "experiments", "resume", str(folder)])


def child(arguments: list[str], start_new_session: bool = False, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment(**env),
        cwd=PROJECT.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


def finish(process: subprocess.Popen[str], timeout: float = 240) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def strike(process: subprocess.Popen[str], when: Callable[[], object], signum: int = signal.SIGKILL) -> None:
    """Send a signal as soon as `when` is true; the process must still be running then."""
    deadline = time.monotonic() + 60
    while not when():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    process.send_signal(signum)


def checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoints/epoch-*.npz"))


def past(folder: Path, epoch: int) -> bool:
    """Whether a checkpoint of this or a later epoch has been committed."""
    return any(int(path.name.split("-")[1]) >= epoch for path in checkpoints(folder))


def history(folder: Path) -> list[list[str]]:
    """The rows of history.csv but for the seconds, as written: every digit counts."""
    with (folder / "history.csv").open() as file:
        return [row[:-1] for row in csv.reader(file)]


def arrays(folder: Path) -> Iterator[np.ndarray]:
    """Weights, optimizer state, random state and predictions at the end."""
    state = Checkpoints(folder / "checkpoints").load()
    assert state is not None
    yield from state["variables"]
    yield from np.load(folder / "predictions.npz").values()


def assert_exact(folder: Path, reference: Path) -> None:
    """History, weights, optimizer state and predictions are byte-equal."""
    assert history(folder) == history(reference)
    ours, theirs = list(arrays(folder)), list(arrays(reference))
    assert len(ours) == len(theirs)
    assert all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(ours, theirs, strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    """All files of a run's folder, hidden ones too, but for the checkpoints'."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.parts[0] != "checkpoints")


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0

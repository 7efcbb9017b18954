"""What keeps a tracker from stopping or slowing a run: a thread of its own, one warning, and an end to waiting."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from experiments.config import ExperimentConfig
from experiments.history import Epoch
from experiments.text import plain
from experiments.tracking.address import masked

log = logging.getLogger(__name__)

# How long a run that has ended waits for a tracker that still works, by the run's status.
PATIENCE_SECONDS = 60.0
INTERRUPTED_PATIENCE_SECONDS = 5.0  # somebody, or a cluster, waits for the process to go
MAX_CAUSE = 300


class Tracker(Protocol):
    """One program a run is told to; made in the run's thread, then called in one thread. Any method may raise."""

    name: str  # as a warning calls it
    hidden: str | None  # an address that no warning may tell

    def start(self) -> None:
        """The run starts, or goes on."""

    def epochs(self, epochs: Sequence[Epoch]) -> None:
        """All finished epochs, from the first; those that were told already are not told again."""

    def finish(self, record: dict[str, Any]) -> None:
        """The run has ended, and all its files are written; `record` is its run.json."""


class Guard:
    """Calls a tracker in a thread of its own. Whatever it raises becomes one warning, and it is called no more."""

    def __init__(self, build: Callable[[ExperimentConfig, Path], Tracker], config: ExperimentConfig, folder: Path):
        self._name = build.__name__
        self._epochs: Sequence[Epoch] = ()
        self._record: dict[str, Any] | None = None
        self._news = threading.Event()
        self._given_up = False
        self._hidden: str | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name=self._name)
        try:
            self._tracker = build(config, folder)
            self._name, self._hidden = self._tracker.name, self._tracker.hidden
        except Exception as error:
            self._give_up(_cause(error, self._hidden))
        else:
            self._thread.start()

    def epochs(self, epochs: Sequence[Epoch]) -> None:
        self._epochs = epochs
        self._news.set()

    def finish(self, record: dict[str, Any]) -> None:
        """Tell the end, and wait until it was told or the patience with a slow tracker ends."""
        if self._given_up:
            return
        self._record = record
        self._news.set()
        patience = INTERRUPTED_PATIENCE_SECONDS if record["status"] == "interrupted" else PATIENCE_SECONDS
        self._thread.join(patience)
        if self._thread.is_alive():
            self._give_up(f"no answer in {patience:g} s")

    def _work(self) -> None:
        try:
            self._tracker.start()
            while not self._given_up:
                self._news.wait()
                self._news.clear()
                record = self._record  # read first: what is told at the end includes the last epoch
                if self._epochs:
                    self._tracker.epochs(self._epochs)
                if record is not None:
                    self._tracker.finish(record)
                    return
        except Exception as error:
            self._give_up(_cause(error, self._hidden))

    def _give_up(self, cause: str) -> None:
        if not self._given_up:
            self._given_up = True
            log.warning("%s: not tracked any further, the run goes on: %s", plain(self._name), cause)


def _cause(error: BaseException, hidden: str | None) -> str:
    """In one line; of a server that cannot be reached, what the system says, not what each library made of it."""
    innermost = error
    while cause := innermost.__cause__ or innermost.__context__:
        innermost = cause
    if isinstance(innermost, OSError):
        error = innermost
    text = plain(f"{type(error).__name__}: {' '.join(str(error).split())}")
    text = masked(text, hidden) if hidden else text
    return text if len(text) <= MAX_CAUSE else text[: MAX_CAUSE - 3] + "..."

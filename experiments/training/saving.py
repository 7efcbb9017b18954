"""When a checkpoint is due, and that none holds what is no number."""

import time
from typing import Any

from experiments.checkpoints import Checkpoints
from experiments.training.state import finite

# An epoch's checkpoint is put off while the last one is younger than this many times what it cost: below 2 % always.
REST_AFTER_SAVING = 60


class Diverged(Exception):
    """The loss, or a weight, is no number any more; `step` counts the epoch's steps from 1."""

    def __init__(self, epoch: int, step: int) -> None:
        self.message = f"the loss is not finite at epoch {epoch}, step {step}"
        super().__init__(self.message)
        self.epoch = epoch
        self.step = step


class Saver:
    """When a checkpoint is due."""

    def __init__(self, checkpoints: Checkpoints | None, every: int, minutes: float | None) -> None:
        self.checkpoints = checkpoints
        self._every = every
        self._seconds = float("inf") if minutes is None else 60 * minutes
        self._saved_at = time.monotonic()
        self._cost = 0.0

    def due_at_epoch(self, epochs_done: int, last: bool) -> bool:
        rested = time.monotonic() - self._saved_at >= REST_AFTER_SAVING * self._cost
        return last or (epochs_done % self._every == 0 and rested)

    def due_by_time(self) -> bool:
        return time.monotonic() - self._saved_at >= self._seconds

    def save(self, state: dict[str, Any]) -> None:
        if self.checkpoints is None:
            return
        started = time.monotonic()
        if not finite(state):
            raise Diverged(state["epoch"] + (state["step"] > 0), state["step"])
        self.checkpoints.save(state, epoch=state["epoch"], step=state["step"])
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - started

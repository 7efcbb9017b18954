"""A way to stop early: a budget of time."""

import time
from typing import Any


class _Stopwatch:
    """Not plain data, so that no checkpoint carries one process's clock into another."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def lap(self) -> float:
        now = time.monotonic()
        last, self._last = self._last, now
        return now - last


def time_budget(minutes: float) -> Any:
    """A Keras callback that stops training after `minutes`; the time before an interruption counts.

    Training stops at the end of a chunk of steps; the epoch it is in is validated and counts, as in Keras' own `fit`.
    """
    import keras

    class TimeBudget(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seconds_spent = 0.0
            self.is_spent = False

        def on_train_begin(self, logs: Any = None) -> None:
            self._stopwatch = _Stopwatch()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seconds_spent += self._stopwatch.lap()
            if self.seconds_spent >= 60 * minutes:
                self.model.stop_training = True
                self.is_spent = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.on_train_batch_end(epoch)

    return TimeBudget()

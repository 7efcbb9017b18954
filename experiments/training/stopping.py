"""Ways to stop early: signals, and a budget of time."""

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """A signal asked for the end; the checkpoint, where checkpoints are kept, has been committed."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum


class StopRequest:
    """While entered, the first SIGINT or SIGTERM is a request that `train` meets at the end of its chunk of steps.

    A second SIGINT ends the process at once with status 130: from a thread of its own, since Python runs signal
    handlers only between two bytecodes of the main thread, which may be seconds away in a compiler. One SIGINT and one
    SIGTERM are one request: at Ctrl-C a sweep's job may get both, in either order.
    Outside of the main thread, where Python allows no handlers, nothing is installed.

    A request that came after the last chunk is met on leaving: none is lost.
    """

    def __init__(self) -> None:
        self.signum: int | None = None

    def __enter__(self) -> Self:
        self._installed = threading.current_thread() is threading.main_thread()
        if self._installed:
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            self._old_handlers = {number: signal.signal(number, self._request) for number in SIGNALS}
            self._old_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._watcher = threading.Thread(target=self._watch, daemon=True)
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.set_wakeup_fd(self._old_wakeup)
            for number, handler in self._old_handlers.items():
                signal.signal(number, handler)
            os.close(self._writer)
            self._watcher.join()
            os.close(self._reader)
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raises:
        Interrupted: a signal has come.
        """
        if self.signum is not None:
            raise Interrupted(self.signum)

    def _request(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is None:
            self.signum = signum

    def _watch(self) -> None:
        requested = False
        while received := os.read(self._reader, 1):
            if received[0] == signal.SIGINT:
                if requested:
                    os._exit(128 + signal.SIGINT)
                requested = True


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
                self.is_spent = True
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.on_train_batch_end(epoch)

    return TimeBudget()

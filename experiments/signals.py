"""SIGINT and SIGTERM outside of training, which has its own way with them (`training.StopRequest`)."""

import signal
import threading
from types import TracebackType
from typing import Any, Self

from experiments.training import Interrupted


class SignalsRaise:
    """SIGINT and SIGTERM as an exception where training does not wait for either.

    SIGINT too: a process that a shell started in the background ignores it otherwise. While the end is written, only
    another SIGINT counts: at Ctrl-C a sweep's worker gets one, and a SIGTERM from its parent.
    """

    def __enter__(self) -> Self:
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            self._before = {number: signal.signal(number, self._raise) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def let_it_end(self) -> None:
        """From here on SIGTERM is too late."""
        if self._before:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _raise(self, signum: int, frame: Any) -> None:
        raise Interrupted(signum)

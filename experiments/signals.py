"""SIGINT and SIGTERM: asked for once, met at the safe points of our own code, and by a watchdog where none comes.

A handler must not raise: what it interrupts is mostly a library, and Keras makes another exception of whatever it
meets. So a signal is only noted, and `check` raises between two steps of ours. An import, a compilation or a library's
call may last for many seconds, in which Python runs no handler; the operating system's part of a handler runs all the
same and writes into a pipe, which a thread reads. Where no safe point comes in time that thread writes the end and
leaves, which is safe because every file is complete or not there, and a run resumes exactly after a kill.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import NoReturn, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_SECONDS = 1.5  # with what does not come to a safe point
ENDING_SECONDS = 10.0  # for the last files, once a safe point was reached
HELD_SECONDS = 40.0  # for a checkpoint that is being committed, and for workers that commit theirs
WRITING_SECONDS = 5.0  # for what the watchdog writes itself
LOOK_SECONDS = 0.05


class Interrupted(Exception):
    """A signal asked for the end; the checkpoint, where checkpoints are kept, has been committed."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum


class StopRequest:
    """While it is installed, the first SIGINT or SIGTERM is a request to stop, which `check` meets.

    Where nothing is to be written (`ending_with`), the process leaves at once, with status 128 + signal. A second
    SIGINT leaves at once everywhere. One SIGINT and one SIGTERM are one request: at Ctrl-C a sweep's worker gets one
    from the terminal and one from its parent, in either order.
    """

    def __init__(self) -> None:
        self._installed = False
        self._entered: list[bool] = []  # whether that installed it
        self._ends: list[tuple[Callable[[int], object], bool]] = []
        self._reset()

    def install(self) -> bool:
        """Take the signals over, once; return whether that was done now.

        Outside of the main thread, where Python allows no handlers, nothing happens. SIGINT is taken where it is
        ignored too, as it is by what a shell starts in the background.
        """
        if self._installed or threading.current_thread() is not threading.main_thread():
            return False
        self._reset()
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._old_handlers = {number: signal.signal(number, self._note) for number in SIGNALS}
        self._old_wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="signals")
        self._watcher.start()
        self._installed = True
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a worker is started with them held back
        return True

    def _reset(self) -> None:
        self.signum: int | None = None
        self._asked_at: float | None = None  # when the watcher learnt of it
        self._is_met = False  # at a safe point
        self._deadline = 0.0  # of the watcher's patience
        self._held = 0
        self._sigints = 0

    def uninstall(self) -> None:
        """Give the handlers back."""
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        os.close(self._writer)
        self._watcher.join()
        os.close(self._reader)
        self._installed = False

    def __enter__(self) -> Self:
        self._entered.append(self.install())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._entered.pop():
            self.uninstall()

    @property
    def is_for_good(self) -> bool:
        """Whether it is installed until the process ends."""
        return self._installed and not any(self._entered)

    def check(self) -> None:
        """A safe point.

        Raises:
            Interrupted: a signal has come.
        """
        if self.signum is None:
            return
        if not self._is_met:
            self._is_met, self._deadline = True, time.monotonic() + ENDING_SECONDS
        raise Interrupted(self.signum)

    @contextmanager
    def ending_with(self, write: Callable[[int], object], *, at_once: bool = False) -> Iterator[None]:
        """While entered, a signal waits for a safe point, and the watchdog calls `write(signum)` where none comes.

        `write` is called in another thread while the main thread goes on, innermost first; what it raises is lost.
        `at_once`: there is nothing to wait for.
        """
        end = (write, not at_once)
        self._ends.append(end)
        try:
            yield
        finally:
            self._ends.remove(end)

    @contextmanager
    def held(self, really: bool = True) -> Iterator[None]:
        """While entered, the watchdog waits for longer: a safe point follows soon, and must not be cut off."""
        if not (really and self._installed):
            yield
            return
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if self._asked_at is not None:
                self._deadline = time.monotonic() + (ENDING_SECONDS if self._is_met else PATIENCE_SECONDS)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is None:
            self.signum = signum
        with suppress(OSError):  # for the watcher, should a library have taken the pipe away from the signals
            os.write(self._writer, b"\0")

    def _watch(self) -> None:
        while True:
            wait = None if self._asked_at is None else LOOK_SECONDS
            if select.select([self._reader], [], [], wait)[0]:
                numbers = os.read(self._reader, 64)
                if not numbers:
                    return
                for number in numbers:
                    self._received(number)
            if self._asked_at is not None and self._is_time(self._asked_at):
                self._end()

    def _received(self, number: int) -> None:
        if number in SIGNALS:
            self._sigints += number == signal.SIGINT
            if self.signum is None:
                self.signum = number
        if self.signum is not None and self._asked_at is None:
            self._asked_at = time.monotonic()
            if not self._is_met:
                self._deadline = self._asked_at + PATIENCE_SECONDS

    def _is_time(self, asked_at: float) -> bool:
        if self._sigints > 1:
            return True
        if self._held:
            return time.monotonic() > asked_at + HELD_SECONDS
        waits = self._is_met or any(waits for _, waits in list(self._ends))
        return not waits or time.monotonic() > self._deadline

    def _end(self) -> NoReturn:
        assert self.signum is not None
        writing = threading.Thread(target=self._write_ends, args=(self.signum,), daemon=True)
        writing.start()
        writing.join(WRITING_SECONDS)
        os._exit(128 + self.signum)

    def _write_ends(self, signum: int) -> None:
        for write, _ in reversed(list(self._ends)):
            with suppress(Exception):
                write(signum)
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()


stop = StopRequest()
"""The process's own, installed by its entry points; where it is not, signals are Python's as ever."""

"""A serial sweep's reports, drawn while the next job trains, which seldom keeps all cores busy."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from experiments.signals import Interrupted
from experiments.text import plain


class Drawing:
    """Writes reports one after another in a thread of its own, at most one of which waits.

    What was not written when the sweep is interrupted is written when it goes on.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing")
        self._last: Future[None] | None = None

    def later(self, write: Callable[[], None]) -> None:
        """Write soon; at once where the process has one core only."""
        if (os.cpu_count() or 1) == 1:
            write()
            return
        self.wait()
        self._last = self._thread.submit(write)

    def wait(self) -> None:
        """Wait for what was begun. A report that cannot be written, such as on a full disk, ends no sweep."""
        if self._last is not None:
            try:
                self._last.result()
            except Interrupted:
                pass
            except Exception as error:
                print(f"a report could not be written: {type(error).__name__}: {plain(str(error))}", file=sys.stderr)
            self._last = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.wait()
        self._thread.shutdown(cancel_futures=True)

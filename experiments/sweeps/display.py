"""What a person sees of a sweep: on a terminal a live table of its jobs, elsewhere a line at each job's end."""

import threading
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.console import UNLIMITED, console, metric
from experiments.reports.wording import duration
from experiments.sweeps import table
from experiments.sweeps.leaderboard import Leaderboard, described
from experiments.sweeps.ledger import PENDING, UNFINISHED, Ledger, State
from experiments.text import plain

LOOK_SECONDS = 0.5
MAX_ROWS = 30  # of the live table; the jobs that run and those that ended last


class SweepProgress:
    """Follows the jobs' folders from a thread of its own, whichever process the jobs run in."""

    def __init__(self, ledger: Ledger, *, out: Console | None = None) -> None:
        self._ledger = ledger
        self._out = out or console()
        self._said: set[int] = set()
        self._before: set[int] = set()
        self._to_do: dict[int, dict[str, Any]] = {}
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        states = self._ledger.states()
        self._to_do = {state.job.number: state.record for state in states if state.status in UNFINISHED}
        self._before = {state.job.number for state in states if self._has_ended(state)}
        self._said |= self._before
        self._out.print(
            f"{plain(self._ledger.plan['name'])}: {self._what()} into {plain(self._ledger.folder)}"
            + (f", {len(self._before)} of which have ended" if self._before else ""),
            style="bold",
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _what(self) -> str:
        search = self._ledger.search
        kind, what = ("search", "trial") if search else ("sweep", "job")
        return f"a {kind} of {self._ledger.size} {what}{'' if self._ledger.size == 1 else 's'}"

    def _follow(self) -> None:
        if not self._out.is_interactive:
            while not self._ended.wait(LOOK_SECONDS):
                self._say()
            self._say()
            return
        with Live(console=self._out, auto_refresh=False, transient=True) as live:
            while not self._ended.wait(LOOK_SECONDS):
                live.update(self._table(self._ledger.states()), refresh=True)

    def _say(self) -> None:
        for state in self._ledger.states():
            if self._has_ended(state) and state.job.number not in self._said:
                self._said.add(state.job.number)
                self._out.print(self._line(state))

    def _line(self, state: State) -> str:
        accuracy = state.metric("validation.accuracy")
        parts = [f"{state.status}" + (f", validation accuracy {metric(accuracy)}" if accuracy is not None else "")]
        parts += [duration(state.record.get("duration_seconds"))] if state.record.get("duration_seconds") else []
        parts += [plain(state.error)] if state.error else []
        done = f"[{len(self._said)}/{self._ledger.size}]"
        return f"{done} job {state.job.number}, {plain(described(state.job.swept))}: {', '.join(parts)}"

    def _has_ended(self, state: State) -> bool:
        """Whether a job has ended by now; one that was to go on has not, as long as it stands where it stood."""
        if state.status in (PENDING, "running"):
            return False
        return state.job.number not in self._to_do or state.record != self._to_do[state.job.number]

    def _table(self, states: list[State]) -> Table:
        done = [state for state in states if self._has_ended(state)]
        here = len(done) - len(self._before)
        left = self._ledger.size - len(done)
        eta = duration((time.monotonic() - self._began) / here * left) if here else "?"
        table = Table(
            "job",
            "setting",
            "status",
            "epochs",
            "val accuracy",
            "time",
            box=None,
            title=f"{len(done)} of {self._ledger.size} jobs, ETA {eta}",
        )
        shown = [state for state in states if state.status != PENDING][-MAX_ROWS:]
        for state in shown:
            table.add_row(
                str(state.job.number),
                plain(described(state.job.swept)),
                state.status,
                str(state.record.get("epochs_completed", "")),
                metric(state.metric("validation.accuracy")) if state.metric("validation.accuracy") is not None else "",
                duration(state.record.get("duration_seconds")),
            )
        return table


def leaderboard(board: Leaderboard, *, out: Console | None = None) -> None:
    """The final table, the verdict, and each failure with its cause."""
    out = out or console(UNLIMITED)
    shown = Table(*map(plain, table.heading(board)), box=None, pad_edge=False)
    for cells in table.groups(board):
        shown.add_row(*map(plain, cells))
    out.print()
    out.print(shown)
    out.print()
    out.print(plain(board.verdict), style="bold")

"""Leaderboard → the cells that every form of it shows: console, Markdown and page say the same."""

from collections.abc import Callable

from experiments.reports.wording import duration
from experiments.sweeps.leaderboard import TEST, Group, Leaderboard, Summary
from experiments.sweeps.ledger import State


def heading(board: Leaderboard) -> list[str]:
    """The columns of `groups`."""
    best = ["best run"] if board.is_repeated else []
    return ["rank", *board.setting, board.metric, "n", TEST, "epochs", "time", "status", *best, "folder"]


def groups(board: Leaderboard) -> list[list[str]]:
    """A line a setting, best first: figures are means ± standard deviations of the `n` runs that have a result."""
    return [
        [
            str(number) if group.ranked.values else "",
            *(group.swept.get(key, "") for key in board.setting),
            in_words(group.ranked),
            str(len(group.ranked.values)),
            in_words(group.of(TEST)),
            _epochs(group),
            in_words(group.recorded("duration_seconds"), duration),
            statuses(group.states),
            *([group.best.folder.name if group.best else ""] if board.is_repeated else []),
            ", ".join(state.folder.name for state in group.states),
        ]
        for number, group in enumerate(board.groups, start=1)
    ]


def job_heading(board: Leaderboard) -> list[str]:
    """The columns of `jobs`."""
    return ["job", *board.keys, board.metric, TEST, "epochs", "time", "status"]


def jobs(board: Leaderboard) -> list[list[str]]:
    """A line a job, in the order of their numbers."""
    return [
        [
            str(state.job.number),
            *(state.job.swept.get(key, "") for key in board.keys),
            _number(state.metric(board.metric)),
            _number(state.metric(TEST)),
            str(state.record.get("epochs_completed") or ""),
            "" if state.record.get("duration_seconds") is None else duration(state.record["duration_seconds"]),
            state.status,
        ]
        for state in board.states
    ]


def statuses(states: list[State]) -> str:
    """`completed`, or `2 completed, 1 failed`."""
    counts = {
        status: sum(state.status == status for state in states) for status in dict.fromkeys(s.status for s in states)
    }
    return ", ".join(status if count == len(states) else f"{count} {status}" for status, count in counts.items())


def in_words(summary: Summary, form: Callable[[float], str] | None = None) -> str:
    """`0.9100 ± 0.0050`; of one value no deviation, of none nothing."""
    form = form or _number
    if summary.mean is None:
        return ""
    return form(summary.mean) + ("" if summary.deviation is None else f" ± {form(summary.deviation)}")


def _epochs(group: Group) -> str:
    """How many each run trained: `20`, or from the fewest to the most."""
    counts = [int(count) for count in group.recorded("epochs_completed").values]
    counts = counts or [int(state.record.get("epochs_completed") or 0) for state in group.states]
    least, most = min(counts), max(counts)
    return "" if not most else str(most) if least == most else f"{least}–{most}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if abs(value) < 1e5 else f"{value:.3e}"

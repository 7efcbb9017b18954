"""Ledger → the files of the sweep's folder, complete after every job's end."""

import csv
import io
from pathlib import Path
from typing import Any

from experiments.files import write_json, write_text
from experiments.sweeps.leaderboard import Leaderboard, described, rank
from experiments.sweeps.ledger import PRUNED, SWEEP, Ledger, State
from experiments.text import markdown, plain

METRICS = ("validation.accuracy", "validation.loss", "train.accuracy", "train.loss", "test.accuracy", "test.loss")


def refresh(ledger: Ledger) -> Leaderboard:
    """Write sweep.json, leaderboard.csv and leaderboard.md anew.

    One process at a time, so that none writes an old state over a new one.
    """
    with ledger.held():
        board = rank(ledger.states(), ledger.plan["metric"])
        jobs = [
            job | {"status": state.status, "error": state.error, "metrics": state.record.get("metrics", {})}
            for job, state in zip(ledger.plan["jobs"], board.states, strict=True)
        ]
        write_json(ledger.folder / SWEEP, ledger.plan | {"jobs": jobs, "verdict": board.verdict})
        write_text(ledger.folder / "leaderboard.csv", _csv(board))
        write_text(ledger.folder / "leaderboard.md", _markdown(ledger, board))
    return board


def rows(board: Leaderboard) -> list[dict[str, Any]]:
    """One row a job, best group first: rank, job, status, swept keys, the group's statistics, metrics, error."""
    found = []
    for number, group in enumerate(board.groups, start=1):
        for state in group.states:
            low, high = group.interval or (None, None)
            found.append(
                {
                    "rank": number if group.values else None,
                    "job": state.job.number,
                    "status": state.status,
                    **{key: state.job.swept.get(key) for key in board.keys},
                    "n": len(group.values),
                    "mean": group.mean,
                    "standard_deviation": group.deviation,
                    "interval_low": low,
                    "interval_high": high,
                    **{name: state.metric(name) for name in METRICS},
                    "epochs": state.record.get("epochs_completed"),
                    "seconds": state.record.get("duration_seconds"),
                    "folder": state.folder.name,
                    "error": state.error,
                }
            )
    return found


def _csv(board: Leaderboard) -> str:
    text = io.StringIO()
    table = rows(board)
    writer = csv.DictWriter(text, list(table[0]) if table else ["rank", "job", "status"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def _markdown(ledger: Ledger, board: Leaderboard) -> str:
    keys = [key for key in board.keys if key != "seed"] or board.keys
    header = ["rank", *keys, board.metric, "n", "test.accuracy", "status", "folder"]
    lines = [
        f"# {markdown(ledger.plan['name'])}",
        "",
        markdown(board.verdict),
        "",
        f"| {' | '.join(markdown(name) for name in header)} |",
        f"|{' --- |' * len(header)}",
    ]
    for number, group in enumerate(board.groups, start=1):
        cells = [
            str(number) if group.values else "",
            *(group.swept.get(key, "") for key in keys),
            _with_deviation(group.mean, group.deviation),
            str(len(group.values)),
            _number(group.best.metric("test.accuracy")),
            _statuses(group.states),
            ", ".join(state.folder.name for state in group.states),
        ]
        lines.append(f"| {' | '.join(markdown(cell) for cell in cells)} |")
    failures = [state for state in board.states if state.error]
    if failures:
        lines += ["", "## Failures", ""]
        lines += [f"- job {state.job.number}, {state.status}: {markdown(state.error)}" for state in failures]
    return "\n".join([*lines, ""])


def _statuses(states: list[State]) -> str:
    counts = {
        status: sum(state.status == status for state in states) for status in dict.fromkeys(s.status for s in states)
    }
    return ", ".join(status if count == len(states) else f"{count} {status}" for status, count in counts.items())


def _with_deviation(mean: float | None, deviation: float | None) -> str:
    return _number(mean) + (f" ± {deviation:.4f}" if deviation is not None else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def failures(board: Leaderboard) -> list[str]:
    """Each job that did not complete, with its cause, a line each."""
    return [
        f"job {state.job.number} ({described(state.job.swept)}): {state.status}"
        + (f", {plain(state.error)}" if state.error else "")
        for state in board.states
        if state.status not in ("completed", PRUNED)
    ]


def folder_of(board: Leaderboard) -> Path | None:
    """The folder of the best run."""
    return board.groups[0].best.folder if board.groups and board.groups[0].values else None

"""Ledger → the files of the sweep's folder, complete after every job's end."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.files import write_json, write_text
from experiments.sweeps import table
from experiments.sweeps.leaderboard import TEST, Leaderboard, described, rank
from experiments.sweeps.ledger import PRUNED, SWEEP, Ledger
from experiments.text import cell, markdown, plain

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
    """One row a job, best group first: rank, job, status, swept keys, the group's statistics, metrics, error.

    `n`, means, deviations and the interval are the group's; from `is_best` (the group's best run) on, all is the job's.
    """
    found = []
    for number, group in enumerate(board.groups, start=1):
        ranked, test, seconds = group.ranked, group.of(TEST), group.recorded("duration_seconds")
        best = group.best
        low, high = ranked.interval or (None, None)
        found += [
            {
                "rank": number if ranked.values else None,
                "job": state.job.number,
                "status": state.status,
                **{key: state.job.swept.get(key) for key in board.keys},
                "n": len(ranked.values),
                "mean": ranked.mean,
                "standard_deviation": ranked.deviation,
                "interval_low": low,
                "interval_high": high,
                "test.accuracy_mean": test.mean,
                "test.accuracy_standard_deviation": test.deviation,
                "seconds_mean": seconds.mean,
                "seconds_standard_deviation": seconds.deviation,
                "is_best": best is not None and state.job.number == best.job.number,
                **{name: state.metric(name) for name in METRICS},
                "epochs": state.record.get("epochs_completed"),
                "seconds": state.record.get("duration_seconds"),
                "folder": state.folder.name,
                "error": state.error,
            }
            for state in group.states
        ]
    return found


def _csv(board: Leaderboard) -> str:
    text = io.StringIO()
    lines = rows(board)
    writer = csv.DictWriter(text, list(lines[0]) if lines else ["rank", "job", "status"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in line.items()} for line in lines)
    return text.getvalue()


def _markdown(ledger: Ledger, board: Leaderboard) -> str:
    lines = [f"# {markdown(ledger.plan['name'])}", "", markdown(board.verdict), ""]
    lines += _table(table.heading(board), table.groups(board))
    if board.is_repeated:
        lines += ["", "## Jobs", "", *_table(table.job_heading(board), table.jobs(board))]
    failures = [state for state in board.states if state.error]
    if failures:
        lines += ["", "## Failures", ""]
        lines += [f"- job {state.job.number}, {state.status}: {markdown(state.error)}" for state in failures]
    return "\n".join([*lines, ""])


def _table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(map(markdown, heading))} |",
        f"|{' --- |' * len(heading)}",
        *(f"| {' | '.join(map(markdown, cells))} |" for cells in lines),
    ]


def failures(board: Leaderboard) -> list[str]:
    """Each job that did not complete, with its cause, a line each."""
    return [
        f"job {state.job.number} ({described(state.job.swept)}): {state.status}"
        + (f", {plain(state.error)}" if state.error else "")
        for state in board.states
        if state.status not in ("completed", PRUNED)
    ]


def folder_of(board: Leaderboard) -> Path | None:
    """The folder of the best run of the best setting."""
    return board.best.folder if board.best else None

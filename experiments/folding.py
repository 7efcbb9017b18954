"""The jobs of a sweep as one row of `python -m experiments list`."""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments import folders, runs
from experiments.dotted import value_at
from experiments.listing import SHORT, Found, SweepRow, value_of

FEW = 3  # different values of a column, up to which each is shown
SPLITS = ("train.", "validation.", "test.")


def folded(chosen: Sequence[Found], everything: Sequence[Found], keys: Sequence[str]) -> list[Found]:
    """Rows of runs and sweeps in the order of `chosen`: the jobs of a sweep are one row, where the first of them stood.

    A sweep's row has the metrics of its best job by the sweep's own metric, the time of all jobs, and of other keys
    the value, or the few values, that the jobs have. `everything` tells how many jobs there are, chosen or not.
    """
    sweeps = {parent for parent in {folder.parent for folder, _ in everything} if _is_sweep(parent)}
    total = Counter(folder.parent for folder, _ in everything)
    members: dict[Path, list[Found]] = {}
    for found in chosen:
        folder = found[0]
        members.setdefault(folder.parent if folder.parent in sweeps else folder, []).append(found)
    return [
        (folder, SweepRow({key: _value(folder, jobs, key, total[folder]) for key in keys}))
        if folder in sweeps
        else jobs[0]
        for folder, jobs in members.items()
    ]


def _is_sweep(folder: Path) -> bool:
    return os.path.isfile(folder / folders.SWEEP)


def _value(folder: Path, jobs: Sequence[Found], key: str, total: int) -> Any:
    path = SHORT.get(key, key)
    if path == "folder":
        return str(folder)
    if path == "jobs":
        return total if len(jobs) == total else f"{len(jobs)} of {total}"
    if path.removeprefix("metrics.").startswith(SPLITS):
        return value_of(_best(jobs), key)
    values = [value for found in jobs if (value := value_of(found, key)) is not None]
    return _COMBINED.get(path, _common)(values)


def _total(values: Sequence[Any]) -> float:
    return round(sum(value for value in values if isinstance(value, int | float)), 3)


def _statuses(values: Sequence[Any]) -> str:
    counts = Counter(map(str, values)).most_common()
    return counts[0][0] if len(counts) == 1 else ", ".join(f"{count} {status}" for status, count in counts)


def _common(values: Sequence[Any]) -> Any:
    """The one value, the few, or how many; None where there is none."""
    different = list({str(value): value for value in values}.values())
    if len(different) <= 1:
        return different[0] if different else None
    if all(isinstance(value, list) for value in different):  # tags
        return list(dict.fromkeys(each for value in different for each in value if isinstance(each, str)))
    return sorted(different, key=_order) if len(different) <= FEW else f"{len(different)} values"


_COMBINED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "status": _statuses,
    "duration_seconds": _total,
    "started_at": lambda values: min(map(str, values), default=None),
    "finished_at": lambda values: max(map(str, values), default=None),
}


def _order(value: Any) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return not is_number, value if is_number else 0.0, str(value)


def _best(jobs: Sequence[Found]) -> Found:
    """The best of the completed jobs by the metric that ranks the sweep, or the first job."""
    metric = str(value_at(jobs[0][1], "config.sweep.metric", "validation.accuracy"))
    sign = -1 if metric.endswith("loss") else 1
    done = [
        (sign * value, found)
        for found in jobs
        if runs.outcome(found[1]) == "completed" and isinstance(value := _metric(found[1], metric), int | float)
    ]
    return max(done, key=lambda each: each[0])[1] if done else jobs[0]


def _metric(record: Mapping[str, Any], metric: str) -> Any:
    return value_at(record, f"metrics.{metric}")

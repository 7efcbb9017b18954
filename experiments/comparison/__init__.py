"""Run folders → what differs between them, and whether it made a difference. Nothing is printed or written here."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments import runs
from experiments.comparison.folders import ComparedRun, RowsOfTest, read_all
from experiments.comparison.seeds import GroupTest, SeedGroup, group_tests, groups_of
from experiments.comparison.significance import ALPHA, Paired, corrected, paired
from experiments.dotted import value_at
from experiments.evaluation import wilson_interval

DATA = ("name", "fingerprint", "sizes", "validation_is_test")
WILSON = "test accuracy, 95 % interval"


@dataclass(frozen=True)
class Differences:
    """Dotted key → one value a run, None where it has none; `unrecorded`: labels of runs that wrote nothing down."""

    rows: dict[str, list[Any]]
    unrecorded: list[str]


@dataclass(frozen=True, eq=False)
class PairTest:
    """Two runs on the same test rows; `first` is the more accurate. `p_corrected`: for the number of tests."""

    first: str
    second: str
    result: Paired
    p_corrected: float

    @property
    def distinguishable(self) -> bool:
        return self.p_corrected < ALPHA


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that can be said of some runs side by side. `metrics`: name → one value a run, None where it has none.

    `tested`: the test rows there are, with the labels of the runs that were tested on them.
    """

    runs: list[ComparedRun]
    config: Differences
    data: Differences
    environment: Differences
    metrics: dict[str, list[Any]]
    tested: dict[RowsOfTest, list[str]]
    pair_tests: list[PairTest]
    groups: list[SeedGroup]
    group_tests: list[GroupTest]


def compare(folders: Sequence[Path]) -> Comparison:
    """Compare the runs in two or more folders; a sweep's folder stands for its completed jobs.

    Runs with the same test rows are tested against the most accurate of them, groups of seeds against the best one;
    tests are in order of accuracy, so that the first is of the best and the runner-up.

    Raises:
        UserError: a folder holds no run or is named twice, there are fewer than two runs, or a file is broken.
    """
    found = read_all(folders)
    by_rows: dict[RowsOfTest, list[ComparedRun]] = {}
    for run in found:
        if run.tested:
            by_rows.setdefault(run.tested, []).append(run)
    groups = groups_of(found)
    data = {run.label: {key: value for key, value in run.part("dataset").items() if key in DATA} for run in found}
    return Comparison(
        runs=found,
        config=_differences({run.label: run.part("config") for run in found}),
        data=_differences(data),
        environment=_differences({run.label: run.part("environment") for run in found}),
        metrics=_metrics(found),
        tested={rows: [run.label for run in members] for rows, members in by_rows.items()},
        pair_tests=_pair_tests(list(by_rows.values())),
        groups=groups,
        group_tests=group_tests(groups, found),
    )


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Everything as plain values; the test rows themselves stay in predictions.npz."""
    return {
        "runs": [
            {"label": run.label, "folder": str(run.folder)}
            | {key: run.record.get(key) for key in ("name", "status", "error", "seed")}
            | {"history": {name: run.history.column(name) for name in ("epoch", "val_loss", "val_accuracy")}}
            for run in comparison.runs
        ],
        "config": asdict(comparison.config),
        "data": asdict(comparison.data),
        "environment": asdict(comparison.environment),
        "metrics": comparison.metrics,
        "test_rows": [
            {"runs": labels, "name": rows.name, "fingerprint": rows.fingerprint, "rows": rows.rows}
            | {"chosen": dict(rows.chosen)}
            for rows, labels in comparison.tested.items()
        ],
        "pair_tests": [
            {"first": test.first, "second": test.second, **asdict(test.result)}
            | {"p_corrected": test.p_corrected, "distinguishable": test.distinguishable}
            for test in comparison.pair_tests
        ],
        "groups": [
            {key: getattr(group, key) for key in ("number", "labels", "seeds", "setting", "values")}
            | {"mean": group.mean, "deviation": group.deviation, "interval": group.interval}
            for group in comparison.groups
        ],
        "group_tests": [
            {"first": test.first.number, "second": test.second.number}
            | {
                key: getattr(test, key)
                for key in ("difference", "p", "p_corrected", "distinguishable", "rows_interval")
            }
            for test in comparison.group_tests
        ],
    }


def _differences(contents: dict[str, dict[str, Any]]) -> Differences:
    recorded = [content for content in contents.values() if content]
    names = dict.fromkeys(key for other in recorded[1:] for key, _, _ in runs.differences(recorded[0], other))
    rows = {name: [value_at(content, name) for content in contents.values()] for name in names}
    return Differences(rows, [label for label, content in contents.items() if not content])


def _metrics(found: Sequence[ComparedRun]) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {
        f"{split} {metric}": [value_at(run.part("metrics"), f"{split}.{metric}") for run in found]
        for split in ("train", "validation", "test")
        for metric in ("loss", "accuracy")
    }
    rows[WILSON] = [_wilson(run) for run in found]
    rows["epochs"] = [run.record.get("epochs_completed") for run in found]
    rows["duration"] = [run.record.get("duration_seconds") for run in found]
    rows["seconds per epoch"] = [run.part("throughput").get("seconds_per_epoch") for run in found]
    rows["parameters"] = [run.part("model").get("parameters") for run in found]
    return rows


def _wilson(run: ComparedRun) -> tuple[float, float] | None:
    rows = value_at(run.part("dataset"), "sizes.test")
    return wilson_interval(round(run.test_accuracy * rows), rows) if run.test_accuracy is not None and rows else None


def _pair_tests(by_rows: Sequence[Sequence[ComparedRun]]) -> list[PairTest]:
    pairs = []
    for members in by_rows:
        right = {run.label: run.right for run in members if run.right is not None}
        best, *others = sorted(right, key=lambda label: -right[label].sum())
        pairs += [(best, label, paired(right[best], right[label])) for label in others]
    p_values = corrected([result.p for _, _, result in pairs])
    return [PairTest(*pair, p) for pair, p in zip(pairs, p_values, strict=True)]

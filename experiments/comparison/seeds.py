"""Runs that differ in their seed only, taken as one: settings compared over seeds."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments import runs
from experiments.comparison.folders import ComparedRun, RowsOfTest
from experiments.comparison.significance import ALPHA, bootstrap_interval, corrected, mean_interval, welch
from experiments.dotted import value_at
from experiments.provenance import NOT_OF_THE_RESULT

_ABSENT = object()


@dataclass(frozen=True, eq=False)
class SeedGroup:
    """Two or more completed runs that differ in nothing but their seed; a seed that was run twice counts once.

    `setting`: the keys in which the groups differ, with this one's values. `values`: test accuracies, a run each.
    """

    number: int
    labels: list[str]
    seeds: list[int]
    setting: dict[str, Any]
    values: list[float]
    tested: RowsOfTest | None  # None where the runs' test rows are not known to be the same

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float:
        """Sample standard deviation."""
        return statistics.stdev(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """Student's 95 % interval of the mean, over seeds."""
        return mean_interval(self.values)


@dataclass(frozen=True, eq=False)
class GroupTest:
    """Two groups on the same test rows; `first` has the higher mean, by `difference`.

    `p`: of Welch's test, None where neither group varies; `p_corrected`: for the number of tests.
    `rows_interval`: 95 % interval of the difference for these very networks and other test rows (paired bootstrap).
    """

    first: SeedGroup = field(repr=False)
    second: SeedGroup = field(repr=False)
    difference: float
    p: float | None
    p_corrected: float | None
    rows_interval: tuple[float, float] | None

    @property
    def distinguishable(self) -> bool:
        return self.p_corrected is not None and self.p_corrected < ALPHA


def groups_of(found: Sequence[ComparedRun]) -> list[SeedGroup]:
    """Gather completed runs by all that decides their results but the seed; single runs are left out."""
    gathered: dict[str, tuple[dict[str, Any], dict[Any, ComparedRun]]] = {}
    for run in found:
        if runs.outcome(run.record) == "completed" and run.test_accuracy is not None and run.part("config"):
            setting = _without(run.part("config"), NOT_OF_THE_RESULT | {"seed": True})
            key = json.dumps([setting, run.part("dataset").get("fingerprint")], sort_keys=True)
            gathered.setdefault(key, (setting, {}))[1].setdefault(run.record.get("seed"), run)
    kept = [(setting, members) for setting, members in gathered.values() if len(members) > 1]
    keys = dict.fromkeys(key for setting, _ in kept for key, _, _ in runs.differences(kept[0][0], setting))
    groups = []
    for number, (setting, members) in enumerate(kept, 1):
        tested = {run.tested for run in members.values()}
        own = {key: value_at(setting, key, _ABSENT) for key in keys}
        groups.append(
            SeedGroup(
                number=number,
                labels=[run.label for run in members.values()],
                seeds=list(members),
                setting={key: value for key, value in own.items() if value is not _ABSENT},
                values=[float(run.test_accuracy or 0.0) for run in members.values()],
                tested=tested.pop() if len(tested) == 1 else None,
            )
        )
    return groups


def group_tests(groups: Sequence[SeedGroup], found: Sequence[ComparedRun]) -> list[GroupTest]:
    """On each test split the group with the highest mean against each other one, the runner-up first."""
    right = {run.label: run.right for run in found if run.right is not None}
    pairs: list[tuple[SeedGroup, SeedGroup]] = []
    for split in dict.fromkeys(group.tested for group in groups if group.tested):
        members = [group for group in groups if group.tested == split]
        best, *others = sorted(members, key=lambda group: -group.mean)
        pairs += [(best, group) for group in others]
    p_values = [welch(first.values, second.values) for first, second in pairs]
    p_corrected = iter(corrected([p for p in p_values if p is not None]))
    return [
        GroupTest(
            first,
            second,
            difference=first.mean - second.mean,
            p=p,
            p_corrected=None if p is None else next(p_corrected),
            rows_interval=bootstrap_interval(_share_right(first, right) - _share_right(second, right)),
        )
        for (first, second), p in zip(pairs, p_values, strict=True)
    ]


def _share_right(group: SeedGroup, right: Mapping[str, np.ndarray]) -> np.ndarray:
    """The share of a group's networks that have each test row right; (n,)."""
    return np.mean([right[label] for label in group.labels], axis=0)


def _without(values: Mapping[str, Any], left_out: Any) -> dict[str, Any]:
    """A config without the keys that pydantic's `exclude` would leave out; run.json may be of an older schema."""
    kept = {}
    for key, value in values.items():
        inner = left_out.get(key) if isinstance(left_out, dict) else key in left_out
        if inner is not True:
            kept[key] = _without(value, inner) if inner and isinstance(value, dict) else value
    return kept

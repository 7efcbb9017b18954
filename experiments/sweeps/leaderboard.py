"""Jobs' states → a ranking that is honest about chance: by a validation metric, repeated seeds as one."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.comparison.significance import ALPHA, mean_interval, welch
from experiments.evaluation import wilson_interval
from experiments.sweeps.ledger import State

SEED = "seed"


@dataclass(frozen=True)
class Group:
    """Jobs that differ in their seed only. `values`: the metric of each that completed."""

    swept: dict[str, str]
    states: list[State]
    values: list[float]

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's 95 % interval of the mean."""
        return mean_interval(self.values) if len(self.values) > 1 else None

    @property
    def best(self) -> State:
        """One job to look at: the first that completed, or the first."""
        return next((state for state in self.states if state.status == "completed"), self.states[0])


@dataclass(frozen=True)
class Leaderboard:
    """All jobs of a sweep, grouped and ranked, best first; groups without a result stand at the end."""

    metric: str
    keys: list[str]
    groups: list[Group]
    states: list[State]
    validated_on_test: bool

    @property
    def verdict(self) -> str:
        """Which setting won, and whether that can be told from chance."""
        ranked = [group for group in self.groups if group.values]
        if not ranked:
            return "No job has a result."
        first = ranked[0]
        text = f"Best by {self.metric}: {described(first.swept)} ({_value(first)})."
        if len(ranked) > 1:
            text += f" {_distinguished(self.metric, first, ranked[1])}"
        if self.validated_on_test:
            text += " Validation was the test split: the winner was chosen on the test data."
        return text


def rank(states: Sequence[State], metric: str) -> Leaderboard:
    """Group by all swept keys but the seed, and rank by `metric` (`validation.accuracy`: higher is better)."""
    keys = list(dict.fromkeys(key for state in states for key in state.job.swept))
    setting = [key for key in keys if key != SEED] or keys
    found: dict[tuple[str | None, ...], list[State]] = {}
    for state in states:
        found.setdefault(tuple(state.job.swept.get(key) for key in setting), []).append(state)
    groups = [
        Group(
            {key: text for key, text in zip(setting, texts, strict=True) if text is not None},
            members,
            [value for state in members if state.status == "completed" and (value := state.metric(metric)) is not None],
        )
        for texts, members in found.items()
    ]
    sign = 1 if metric.endswith("loss") else -1
    groups.sort(key=lambda group: (group.mean is None, sign * (group.mean or 0.0)))
    on_test = any((state.record.get("dataset") or {}).get("validation_is_test") for state in states)
    return Leaderboard(metric, keys, groups, list(states), on_test)


def described(swept: dict[str, str]) -> str:
    return ", ".join(f"{key}={text}" for key, text in swept.items())


def _value(group: Group) -> str:
    if group.interval is None:
        return f"{group.mean:.4f}"
    low, high = group.interval
    return f"mean {group.mean:.4f} of {len(group.values)}, 95 % interval {low:.4f}–{high:.4f}"


def _distinguished(metric: str, first: Group, second: Group) -> str:
    """Whether the best differs from the second by more than chance: Welch's test, or Wilson's intervals."""
    other = f"the second, {described(second.swept)} ({_value(second)})"
    if len(first.values) > 1 and len(second.values) > 1:
        p = welch(first.values, second.values)
        if p is None:
            word = "Distinguishable" if first.mean != second.mean else "Not distinguishable"
            return f"{word} from {other}: neither varies from seed to seed."
        word = "Distinguishable" if p < ALPHA else "Not distinguishable"
        return f"{word} from {other}: Welch's test, p = {p:.2g}."
    if metric != "validation.accuracy":
        return f"Whether it differs from {other} by more than chance, one run each cannot tell: repeat with seed=1,2,3."
    intervals = []
    for group in (first, second):
        rows = group.best.record["dataset"]["sizes"]["validation"]
        intervals.append(wilson_interval(round((group.mean or 0.0) * rows), rows))
    apart = intervals[0][0] > intervals[1][1]
    word = "Distinguishable" if apart else "Not distinguishable"
    how = "do not overlap" if apart else "overlap"
    return f"{word} from {other}: the 95 % intervals of the two accuracies {how}. Repeat with seed=1,2,3 to be sure."

"""Jobs' states → a ranking that is honest about chance: by a validation metric, repeated seeds as one."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.comparison.significance import ALPHA, mean_interval, welch
from experiments.dotted import value_at
from experiments.evaluation import wilson_interval
from experiments.sweeps.ledger import State

SEED = "seed"
TEST = "test.accuracy"


@dataclass(frozen=True)
class Summary:
    """What several runs come to in one figure."""

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


@dataclass(frozen=True)
class Group:
    """Jobs of one setting, which differ in their seed only. `metric` is what the leaderboard ranks by."""

    swept: dict[str, str]
    states: list[State]
    metric: str

    @property
    def completed(self) -> list[State]:
        return [state for state in self.states if state.status == "completed"]

    @property
    def ranked(self) -> Summary:
        """The metric that is ranked by, of the jobs that completed."""
        return self.of(self.metric)

    def of(self, name: str) -> Summary:
        """Another metric such as `test.accuracy`, of the jobs that completed."""
        values = (state.metric(name) for state in self.completed)
        return Summary([value for value in values if value is not None])

    def recorded(self, key: str) -> Summary:
        """A number of run.json such as `duration_seconds`, of the jobs that completed."""
        values = (state.record.get(key) for state in self.completed)
        return Summary([value for value in values if isinstance(value, int | float)])

    @property
    def best(self) -> State | None:
        """The job with the best metric, the first of several; None where none has a result."""
        has = [state for state in self.completed if state.metric(self.metric) is not None]
        return min(has, key=lambda state: direction(self.metric) * (state.metric(self.metric) or 0.0), default=None)


@dataclass(frozen=True)
class Leaderboard:
    """All jobs of a sweep, grouped and ranked, best first; groups without a result stand at the end.

    `keys`: all swept keys; `setting`: those that tell groups apart, all but the seed.
    """

    metric: str
    keys: list[str]
    groups: list[Group]
    states: list[State]
    validated_on_test: bool

    @property
    def setting(self) -> list[str]:
        return [key for key in self.keys if key != SEED]

    @property
    def is_repeated(self) -> bool:
        """Whether a setting was run with several seeds."""
        return any(len(group.states) > 1 for group in self.groups)

    @property
    def best(self) -> State | None:
        """The best run of the best setting."""
        return self.groups[0].best if self.groups else None

    @property
    def verdict(self) -> str:
        """Which setting won, and whether that can be told from chance; of seeds alone, how far they spread."""
        ranked = [group for group in self.groups if group.ranked.values]
        if not ranked:
            return "No job has a result."
        on_test = " Validation was the test split: "
        if not self.setting:
            text = _spread(ranked[0])
            return text + (f"{on_test}these are test figures." if self.validated_on_test else "")
        first = ranked[0]
        text = f"Best by {self.metric}: {described(first.swept)} ({_value(first)})."
        if len(ranked) > 1:
            text += f" {_distinguished(self.metric, first, ranked[1])}"
        return text + (f"{on_test}the winner was chosen on the test data." if self.validated_on_test else "")


def rank(states: Sequence[State], metric: str) -> Leaderboard:
    """Group by all swept keys but the seed, and rank by `metric` (`validation.accuracy`: higher is better)."""
    keys = list(dict.fromkeys(key for state in states for key in state.job.swept))
    setting = [key for key in keys if key != SEED]
    found: dict[tuple[str | None, ...], list[State]] = {}
    for state in states:
        found.setdefault(tuple(state.job.swept.get(key) for key in setting), []).append(state)
    groups = [
        Group({key: text for key, text in zip(setting, texts, strict=True) if text is not None}, members, metric)
        for texts, members in found.items()
    ]
    groups.sort(key=lambda group: (not group.ranked.values, direction(metric) * (group.ranked.mean or 0.0)))
    on_test = any((state.record.get("dataset") or {}).get("validation_is_test") for state in states)
    return Leaderboard(metric, keys, groups, list(states), on_test)


def direction(metric: str) -> int:
    """1 where less is better, -1 where more is."""
    return 1 if metric.endswith("loss") else -1


def described(swept: dict[str, str]) -> str:
    return ", ".join(f"{key}={text}" for key, text in swept.items()) or "the only setting"


def _spread(group: Group) -> str:
    """What runs that differ in their seed only come to."""
    ranked, best = group.ranked, group.best
    if len(ranked.values) == 1 and best is not None:
        return f"One run has a result: {group.metric} {ranked.mean:.4f} ({described(best.job.swept)})."
    return (
        f"{len(ranked.values)} runs that differ in their seed only: {group.metric} {_value(group)}, from"
        f" {min(ranked.values):.4f} to {max(ranked.values):.4f}. So much differs by chance alone."
    )


def _value(group: Group) -> str:
    ranked = group.ranked
    if ranked.interval is None:
        return f"{ranked.mean:.4f}"
    low, high = ranked.interval
    if group.metric.endswith("accuracy"):  # what lies beyond is no accuracy
        low, high = max(low, 0.0), min(high, 1.0)
    return (
        f"mean {ranked.mean:.4f} ± {ranked.deviation:.4f} of {len(ranked.values)}, 95 % interval {low:.4f}–{high:.4f}"
    )


def _distinguished(metric: str, first: Group, second: Group) -> str:
    """Whether the best differs from the second by more than chance: Welch's test, or Wilson's intervals."""
    other = f"the second, {described(second.swept)} ({_value(second)})"
    if len(first.ranked.values) > 1 and len(second.ranked.values) > 1:
        p = welch(first.ranked.values, second.ranked.values)
        if p is None:
            word = "Distinguishable" if first.ranked.mean != second.ranked.mean else "Not distinguishable"
            return f"{word} from {other}: neither varies from seed to seed."
        word = "Distinguishable" if p < ALPHA else "Not distinguishable"
        return f"{word} from {other}: Welch's test, p = {p:.2g}."
    samples = [value_at(group.completed[0].record, "dataset.sizes.validation") for group in (first, second)]
    if metric != "validation.accuracy" or not all(samples):
        return f"Whether it differs from {other} by more than chance, single runs cannot tell: repeat with seed=1,2,3."
    intervals = [
        wilson_interval(round((group.ranked.mean or 0.0) * size), size)
        for group, size in zip((first, second), samples, strict=True)
    ]
    apart = intervals[0][0] > intervals[1][1]
    word = "Distinguishable" if apart else "Not distinguishable"
    how = "do not overlap" if apart else "overlap"
    return f"{word} from {other}: the 95 % intervals of the two accuracies {how}. Repeat with seed=1,2,3 to be sure."

"""A comparison in words, as the console and the page say it."""

from collections.abc import Sequence
from typing import Any

from experiments.comparison import WILSON, Comparison, PairTest
from experiments.comparison.seeds import GroupTest, SeedGroup
from experiments.comparison.significance import Paired
from experiments.reports import wording

DISTINGUISHABLE = {True: "distinguishable", False: "not distinguishable"}
SHOWN_OF_FINGERPRINT = 12
SMALLEST_P = 0.0001  # below which none is written out
ROUNDING = 1e-12  # a difference of means that is none


def verdicts(comparison: Comparison) -> list[str]:
    """What came out of the tests: of groups of seeds first, since only they speak of settings.

    The first says most: the best against the runner-up, or, where the runs differ in their seed only, their spread.
    """
    groups, pairs = comparison.group_tests, comparison.pair_tests
    found = [_best_of(groups, test, "groups") + group_verdict(test, len(groups)) for test in groups]
    if _differ_in_seed_only(comparison):
        found.append(spread(comparison.groups[0]))
    found += [_best_of(pairs, test, "runs") + pair_verdict(test, len(pairs)) for test in pairs]
    return found or ["No two of these runs have predictions on the same test rows: none is tested against another."]


def _best_of(tests: Sequence[PairTest] | Sequence[GroupTest], test: PairTest | GroupTest, what: str) -> str:
    """How many the best was chosen from, before the test of the best and the runner-up."""
    against_the_best = [each for each in tests if each.first == test.first]
    return (
        f"Best of {len(against_the_best) + 1} {what}: " if against_the_best[1:] and test is against_the_best[0] else ""
    )


def _differ_in_seed_only(comparison: Comparison) -> bool:
    return len(comparison.groups) == 1 and len(comparison.groups[0].labels) == len(comparison.runs)


def spread(group: SeedGroup) -> str:
    """What runs that differ in their seed only come to."""
    return (
        f"The {len(group.values)} runs differ in their seed only: mean test accuracy {wording.percent(group.mean)},"
        f" standard deviation {_size(group.deviation)} points, 95 % interval of the mean"
        f" {accuracy_text(group.interval)}. They differ by chance, not by setting."
    )


def pair_verdict(test: PairTest, tests: int) -> str:
    """Whether two runs can be told apart; `tests` is how many are made with this one."""
    result = test.result
    p = f"exact McNemar {_p(result.p, test.p_corrected, tests)}"
    interval = f"95 % interval {points(result.interval)}, " if result.interval else ""
    return (
        f"{_pair(test, result)} on the {_count(result.rows, 'test row')} ({interval}{p}):"
        f" {DISTINGUISHABLE[test.distinguishable]}."
    )


def group_verdict(test: GroupTest, tests: int) -> str:
    """Whether the mean accuracies of two groups can be told apart."""
    first, second = test.first, test.second
    if test.difference < ROUNDING:
        text = f"{name(first)} and group {_numbered(second)} have the same mean test accuracy"
    else:
        text = f"{name(first)} is on average {_size(test.difference)} points better than group {_numbered(second)}"
    seeds = f"over {len(first.values)} and {len(second.values)} seeds"
    rows = f"; for these networks and other test rows, 95 % interval {points(test.rows_interval)}"
    rows = rows if test.rows_interval else ""
    if test.p is None or test.p_corrected is None:
        return f"{text} {seeds}{rows}. No test is made: no accuracy varies with the seed within either group."
    welch = f"Welch's {_p(test.p, test.p_corrected, tests)}"
    return f"{text} {seeds} ({welch}{rows}): {DISTINGUISHABLE[test.distinguishable]}."


def name(group: SeedGroup) -> str:
    """A group by its number and members."""
    return f"Group {_numbered(group)}"


def setting(group: SeedGroup) -> str:
    """In what a group differs from the others."""
    return ", ".join(f"{key}={value_text(value)}" for key, value in group.setting.items()) or "–"


def notes(comparison: Comparison) -> list[str]:
    """What must be known to read the numbers rightly."""
    found = []
    if len(comparison.tested) > 1:
        splits = "; ".join(f"{', '.join(labels)}: {_rows(rows)}" for rows, labels in comparison.tested.items())
        found.append(
            f"The test data differ. {splits}. Accuracies on different rows say nothing of which run is better, so no"
            " test is made between them."
        )
    for run in comparison.runs:
        if run.right is None:
            why = f"{run.record['status']}{': ' if run.record.get('error') else ''}{run.record.get('error') or ''}"
            found.append(f"{run.label} has no predictions ({why}), so it is in no test.")
    if any(run.part("dataset").get("validation_is_test") for run in comparison.runs):
        labels = [run.label for run in comparison.runs if run.part("dataset").get("validation_is_test")]
        found.append(
            f"{', '.join(labels)}: validated on the test split, so the validation figures are the test split's own."
        )
    if max(len(comparison.pair_tests), len(comparison.group_tests)) > 1:
        found.append(
            "Each is tested against the best on the same test rows; p values are corrected for their number after"
            " Benjamini and Hochberg, intervals are not. The best was chosen on these very rows, which"
            " flatters it a little."
        )
    if comparison.pair_tests and not comparison.group_tests and not _differ_in_seed_only(comparison):
        found.append(
            "McNemar's test speaks of these trained networks, not of their settings: the same settings with another"
            " seed give other networks. To compare settings, run each with several seeds (-m seed=1,2,3)."
        )
    return found


def value_text(value: Any) -> str:
    """A value of a config or a record, as YAML has it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def metric_text(metric: str, value: Any) -> str:
    """A value of `Comparison.metrics` with its unit."""
    if value is None:
        return "–"
    if metric == WILSON:
        return f"{value[0] * 100:.2f}–{value[1] * 100:.2f} %"
    if metric.endswith("accuracy"):
        return wording.percent(value)
    return wording.duration(value) if metric == "duration" else wording.number(value)


def accuracy_text(interval: Sequence[float]) -> str:
    """An interval of a mean accuracy; what lies beyond 0 and 100 % is no accuracy."""
    low, high = max(interval[0], 0.0), min(interval[1], 1.0)
    return f"{low * 100:.2f}–{high * 100:.2f} %"


def _numbered(group: SeedGroup) -> str:
    return f"{group.number} ({', '.join(group.labels)})"


def _pair(test: PairTest, result: Paired) -> str:
    if result.difference == 0:
        return f"{test.first} and {test.second} are equally accurate"
    return f"{test.first} is {_size(result.difference)} points better than {test.second}"


def _size(difference: float) -> str:
    """Percentage points; what would round to 0.00 keeps two digits that are not 0."""
    points = difference * 100
    return f"{points:.2f}" if points >= 0.005 else f"{points:.2g}"


def points(interval: Sequence[float] | None) -> str:
    """An interval of a difference in percentage points."""
    return "–" if interval is None else f"{interval[0] * 100:.2f} to {interval[1] * 100:.2f}"


def _p(p: float, p_corrected: float, tests: int) -> str:
    return _equals("p", p) + (f", {_equals('corrected p', p_corrected)}" if tests > 1 else "")


def _equals(symbol: str, p: float) -> str:
    return f"{symbol} {p_text(p)}" if p < SMALLEST_P else f"{symbol} = {p_text(p)}"


def p_text(p: float) -> str:
    """A p value with two digits."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.2g}"


def _rows(rows: Any) -> str:
    chosen = ", ".join(f"{key}={value_text(value)}" for key, value in rows.chosen if value is not None)
    text = f"{_count(rows.rows, 'row')} of {rows.name} {rows.fingerprint[:SHOWN_OF_FINGERPRINT]}"
    return f"{text} ({chosen})" if chosen else text


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

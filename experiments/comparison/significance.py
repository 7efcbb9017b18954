"""Whether a difference of accuracies is more than chance: over the rows of one test split, and over seeds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
ALPHA = 0.05  # a p below which two are distinguishable
RESAMPLES = 2000
BATCH_VALUES = 1_000_000  # values resampled at a time: 8 MB, whatever the number of rows


@dataclass(frozen=True)
class Paired:
    """Two networks on the same rows. `only_first`: rows that only the first has right; accuracies in [0, 1].

    `difference` is the first's accuracy less the second's, `interval` its 95 % interval (None below two rows),
    `p` that of McNemar's exact test.
    """

    rows: int
    only_first: int
    only_second: int
    difference: float
    interval: tuple[float, float] | None
    p: float


def paired(first_right: np.ndarray, second_right: np.ndarray) -> Paired:
    """Compare two networks by which rows they have right; both (n,) bool, row by row the same."""
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    return Paired(
        rows=len(first_right),
        only_first=only_first,
        only_second=only_second,
        difference=(only_first - only_second) / len(first_right),
        interval=bootstrap_interval(first_right.astype(float) - second_right.astype(float)),
        p=mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """p of McNemar's exact two-sided test (McNemar 1947): rows that just one has right fall to either alike."""
    from scipy.stats import binomtest

    discordant = only_first + only_second
    return float(binomtest(only_first, discordant, 0.5).pvalue) if discordant else 1.0


def bootstrap_interval(differences: np.ndarray) -> tuple[float, float] | None:
    """Percentile bootstrap's 95 % interval of the mean over rows (n,), the same at each call; None below two rows."""
    from scipy.stats import bootstrap

    rows = len(differences)
    if rows < 2:
        return None
    interval = bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        vectorized=True,
        batch=max(1, BATCH_VALUES // rows),
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Student's 95 % interval of the mean of two values or more."""
    from scipy.stats import t

    mean = statistics.fmean(values)
    half = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return float(mean - half), float(mean + half)


def welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    """p of Welch's two-sided test (Welch 1947) of two means, each of two values or more.

    None where neither group varies: the test divides by the spread. Spreads are computed exactly (`statistics`), so
    that equal values have none.
    """
    from scipy.stats import ttest_ind_from_stats

    spreads = statistics.stdev(first), statistics.stdev(second)
    if spreads == (0.0, 0.0):
        return None
    result = ttest_ind_from_stats(
        statistics.fmean(first),
        spreads[0],
        len(first),
        statistics.fmean(second),
        spreads[1],
        len(second),
        equal_var=False,
    )
    return float(result.pvalue)


def corrected(p_values: Sequence[float]) -> list[float]:
    """p values of several tests, corrected after Benjamini & Hochberg (1995).

    This bounds the expected share of false findings among the findings; Holm's correction would bound the chance of a
    single one, and is not in scipy.
    """
    from scipy.stats import false_discovery_control

    return [float(p) for p in false_discovery_control(p_values)] if p_values else []

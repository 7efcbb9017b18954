"""Published rows → training, validation and test rows: stratified and seeded."""

from collections.abc import Sequence

import numpy as np

from experiments.datasets.dataset import Split
from experiments.errors import UserError


def cut(parts: Sequence[Split], fraction: float, seed: int, key: str) -> tuple[Split, Split]:
    """All but `fraction` of the rows of all parts, and the rest, each class in its share; rows stay in their order.

    Raises:
        UserError: too few rows for a share of each class; `key` is the config's that asked.
    """
    return _cut(parts, fraction, seed, f"{key}: received {fraction}")


def limited(split: Split, limit: int | None, seed: int) -> Split:
    """At most `limit` rows, each class in its share.

    Raises:
        UserError: fewer than one row a class.
    """
    if limit is None or limit >= len(split):
        return split
    # scikit-learn wants a row of each class among those left over too
    taken = max(min(limit, len(split) - len(np.unique(split.y))), 1)
    return _cut([split], taken, seed, f"dataset.limit: received {limit}")[1]


def _cut(parts: Sequence[Split], size: float | int, seed: int, received: str) -> tuple[Split, Split]:
    from sklearn.model_selection import train_test_split

    y = np.concatenate([part.y for part in parts])
    labels, counts = np.unique(y, return_counts=True)
    try:
        rest, taken = train_test_split(np.arange(len(y)), test_size=size, random_state=seed, stratify=y)
    except ValueError:
        raise UserError(
            f"{received}, expected a part that has, and leaves, rows of each of the {len(labels)} classes"
            f" (of {len(y)} rows class {labels[counts.argmin()]} has {counts.min()}; a class needs two)."
            f" Take at least {len(labels)} rows and leave as many, or name more data with dataset.path=…"
        ) from None
    return _rows(parts, np.sort(rest)), _rows(parts, np.sort(taken))


def _rows(parts: Sequence[Split], rows: np.ndarray) -> Split:
    """The rows of these sorted numbers, counted through all parts, which are not joined: they may be large."""
    x = np.empty((len(rows), *parts[0].x.shape[1:]), parts[0].x.dtype)
    y = np.empty(len(rows), parts[0].y.dtype)
    start = 0
    for part in parts:
        first, last = np.searchsorted(rows, (start, start + len(part)))
        inside = rows[first:last] - start
        if len(inside):
            np.take(part.x, inside, axis=0, out=x[first:last], mode="clip")  # "raise" would copy once more
            y[first:last] = part.y[inside]
        start += len(part)
    return Split(x, y)

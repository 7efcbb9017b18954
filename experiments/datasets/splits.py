"""Published rows → training, validation and test rows: stratified and seeded."""

import numpy as np
from sklearn.model_selection import train_test_split

from experiments.datasets.dataset import Split
from experiments.errors import UserError


def pooled(train: Split, test: Split) -> Split:
    return Split(np.concatenate([train.x, test.x]), np.concatenate([train.y, test.y]))


def cut(split: Split, fraction: float, seed: int, key: str) -> tuple[Split, Split]:
    """All but `fraction` of the rows, and the rest, each class in its share; rows stay in their order.

    Raises:
        UserError: too few rows for a share of each class; `key` is the config's that asked.
    """
    return _cut(split, fraction, seed, f"{key}: received {fraction}")


def limited(split: Split, limit: int | None, seed: int) -> Split:
    """At most `limit` rows, each class in its share.

    Raises:
        UserError: fewer than one row a class.
    """
    if limit is None or limit >= len(split):
        return split
    return _cut(split, limit, seed, f"dataset.limit: received {limit}")[1]


def _cut(split: Split, size: float | int, seed: int, received: str) -> tuple[Split, Split]:
    labels, counts = np.unique(split.y, return_counts=True)
    smallest = f"class {labels[counts.argmin()]} has {counts.min()} of {len(split)} rows"
    try:
        rest, taken = train_test_split(np.arange(len(split)), test_size=size, random_state=seed, stratify=split.y)
    except ValueError as error:
        raise UserError(
            f"{received}, expected a part that leaves rows of each of the {len(labels)} classes on both sides"
            f" ({smallest}; {error})"
        ) from None
    return _rows(split, rest), _rows(split, taken)


def _rows(split: Split, rows: np.ndarray) -> Split:
    rows = np.sort(rows)
    return Split(split.x[rows], split.y[rows])

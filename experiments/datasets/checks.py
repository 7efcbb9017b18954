"""Rows and labels are what training takes, or the first offender is named."""

import numpy as np

from experiments.datasets.dataset import Split
from experiments.errors import UserError


def checked(split: Split, name: str, where: str, shape: tuple[int, ...] | None, class_names: tuple[str, ...]) -> Split:
    """The same rows with labels as (n,) int32.

    `name` (train, test) and `where` (a file) are for messages; `shape` is that of one row (None: any).

    Raises:
        UserError: no rows, rows of another shape or kind, or a label that is no class.
    """
    x, y = split.x, np.asarray(split.y)
    if y.ndim == 2 and y.shape[1] == 1:  # Keras gives CIFAR's labels as a column
        y = y[:, 0]
    if len(x) == 0:
        raise UserError(f"{where}: the {name} split has no rows, expected at least one")
    if shape is not None and (x.dtype != np.uint8 or x.shape[1:] != shape):
        raise UserError(
            f"{where}: rows of the {name} split are {x.dtype} of shape {x.shape[1:]}, expected uint8 of shape {shape}"
        )
    if y.shape != (len(x),):
        raise UserError(
            f"{where}: the {name} split has {len(x)} rows and labels of shape {y.shape}, expected one label a row"
        )
    return Split(x, _labels(y, name, where, class_names))


def _labels(y: np.ndarray, name: str, where: str, class_names: tuple[str, ...]) -> np.ndarray:
    expected = f"expected a whole number from 0 to {len(class_names) - 1}"
    if y.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(y) | (y != np.floor(y)))
        what = "missing" if len(bad) and np.isnan(y[bad[0]]) else "received"
        row = int(bad[0]) if len(bad) else 0
        raise UserError(
            f"{where}: label of row {row} of the {name} split: {what} {y[row]!s}, {expected} (labels are {y.dtype})"
        )
    if y.dtype.kind not in "iu":
        raise UserError(f"{where}: labels of the {name} split are {y.dtype}, {expected}; the first is {y.flat[0]!r}")
    bad = np.flatnonzero((y < 0) | (y >= len(class_names)))
    if len(bad):
        raise UserError(f"{where}: label of row {bad[0]} of the {name} split: received {y[bad[0]]}, {expected}")
    return y.astype(np.int32)


def check_classes(y: np.ndarray, where: str, class_names: tuple[str, ...]) -> None:
    """Training needs two classes that have rows.

    Raises:
        UserError: fewer.
    """
    if not class_names:
        raise UserError(f"{where}: has no classes, expected at least two")
    present = np.unique(y)
    if len(present) < 2:
        raise UserError(
            f"{where}: all {len(y)} rows of the train split are of class {class_names[present[0]]!r},"
            " expected rows of at least two classes"
        )

"""Rows and labels are what training takes, or the first offender is named."""

import math

import numpy as np

from experiments.datasets.dataset import Split
from experiments.errors import UserError
from experiments.text import brief

WAY_OUT = "Mend the file, or name other data with dataset.path=…"


def checked(split: Split, name: str, where: str, shape: tuple[int, ...], class_names: tuple[str, ...]) -> Split:
    """The same rows with labels as (n,) int32.

    `name` (train, test) and `where` (a file) are for messages; `shape` is that of one row.

    Raises:
        UserError: rows of another shape or kind, or a label that is no class.
    """
    x, y = split.x, split.y
    if y.ndim == 2 and y.shape[1] == 1:  # Keras gives CIFAR's labels as a column
        y = y[:, 0]
    if x.dtype != np.uint8 or x.ndim == 0 or x.shape[1:] != shape:
        raise UserError(
            f"{where}: rows of the {name} split are {x.dtype} of shape {x.shape[1:]}, expected uint8 of shape {shape}."
            f" {WAY_OUT}"
        )
    if y.shape != x.shape[:1]:
        raise UserError(
            f"{where}: the {name} split has {len(x)} rows and labels of shape {y.shape}, expected one label a row."
            f" {WAY_OUT}"
        )
    row = _first_bad_label(y, len(class_names))
    if row is not None:
        raise UserError(
            f"{where}: label of row {row} of the {name} split: {_shown(y[row])}, expected a whole number from 0 to"
            f" {len(class_names) - 1} (labels of the {name} split are {y.dtype}). {WAY_OUT}"
        )
    return Split(x, y.astype(np.int32))


def _first_bad_label(y: np.ndarray, num_classes: int) -> int | None:
    if y.dtype == object:  # labels from a pickled list: each of a kind of its own
        bad = (row for row, label in enumerate(y) if type(label) is not int or not 0 <= label < num_classes)
        return next(bad, None)
    if y.dtype.kind in "iu":
        rows = np.flatnonzero((y < 0) | (y >= num_classes))
        return int(rows[0]) if len(rows) else None
    if y.dtype.kind == "f":  # whole numbers too are refused in this dtype; a value that is none is the better example
        rows = np.flatnonzero(~np.isfinite(y) | (y != np.floor(y)))
        return int(rows[0]) if len(rows) else 0 if len(y) else None
    return 0 if len(y) else None


def _shown(label: object) -> str:
    value = label.item() if isinstance(label, np.generic) else label
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return f"{'missing' if missing else 'received'} {brief(value)}"


def check_rows(split: Split, name: str, where: str) -> None:
    """A split that is used has rows.

    Raises:
        UserError: none.
    """
    if len(split) == 0:
        raise UserError(f"{where}: the {name} split has no rows, expected at least one. {WAY_OUT}")


def check_classes(y: np.ndarray, where: str, class_names: tuple[str, ...]) -> None:
    """Training needs two classes that have rows.

    Raises:
        UserError: fewer.
    """
    if (y == y[0]).all():
        raise UserError(
            f"{where}: all {len(y)} rows of the train split are of class {class_names[y[0]]!r},"
            f" expected rows of at least two classes. {WAY_OUT}"
        )

"""What a run folder's result files hold; None, or nothing, where a file is not there (yet).

Raises:
    UserError: a file is damaged; it is named.
"""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.evaluation import Evaluation, score
from experiments.history import History
from experiments.parsing import read_arrays, read_json
from experiments.received import read_text, unreadable
from experiments.records import ReportRecord, checked

HISTORY = "history.csv"
REPORT = "classification_report"
PREDICTIONS = "predictions.npz"
LARGEST_HISTORY = 200_000_000  # bytes; a million epochs, the most there are, have about 110 MB


def evaluation(folder: Path, classes: int | None = None) -> Evaluation | None:
    """Of the test split, from predictions.npz; `classes`: how many there must be."""
    path, expected = folder / PREDICTIONS, "y_true, y_pred and probabilities of the test split"
    try:
        arrays = read_arrays(path, ("y_true", "probabilities"), expected)
    except FileNotFoundError:
        return None
    y_true, probabilities = arrays["y_true"], arrays["probabilities"]
    shapes = f"y_true is {y_true.dtype} of shape {y_true.shape}, probabilities {probabilities.dtype} of shape"
    if not (
        y_true.dtype.kind in "iu"
        and probabilities.dtype.kind == "f"
        and probabilities.ndim == 2
        and y_true.shape == probabilities.shape[:1]
        and len(y_true)
        and probabilities.shape[1] == (classes or probabilities.shape[1])
        and 0 <= y_true.min() <= y_true.max() < probabilities.shape[1]
    ):
        raise unreadable(path, f"{shapes} {probabilities.shape}", expected)
    return score(y_true, probabilities)


def answers(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """y_true and y_pred of the test split, each (n,) int64, from predictions.npz."""
    path, expected = folder / PREDICTIONS, "y_true and y_pred of the test split, a number a sample"
    try:
        arrays = read_arrays(path, ("y_true", "y_pred"), expected)
    except FileNotFoundError:
        return None
    y_true, y_pred = arrays["y_true"], arrays["y_pred"]
    if y_true.dtype.kind not in "iu" or y_pred.dtype.kind not in "iu":
        raise unreadable(path, f"their types are {y_true.dtype} and {y_pred.dtype}", expected)
    if y_true.ndim != 1 or y_true.shape != y_pred.shape or not len(y_true):
        raise unreadable(path, f"their shapes are {y_true.shape} and {y_pred.shape}", expected)
    return y_true.astype("<i8"), y_pred.astype("<i8")


def history(folder: Path) -> History:
    """From history.csv; empty where there is none."""
    path, expected = folder / HISTORY, "a line an epoch, as training writes it"
    try:
        text = read_text(path, expected, LARGEST_HISTORY)
        return History.from_csv(text) if text else History()
    except FileNotFoundError:
        return History()
    except ValueError as error:
        raise unreadable(path, error, expected) from None


def classification_report(folder: Path) -> Any:
    """Of the test split, from classification_report.json."""
    path, expected = folder / f"{REPORT}.json", "the report of each class on the test split"
    try:
        return checked(path, ReportRecord, read_json(path, expected), expected)
    except FileNotFoundError:
        return None


def report_text(folder: Path) -> str | None:
    """The same as text, from classification_report.txt."""
    return _text(folder / f"{REPORT}.txt", "the report of each class on the test split")


def config_text(folder: Path) -> str:
    """config.yaml as it stands there."""
    return _text(folder / "config.yaml", "the run's config") or ""


def _text(path: Path, expected: str) -> str | None:
    try:
        return read_text(path, expected)
    except FileNotFoundError:
        return None

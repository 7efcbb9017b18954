"""What a run folder's result files hold; None, or nothing, where a file is not there (yet)."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from experiments.evaluation import Evaluation, score
from experiments.history import History

REPORT = "classification_report"
PREDICTIONS = "predictions.npz"


def evaluation(folder: Path) -> Evaluation | None:
    """Of the test split, from predictions.npz."""
    path = folder / PREDICTIONS
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as saved:
        return score(saved["y_true"], saved["probabilities"])


def history(folder: Path) -> History:
    text = _text(folder / "history.csv")
    return History.from_csv(text) if text else History()


def classification_report(folder: Path) -> Any:
    text = _text(folder / f"{REPORT}.json")
    return json.loads(text) if text else None


def config_text(folder: Path) -> str:
    return _text(folder / "config.yaml") or ""


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None

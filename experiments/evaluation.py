"""A model's answers on a split, and what they are worth."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers on n rows. y_true, y_pred: (n,) int32; probabilities: (n, classes) float32; loss in nats."""

    y_true: np.ndarray
    y_pred: np.ndarray
    probabilities: np.ndarray
    loss: float
    accuracy: float

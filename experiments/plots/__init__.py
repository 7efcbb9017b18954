"""History, Evaluation → figures. Figures are objects of their own: no pyplot, so nothing is left behind."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.config import ReferenceConfig
from experiments.datasets import Dataset
from experiments.diagnosis import Finding
from experiments.evaluation import Evaluation, worst_mistakes
from experiments.history import History
from experiments.plots.answers import RIGHT, WRONG, confusion_matrix, predictions, reliability
from experiments.plots.curves import annotated_curves, beside_published, training_curves, validation_curves
from experiments.plots.style import DPI, styled

__all__ = [
    "DPI", "RIGHT", "WRONG", "annotated_curves", "beside_published", "confusion_matrix", "of_run", "predictions",
    "reliability", "styled", "training_curves", "validation_curves",
]  # fmt: skip

SAMPLES, MISTAKES = 24, 18


def of_run(
    history: History,
    evaluation: Evaluation | None,
    dataset: Callable[[], Dataset],
    *,
    class_names: Sequence[str] = (),
    reference: ReferenceConfig | None = None,
    findings: Sequence[Finding] = (),
) -> dict[str, Callable[[], Figure]]:
    """File name → what draws it, where there is enough for it; `dataset` is called for those that show its images."""
    figures: dict[str, Callable[[], Figure]] = {
        "training_curves.png": lambda: training_curves(history),
        "diagnosis.png": lambda: annotated_curves(history, findings),
    }
    if reference is not None:
        figures["beside_published.png"] = lambda: beside_published(history, reference)
    if evaluation is not None:
        # Evenly from the whole split: its first rows may all be of one class.
        samples = np.unique(np.linspace(0, len(evaluation.y_true) - 1, SAMPLES).astype(int))
        worst = worst_mistakes(evaluation, MISTAKES)
        figures |= {
            "confusion_matrix.png": lambda: confusion_matrix(evaluation, class_names),
            "calibration.png": lambda: reliability(evaluation),
            "sample_predictions.png": lambda: predictions(
                evaluation, dataset(), samples, "Predictions on images from the whole test split"
            ),
            "worst_mistakes.png": lambda: predictions(
                evaluation, dataset(), worst, "The mistakes the model was surest of"
            ),
        }
    return figures

"""History, Evaluation → figures. Figures are objects of their own: no pyplot, so nothing is left behind."""

from collections.abc import Sequence

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
    dataset: Dataset | None,
    reference: ReferenceConfig | None = None,
    findings: Sequence[Finding] = (),
) -> dict[str, Figure]:
    """File name → figure: all that can be drawn of a run, of an unfinished one too."""
    figures = {}
    if history.epochs:
        figures["training_curves.png"] = training_curves(history)
        if len(history.epochs) > 1:
            figures["diagnosis.png"] = annotated_curves(history, findings)
        if reference is not None:
            figures["beside_published.png"] = beside_published(history, reference)
    if evaluation is not None and dataset is not None:
        figures["confusion_matrix.png"] = confusion_matrix(evaluation, dataset.class_names)
        figures["calibration.png"] = reliability(evaluation)
        if dataset.rows == "images":
            # Evenly from the whole split: its first rows may all be of one class.
            samples = np.unique(np.linspace(0, len(dataset.test) - 1, SAMPLES).astype(int))
            figures["sample_predictions.png"] = predictions(
                evaluation, dataset, samples, "Predictions on images from the whole test split"
            )
            worst = worst_mistakes(evaluation, MISTAKES)
            if len(worst):
                figures["worst_mistakes.png"] = predictions(
                    evaluation, dataset, worst, "The mistakes the model was surest of"
                )
    return figures

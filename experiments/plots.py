"""History, Evaluation → figures. Figures are objects of their own: no pyplot, so nothing is left behind."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.datasets import Dataset
from experiments.evaluation import Evaluation, calibration, worst_mistakes
from experiments.history import History
from experiments.text import plain

DPI = 160
RIGHT, WRONG = "#1a7f37", "#c62828"
MAX_LABEL = 16  # characters of a class name


def _style(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in matplotlib's ggplot style, as the article does, whatever the user's own settings are."""

    def styled(*arguments: Any, **keywords: Any) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            matplotlib.style.use("ggplot")
            mpl.rcParams.update({"text.parse_math": False, "axes.titlesize": 13, "font.size": 10})
            return draw(*arguments, **keywords)

    styled.__doc__ = draw.__doc__
    return styled


@_style
def training_curves(history: History) -> Figure:
    """The article's plot: its four lines, title and axis labels. Epochs are counted from 1 (the article: from 0)."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    epochs = history.column("epoch")
    marker = "o" if len(epochs) <= 10 else None
    for column, label in (
        ("loss", "train_loss"),
        ("val_loss", "val_loss"),
        ("accuracy", "train_acc"),
        ("val_accuracy", "val_acc"),
    ):
        axes.plot(epochs, history.column(column), label=label, marker=marker, markersize=4)
    axes.set_title("Training Loss and Accuracy")
    axes.set_xlabel("Epoch #")
    axes.set_ylabel("Loss/Accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


@_style
def confusion_matrix(evaluation: Evaluation, class_names: Sequence[str]) -> Figure:
    """Rows are true classes, columns predicted ones; colour is the share of the true class, cells count rows."""
    classes = len(class_names)
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (evaluation.y_true, evaluation.y_pred), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = float(np.clip(0.62 * classes, 5.5, 15))
    figure = Figure(figsize=(size + 1.2, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_short(name) for name in class_names]
    font = 10 if classes <= 20 else 6
    upright = all(len(name) <= 2 for name in names)
    axes.set_xticks(range(classes), names, rotation=0 if upright else 90, fontsize=font)
    axes.set_yticks(range(classes), names, fontsize=font)
    axes.grid(False)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    axes.set_title("Confusion matrix")
    if classes <= 20:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.5 else "#333333"
                axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour)
    figure.colorbar(image, ax=axes, label="Share of the true class", shrink=0.8)
    return figure


@_style
def reliability(evaluation: Evaluation) -> Figure:
    """Reliability diagram: how often the model was right against how sure it was."""
    bins = calibration(evaluation)
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], linestyle="--", color="#777777", label="as sure as right")
    axes.plot(bins.confidence, bins.accuracy, marker="o", color="#1f6feb", label="this model")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Confidence (probability of the predicted class)")
    axes.set_ylabel("Accuracy")
    axes.set_title(f"Calibration (expected error {bins.error:.3f})")
    axes.legend(loc="upper left")
    return figure


@_style
def predictions(evaluation: Evaluation, dataset: Dataset, rows: Sequence[int], title: str) -> Figure:
    """Test images with the class the model gave and how sure it was: green is right, red wrong with the truth named."""
    columns = min(6, max(1, len(rows)))
    lines = -(-len(rows) // columns)
    figure = Figure(figsize=(1.7 * columns, 2.15 * lines + 0.4), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(max(lines, 1), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, row in zip(grid.flat, rows, strict=False):
        axes.imshow(dataset.test.x[row], cmap="gray_r", vmin=0, vmax=1 / dataset.scale, interpolation="nearest")
        given, truth = evaluation.y_pred[row], evaluation.y_true[row]
        sure = evaluation.probabilities[row, given]
        text = f"{_short(dataset.class_names[given])} {sure:.0%}"
        if given != truth:
            text += f"\ntruth: {_short(dataset.class_names[truth])}"
        axes.set_title(text, fontsize=9, color=RIGHT if given == truth else WRONG)
    return figure


def of_run(history: History, evaluation: Evaluation | None, dataset: Dataset | None) -> dict[str, Figure]:
    """File name → figure: all that can be drawn of a run, of an unfinished one too."""
    figures = {}
    if history.epochs:
        figures["training_curves.png"] = training_curves(history)
    if evaluation is not None and dataset is not None:
        figures["confusion_matrix.png"] = confusion_matrix(evaluation, dataset.class_names)
        figures["calibration.png"] = reliability(evaluation)
        if dataset.rows == "images":
            first = range(min(24, len(dataset.test)))
            figures["sample_predictions.png"] = predictions(
                evaluation, dataset, first, "Predictions on the first test images"
            )
            worst = worst_mistakes(evaluation, 18)
            if len(worst):
                figures["worst_mistakes.png"] = predictions(
                    evaluation, dataset, worst, "The mistakes the model was surest of"
                )
    return figures


def _short(name: str) -> str:
    name = plain(name)
    return name if len(name) <= MAX_LABEL else name[: MAX_LABEL - 1] + "…"

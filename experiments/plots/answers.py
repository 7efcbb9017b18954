"""Evaluation → figures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from experiments.datasets import Dataset
from experiments.evaluation import Evaluation, calibration
from experiments.plots.style import BLUE, GREY, styled
from experiments.text import plain

RIGHT, WRONG = "#1a7f37", "#c62828"
MAX_NAME = 14  # characters of a class name below an image, so that neighbours do not overlap
MAX_LABEL = 20  # and along the confusion matrix
MAX_COUNTED = 20  # classes, up to which each cell of the confusion matrix shows its count
IMAGE = 0.88  # the longer side of an image, where the next one begins at 1


@styled
def confusion_matrix(evaluation: Evaluation, class_names: Sequence[str]) -> Figure:
    """Rows are true classes, columns predicted ones; colour is the share of the true class, cells count rows.

    The colours are spread out at their low end, where the mistakes are.
    """
    classes = len(class_names)
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (evaluation.y_true, evaluation.y_pred), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [_short(name, MAX_LABEL) for name in class_names]
    size = float(np.clip(0.62 * classes, 4.5, 10.5))
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    font = 10 if classes <= MAX_COUNTED else max(5.0, 9 - classes / 30)
    upright = 0.1 * max(map(len, names)) < 0.75 * size / classes  # inches of the longest name, of a cell
    axes.set_xticks(range(classes), names, rotation=0 if upright else 90, fontsize=font)
    axes.set_yticks(range(classes), names, fontsize=font)
    axes.tick_params(length=0)
    axes.grid(False)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    axes.set_title("Confusion matrix")
    if classes <= MAX_COUNTED:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                colour = "white" if shares[row, column] > 0.3 else "#222222"
                text = axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour)
                text.set_in_layout(False)  # it is inside the axes: no need to measure it
    figure.colorbar(image, ax=axes, label="Share of the true class", ticks=[0, 0.05, 0.25, 0.5, 1], aspect=40, pad=0.02)
    return figure


@styled
def reliability(evaluation: Evaluation) -> Figure:
    """Reliability diagram: how often the model was right against how sure it was, and on how many rows."""
    bins = calibration(evaluation)
    figure = Figure(figsize=(6, 6), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], linestyle="--", color=GREY, label="as sure as right")
    upper.vlines(bins.confidence, bins.confidence, bins.accuracy, color=WRONG, alpha=0.5, linewidth=3, label="gap")
    upper.plot(bins.confidence, bins.accuracy, marker="o", color=BLUE, label="this model")
    upper.set_xlim(0, 1)
    upper.set_ylim(0, 1.02)
    upper.set_ylabel("Accuracy")
    upper.set_title(f"Calibration (expected error {bins.error:.3f})")
    upper.legend(loc="upper left")
    sure = evaluation.probabilities.max(axis=1)
    lower.hist(sure, bins=np.linspace(0, 1, 16), color=BLUE, edgecolor="white")
    lower.set_ylabel("Rows")
    lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    lower.set_xlabel("Confidence (probability of the predicted class)")
    return figure


@styled
def predictions(evaluation: Evaluation, dataset: Dataset, rows: Sequence[int], title: str) -> Figure:
    """Test images with the class the model gave and how sure it was: green is right, red wrong with the truth named.

    `dataset.rows` is "images"; `rows` are rows of its test split.
    """
    columns = min(6, max(1, len(rows)))
    lines = max(1, -(-len(rows) // columns))
    figure = Figure(figsize=(max(1.7 * columns, 4), 2.05 * lines + 0.45), layout="constrained")
    # One pair of axes for all images: one for each would take ten times as long to draw.
    axes = figure.add_subplot()
    axes.set(xlim=(0, columns), ylim=(1.28 * lines, -0.08), aspect="equal")
    axes.set_axis_off()
    axes.set_title(title, fontsize=13)
    height, width = (IMAGE * side / max(dataset.shape[:2]) for side in dataset.shape[:2])
    for number, row in enumerate(rows):
        top, middle = 1.28 * (number // columns) + (IMAGE - height), number % columns + 0.5
        left = middle - width / 2
        place = (left, left + width, top + height, top)
        axes.imshow(_drawable(dataset.test.x[row]), cmap="gray", vmin=0, vmax=1 / dataset.scale, extent=place)
        given, truth = evaluation.y_pred[row], evaluation.y_true[row]
        colour = RIGHT if given == truth else WRONG
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=1.5))
        text = f"{_short(dataset.class_names[given])} {evaluation.probabilities[row, given]:.0%}"
        truly = "" if given == truth else f"truth: {_short(dataset.class_names[truth])}"
        # Not by colour alone: a tick or a cross says it too.
        text = f"{'✓' if given == truth else '✗'} {text}\n{truly}"
        words = axes.text(middle, top + height + 0.03, text, fontsize=9, color=colour, ha="center", va="top")
        words.set_in_layout(False)
    axes.set(xlim=(0, columns), ylim=(1.28 * lines, -0.08))  # as imshow found them
    return figure


def _drawable(image: np.ndarray) -> np.ndarray:
    """What imshow takes: of channels that are neither grey, RGB nor RGBA, the first."""
    return image[..., 0] if image.ndim == 3 and image.shape[-1] not in (3, 4) else image


def _short(name: str, limit: int = MAX_NAME) -> str:
    name = plain(name)
    return name if len(name) <= limit else name[: limit - 1] + "…"

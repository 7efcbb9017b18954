"""History, Evaluation → figures. Figures are objects of their own: no pyplot, so nothing is left behind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.config import ReferenceConfig
from experiments.datasets import Dataset
from experiments.evaluation import Evaluation, calibration, worst_mistakes
from experiments.history import History
from experiments.text import plain

DPI = 160
RIGHT, WRONG = "#1a7f37", "#c62828"
BLUE, GREY = "#1f6feb", "#777777"
MAX_NAME = 14  # characters of a class name below an image, so that neighbours do not overlap
MAX_LABEL = 20  # and along the confusion matrix
MAX_COUNTED = 20  # classes, up to which each cell of the confusion matrix shows its count
MAX_LINEAR = 50.0  # a loss up to which a linear axis leaves accuracy visible
MAX_LEGEND = 12  # runs beside each other in a legend
DASHES = ("-", "--", "-.", ":")
SAMPLES, MISTAKES = 24, 18
IMAGE = 0.88  # the longer side of an image, where the next one begins at 1


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in matplotlib's ggplot style, as the article does, whatever the user's own settings are."""

    def drawn(*arguments: Any, **keywords: Any) -> Figure:
        with mpl.rc_context():
            mpl.rcdefaults()
            matplotlib.style.use("ggplot")
            mpl.rcParams.update(
                {
                    "text.parse_math": False,  # a `$` in a class name is a `$`
                    "font.size": 10,
                    "axes.titlesize": 13,
                    "axes.labelsize": 11,
                    "figure.constrained_layout.w_pad": 0.08,
                    "figure.constrained_layout.h_pad": 0.08,
                }
            )
            return draw(*arguments, **keywords)

    drawn.__doc__ = draw.__doc__
    return drawn


@styled
def training_curves(history: History, title: str = "Training Loss and Accuracy") -> Figure:
    """The article's plot: its four lines, title and axis labels. Epochs are counted from 1 (the article: from 0).

    Values that are not finite leave a gap. Where a loss exploded, the axis is logarithmic above 1.
    """
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
        values = np.array(history.column(column))
        values[~np.isfinite(values)] = np.nan
        axes.plot(epochs, values, label=label, marker=marker, markersize=5)
        if np.any(values > MAX_LINEAR):
            axes.set_yscale("symlog", linthresh=1.0)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title(title)
    axes.set_xlabel("Epoch #")
    axes.set_ylabel("Loss/Accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=4, frameon=False)  # clear of every curve
    return figure


@styled
def validation_curves(histories: Mapping[str, History]) -> Figure:
    """Validation loss and accuracy of several runs, epoch by epoch, one line a run under its label."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    for axes, column, title in zip(
        figure.subplots(1, 2), ("val_loss", "val_accuracy"), ("Validation loss", "Validation accuracy"), strict=True
    ):
        # Not by colour alone: lines that follow each other differ in their dashes too.
        lines = zip(histories.items(), _colours(len(histories)), strict=True)
        for number, ((label, history), colour) in enumerate(lines):
            values = np.array(history.column(column))
            values[~np.isfinite(values)] = np.nan
            axes.plot(
                history.column("epoch"),
                values,
                label=plain(label),
                color=colour,
                linestyle=DASHES[number % len(DASHES)],
                marker="o" if len(history.epochs) <= 10 else None,
                markersize=4,
            )
            if np.any(values > MAX_LINEAR):
                axes.set_yscale("symlog", linthresh=1.0)
                axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title(title)
        axes.set_xlabel("Epoch #")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), MAX_LEGEND), frameon=False)
    return figure


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


@styled
def beside_published(history: History, reference: ReferenceConfig) -> Figure:
    """The training curves with the published epochs as points on them."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for column, colour, marker, words in (
            (metric, "#b3261e", "s", "training"),
            (f"val_{metric}", BLUE, "o", "validation"),
        ):
            values = np.array(history.column(column))
            values[~np.isfinite(values)] = np.nan
            axes.plot(history.column("epoch"), values, color=colour, label=f"{words}, this run")
            axes.plot(
                [point.epoch for point in reference.curve],
                [getattr(point, column) for point in reference.curve],
                marker,
                color=colour,
                markerfacecolor="white",
                label=f"{words}, published",
            )
        axes.set_title(metric.capitalize())
        axes.set_xlabel("Epoch #")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        axes.legend(fontsize=8)
    return figure


def of_run(
    history: History, evaluation: Evaluation | None, dataset: Dataset | None, reference: ReferenceConfig | None = None
) -> dict[str, Figure]:
    """File name → figure: all that can be drawn of a run, of an unfinished one too."""
    figures = {}
    if history.epochs:
        figures["training_curves.png"] = training_curves(history)
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


def _colours(count: int) -> list[Any]:
    """As many colours as are asked for, neighbours well apart where there are few."""
    if count <= 10:
        return list(mpl.colormaps["tab10"].colors[:count])  # type: ignore[attr-defined]
    return [mpl.colormaps["viridis"](0.92 * number / (count - 1)) for number in range(count)]


def _drawable(image: np.ndarray) -> np.ndarray:
    """What imshow takes: of channels that are neither grey, RGB nor RGBA, the first."""
    return image[..., 0] if image.ndim == 3 and image.shape[-1] not in (3, 4) else image


def _short(name: str, limit: int = MAX_NAME) -> str:
    name = plain(name)
    return name if len(name) <= limit else name[: limit - 1] + "…"

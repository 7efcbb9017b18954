"""History → figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.config import ReferenceConfig
from experiments.diagnosis import Finding
from experiments.history import History
from experiments.plots.style import BLUE, GREY, styled
from experiments.text import plain

MAX_LEGEND = 12  # runs beside each other in a legend
DASHES = ("-", "--", "-.", ":")
MAX_LINEAR = 50.0  # a loss up to which a linear axis leaves accuracy visible


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
def annotated_curves(history: History, findings: Sequence[Finding]) -> Figure:
    """Loss and accuracy side by side, with the best epochs, the gap, and where overfitting begins."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    epochs = history.column("epoch")
    overfitting = next((finding.epoch for finding in findings if finding.kind == "overfitting"), None)
    for axes, metric, pick in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), (np.nanargmin, np.nanargmax), strict=True
    ):
        training, validation = (np.array(history.column(name), float) for name in (metric, f"val_{metric}"))
        for values in (training, validation):
            values[~np.isfinite(values)] = np.nan
        axes.plot(epochs, training, color="#b3261e", label="training")
        axes.plot(epochs, validation, color=BLUE, label="validation")
        axes.fill_between(epochs, training, validation, color=GREY, alpha=0.15, linewidth=0, label="gap")
        if np.isfinite(validation).any():
            best = int(pick(validation))
            axes.plot([epochs[best]], [validation[best]], "o", color=BLUE, markerfacecolor="white", zorder=5)
            axes.annotate(
                f"best: {validation[best]:.3f}, epoch {epochs[best]:.0f}",
                (epochs[best], validation[best]),
                xytext=(0, -16 if metric == "loss" else 10),
                textcoords="offset points",
                ha="left" if best < len(epochs) / 2 else "right",
                fontsize=8,
            )
        if overfitting is not None:
            axes.axvline(overfitting, color=GREY, linestyle="--", linewidth=1, label="overfitting from here on")
        if np.nanmax([np.nanmax(training, initial=0), np.nanmax(validation, initial=0)]) > MAX_LINEAR:
            axes.set_yscale("symlog", linthresh=1.0)
        axes.set_title(metric.capitalize())
        axes.set_xlabel("Epoch #")
        axes.margins(y=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
        axes.legend(fontsize=8)
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


def _colours(count: int) -> list[Any]:
    """As many colours as are asked for, neighbours well apart where there are few."""
    if count <= 10:
        return list(mpl.colormaps["tab10"].colors[:count])  # type: ignore[attr-defined]
    return [mpl.colormaps["viridis"](0.92 * number / (count - 1)) for number in range(count)]

"""Evaluation, figures → files of the run folder; the run folder's files → report.html."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.evaluation import Evaluation, classification_report
from experiments.files import atomic, write_json, write_text
from experiments.reports import freshness
from experiments.reports.freshness import PAGE
from experiments.reports.saved import PREDICTIONS, REPORT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PAGE", "write_evaluation", "write_html", "write_plots"]


def write_evaluation(folder: Path, evaluation: Evaluation, class_names: Sequence[str]) -> str:
    """Write classification_report.txt, .json and predictions.npz; return the report's text."""
    text, values = classification_report(evaluation, class_names)
    write_text(folder / f"{REPORT}.txt", text)
    write_json(folder / f"{REPORT}.json", values)
    with atomic(folder / PREDICTIONS) as path:
        np.savez_compressed(
            path,
            y_true=evaluation.y_true,
            y_pred=evaluation.y_pred,
            probabilities=evaluation.probabilities,
        )
    return text


def write_plots(folder: Path, figures: "dict[str, Figure]", made_from: str | None = None) -> None:
    """Write figures into plots/, each complete or not at all, with the digest of what they were made from.

    Agg's own `print_png` draws a figure once, `savefig` twice. Compressed harder, they take twice the time to be a
    fifth smaller.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from experiments.plots import DPI

    (folder / "plots").mkdir(exist_ok=True)
    for name, figure in figures.items():
        with atomic(folder / "plots" / name) as path, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")  # drawn as a box: names may be in any script
            figure.set_dpi(DPI)
            canvas: Any = FigureCanvasAgg(figure)
            metadata = {} if made_from is None else {freshness.KEY: made_from}
            canvas.print_png(path, metadata=metadata, pil_kwargs={"compress_level": 1})


def write_html(folder: Path) -> Path:
    """Write report.html from the other files of a run folder, whichever there are."""
    from experiments.reports.page import render

    write_text(folder / PAGE, render(folder))
    return folder / PAGE

"""A comparison of runs → one self-contained page."""

import io
from pathlib import Path
from typing import Any

from experiments.comparison import Comparison, sentences
from experiments.errors import UserError
from experiments.files import write_text
from experiments.reports.pages import embedded, environment


def write_page(path: Path, comparison: Comparison) -> Path:
    """Write the page to a file of the user's choice.

    Raises:
        UserError: there is no folder for it, or a folder in its place.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(
            f"{path}: cannot be written to, expected a file's name in a folder that is there. Choose another --html."
        )
    write_text(path, render(comparison))
    return path


def render(comparison: Comparison) -> str:
    """The page's HTML."""
    pages = environment()
    pages.filters |= {
        "value": sentences.value_text,
        "accuracy_interval": sentences.accuracy_text,
        "points": sentences.points,
        "p": sentences.p_text,
    }
    parts = {"Config": comparison.config, "Data": comparison.data, "Environment": comparison.environment}
    return pages.get_template("compare.html.j2").render(
        comparison=comparison,
        labels=[run.label for run in comparison.runs],
        parts=parts,
        verdicts=sentences.verdicts(comparison),
        notes=sentences.notes(comparison),
        setting=sentences.setting,
        metric=sentences.metric_text,
        curves=_curves(comparison),
    )


def _curves(comparison: Comparison) -> dict[str, Any] | None:
    histories = {run.label: run.history for run in comparison.runs if run.history.epochs}
    if not histories:
        return None
    from experiments.plots import DPI, validation_curves

    content = io.BytesIO()
    validation_curves(histories).savefig(content, format="png", dpi=DPI)
    ends = "; ".join(
        f"{label} ends at loss {sentences.metric_text('loss', history.epochs[-1].val_loss)}, accuracy"
        f" {sentences.metric_text('accuracy', history.epochs[-1].val_accuracy)}"
        for label, history in histories.items()
    )
    return embedded(content.getvalue(), "Curves", f"Validation loss and accuracy of each run, epoch by epoch: {ends}.")

"""The run folder's files → one self-contained page."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from experiments import diagnosis, folders, reproduction, runs
from experiments.config import defaults
from experiments.evaluation import Evaluation, calibration, most_confused
from experiments.reports import freshness, saved, wording
from experiments.reports.pages import environment, picture
from experiments.text import plain

PLOTS = {  # name: title and alternative text
    "training_curves": ("Training curves", "Training and validation loss and accuracy, epoch by epoch"),
    "diagnosis": (
        "Annotated curves",
        "Loss and accuracy of training and validation, with the best epochs, the gap between the two, and where"
        " overfitting begins",
    ),
    "beside_published": (
        "This run beside the published figures",
        "Training and validation loss and accuracy of this run as lines, the published epochs as points",
    ),
    "confusion_matrix": (
        "Confusion matrix",
        "Rows of the test split by true class (down) and predicted class (across)",
    ),
    "calibration": ("Reliability diagram", "Accuracy against confidence, and how many rows had which confidence"),
    "sample_predictions": (
        "Sample predictions",
        "Test images with the predicted class, its probability, and the truth",
    ),
    "worst_mistakes": ("Worst mistakes", "The wrong answers the model was surest of, with the truth"),
}
MAX_EPOCHS = 500  # rows of the history's table
PAIRS = 10


def render(folder: Path) -> str:
    """The page's HTML. Files that are not there (yet) leave their part out.

    Raises:
        UserError: the folder holds no run.
    """
    run = runs.read(folder)
    evaluation = saved.evaluation(folder, len(run["dataset"]["class_names"]) if run["dataset"] else None)
    history = saved.history(folder)
    report = saved.classification_report(folder)
    every = max(1, -(-len(history.epochs) // MAX_EPOCHS))
    return (
        environment()
        .get_template("run.html.j2")
        .render(
            run=run,
            made_from=freshness.of_page(folder),
            verdict=wording.verdict(run),
            interval=wording.accuracy_interval(run) if "test" in run["metrics"] else None,
            curves=wording.curves(history) if history.epochs else None,
            epochs=history.epochs[::-1][::every][::-1],  # the last one always
            every=every,
            findings=diagnosis.diagnose(history, run, report, evaluation),
            changed=defaults.changed(run.get("config") or {}),
            reproduced=reproduction.of_run(folder),
            report=report,
            calibration_error=None if evaluation is None else calibration(evaluation).error,
            confused=None if evaluation is None else _confused(evaluation, run["dataset"]["class_names"]),
            config=_lines(saved.config_text(folder)),
            plots=_plots(folder),
            sweep=_sweep(folder.resolve()),
            folder=str(folder),
            resume=f"python -m experiments resume {shlex.quote(str(folder))}",
        )
    )


def _sweep(folder: Path) -> dict[str, str] | None:
    """Where the page of the sweep is whose job the run is, from the run's own page; None of any other run."""
    is_job = folder.name.isdecimal() and (folder.parent / folders.SWEEP).is_file()
    return {"job": folder.name, "href": f"../{folders.SWEEP_PAGE}"} if is_job else None


def _lines(text: str) -> Markup:
    return Markup("\n").join(plain(line) for line in text.rstrip("\n").split("\n"))


def _confused(evaluation: Evaluation, class_names: list[str]) -> list[dict[str, Any]]:
    of_class = np.bincount(evaluation.y_true, minlength=len(class_names))
    return [
        {"truth": class_names[truth], "given": class_names[given], "rows": rows, "share": rows / of_class[truth]}
        for truth, given, rows in most_confused(evaluation, PAIRS)
    ]


def _plots(folder: Path) -> dict[str, dict[str, Any] | None]:
    return {name: picture(folder / "plots" / f"{name}.png", *words) for name, words in PLOTS.items()}

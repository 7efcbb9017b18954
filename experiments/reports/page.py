"""The run folder's files → one self-contained page."""

import base64
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from experiments.evaluation import wilson_interval
from experiments.history import History
from experiments.text import plain

PLOTS = {
    "training_curves.png": "Training and validation loss and accuracy, epoch by epoch",
    "confusion_matrix.png": "Confusion matrix of the test split: rows are true classes, columns predicted ones",
    "calibration.png": "Reliability diagram: accuracy against confidence",
    "sample_predictions.png": "The first test images with the class the model gave and how sure it was",
    "worst_mistakes.png": "The wrong answers the model was surest of",
}


def render(folder: Path) -> str:
    """The page's HTML. Files that are not there (yet) leave their part out."""
    environment = Environment(
        loader=PackageLoader("experiments.reports", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "percent": percent, "number": number, "duration": duration}
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    history = _history(folder)
    return environment.get_template("run.html.j2").render(
        run=run,
        verdict=verdict(run),
        history=history,
        report=_json(folder / "classification_report.json"),
        config=_text(folder / "config.yaml"),
        plots=_plots(folder),
        folder=str(folder),
    )


def verdict(run: dict[str, Any]) -> str:
    """The run in one sentence with the numbers that matter."""
    test = run["metrics"].get("test")
    epochs = f"{run['epochs_completed']} epoch{'' if run['epochs_completed'] == 1 else 's'}"
    if test is None:
        ending = {"running": "is still running, or was killed", "diverged": "diverged"}.get(
            run["status"], run["status"]
        )
        return f"The run {ending} after {epochs}."
    rows = run["dataset"]["sizes"]["test"]
    correct = round(test["accuracy"] * rows)
    low, high = wilson_interval(correct, rows)
    return (
        f"{percent(test['accuracy'])} of {rows:,} test rows right (95 % interval {low * 100:.1f}–{high * 100:.1f} %)"
        f" after {epochs} in {duration(run['duration_seconds'])}."
    )


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.2f} %"


def number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _plots(folder: Path) -> dict[str, dict[str, str] | None]:
    found: dict[str, dict[str, str] | None] = {name.removesuffix(".png"): None for name in PLOTS}
    for name, alt in PLOTS.items():
        path = folder / "plots" / name
        if path.is_file():
            content = base64.b64encode(path.read_bytes()).decode()
            found[name.removesuffix(".png")] = {"alt": alt, "uri": f"data:image/png;base64,{content}"}
    return found


def _history(folder: Path) -> History:
    text = _text(folder / "history.csv")
    return History.from_csv(text) if text else History()


def _json(path: Path) -> Any:
    text = _text(path)
    return json.loads(text) if text else None


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None

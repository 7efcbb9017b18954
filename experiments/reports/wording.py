"""Numbers and outcomes in words, as the page says them."""

from datetime import datetime
from typing import Any

from experiments.dotted import value_at
from experiments.evaluation import wilson_interval
from experiments.history import History

ENDINGS = {"running": "is still running, or was killed,", "interrupted": "was interrupted"}


def verdict(run: dict[str, Any]) -> str:
    """A run's record in one sentence with the numbers that matter."""
    epochs = _epochs(run)
    test = run["metrics"].get("test")
    if test is None or not run["dataset"]:
        status = run["status"]
        return f"The run {ENDINGS.get(status, status)} after {epochs}."
    rows = run["dataset"]["sizes"]["test"]
    low, high = accuracy_interval(run)
    return (
        f"{percent(test['accuracy'])} of {rows:,} test rows right (95 % interval {low * 100:.1f}–{high * 100:.1f} %)"
        f" after {epochs} in {duration(run['duration_seconds'])}{_kept(run)}."
    )


def accuracy_interval(run: dict[str, Any]) -> tuple[float, float]:
    """Wilson's 95 % interval of the test accuracy."""
    rows = run["dataset"]["sizes"]["test"]
    return wilson_interval(round(run["metrics"]["test"]["accuracy"] * rows), rows)


def curves(history: History) -> str:
    """The training curves in one sentence, for who reads instead of looks."""
    last = history.epochs[-1]
    lowest = min(history.epochs, key=lambda epoch: (epoch.val_loss != epoch.val_loss, epoch.val_loss))  # NaN last
    highest = max(history.epochs, key=lambda epoch: epoch.val_accuracy)
    return (
        f"Validation loss is lowest at epoch {lowest.epoch} ({number(lowest.val_loss)}), validation accuracy highest at"
        f" epoch {highest.epoch} ({percent(highest.val_accuracy)}). At the end, epoch {last.epoch}: training loss"
        f" {number(last.loss)}, validation loss {number(last.val_loss)}, training accuracy {percent(last.accuracy)},"
        f" validation accuracy {percent(last.val_accuracy)}."
    )


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.2f} %"


def number(value: float | None, digits: int = 4) -> str:
    """Thousands apart; whole numbers as they are, others with `digits` after the point or as a power of ten."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3e}" if digits and abs(value) >= 1e5 else f"{value:,.{digits}f}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(text: str | None) -> str:
    """A time of ISO 8601 as people write it; what is none stays as it is."""
    try:
        return datetime.fromisoformat(text or "").strftime("%Y-%m-%d %H:%M:%S %z").strip()
    except ValueError:
        return text or "–"


def _kept(run: dict[str, Any]) -> str:
    """Which weights those are, where not the last epoch's."""
    kept = run.get("kept_epoch")
    return "" if kept in (None, run["epochs_completed"]) else f", with the weights of epoch {kept}"


def _epochs(run: dict[str, Any]) -> str:
    done = run["epochs_completed"]
    planned = value_at(run, "config.trainer.epochs", done)
    if done != planned:
        return f"{done:,} of {planned:,} epoch{'' if planned == 1 else 's'}"
    return f"{done:,} epoch{'' if done == 1 else 's'}"

"""What a run's curves and results mean, in words: rules, each with its evidence and a way out (docs/diagnosis.md).

Curves are noisy, so that no rule looks at one epoch alone: values are means over a window of a tenth of the epochs, at
least two. Below MIN_EPOCHS nothing is said of curves.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.diagnosis.answers import of_classes, of_confidence
from experiments.diagnosis.curves import count, finite, of_curves
from experiments.diagnosis.finding import Finding
from experiments.evaluation import Evaluation
from experiments.history import History

__all__ = ["MIN_EPOCHS", "Finding", "diagnose"]

MIN_EPOCHS = 5


def diagnose(
    history: History, record: Mapping[str, Any], report: Any = None, evaluation: Evaluation | None = None
) -> list[Finding]:
    """All findings, the gravest first. `record` as in run.json, `report` as in classification_report.json."""
    found = [*_of_the_end(history, record)]
    curves = finite(history)
    if 0 < len(curves.epochs) < MIN_EPOCHS:
        sentence = f"{count(len(curves.epochs))}: too few to say how the training goes."
        found.append(Finding("short", "note", sentence, "Raise trainer.epochs."))
    elif curves.epochs:
        found += of_curves(curves, record)
    found += [*of_classes(report), *of_confidence(evaluation)]
    if not any(finding.severity in ("warning", "bad") for finding in found) and len(curves.epochs) >= MIN_EPOCHS:
        found.append(Finding("healthy", "good", "Nothing in the curves or the classes speaks against this training."))
    order = ("bad", "warning", "note", "good")
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _of_the_end(history: History, record: Mapping[str, Any]) -> Iterator[Finding]:
    planned = ((record.get("config") or {}).get("trainer") or {}).get("epochs")
    done = len(history.epochs)
    if record["status"] == "diverged":
        rate = ((record.get("config") or {}).get("optimizer") or {}).get("learning_rate")
        high = f" (it is {rate:g})" if isinstance(rate, float | int) else ""
        yield Finding(
            "diverged",
            "bad",
            f"The loss diverged: {record.get('error') or 'it was not finite'}.",
            f"The learning rate is too high{high}: try a tenth of optimizer.learning_rate, or optimizer.clipnorm=1.0.",
            done + 1,
        )
    elif record.get("pruned"):
        yield Finding("pruned", "note", f"The search gave this run up after epoch {record['pruned']}.", epoch=done)
    elif record["status"] == "completed" and isinstance(planned, int) and 0 < done < planned:
        yield Finding("stopped", "note", f"Training ended by itself after epoch {done} of {planned}.", epoch=done)

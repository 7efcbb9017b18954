"""What a run's curves and results mean, in words: rules, each with its evidence and a way out (docs/diagnosis.md).

Curves are noisy, so that no rule looks at one epoch alone: values are means over a window of a tenth of the epochs, at
least two. Below MIN_EPOCHS nothing is said of curves.
"""

from collections.abc import Mapping
from typing import Any

from experiments.diagnosis.answers import of_classes, of_confidence
from experiments.diagnosis.curves import count, finite, of_curves
from experiments.diagnosis.ending import PRUNED, Ending, of_the_end
from experiments.diagnosis.finding import Finding
from experiments.evaluation import Evaluation
from experiments.history import History

__all__ = ["MIN_EPOCHS", "Finding", "diagnose"]

MIN_EPOCHS = 5
LONGER_HELPS = {"short", "slow", "falling"}  # findings by which a longer training would do more


def diagnose(
    history: History, record: Mapping[str, Any], report: Any = None, evaluation: Evaluation | None = None
) -> list[Finding]:
    """All findings, the gravest first. `record` as in run.json, `report` as in classification_report.json.

    What is said agrees with how the training ended: see `Ending`.
    """
    ending = Ending.of(record, len(history.epochs))
    found = [*of_the_end(ending, record)]
    curves = finite(history)
    if 0 < len(curves.epochs) < MIN_EPOCHS:
        sentence = f"{count(len(curves.epochs))}: too few to say how the training goes."
        found.append(Finding("short", "note", sentence, ending.longer))
    elif curves.epochs:
        found += of_curves(curves, record, ending)
    kinds = {finding.kind for finding in found}
    found += [*of_classes(report, ending.longer if kinds & LONGER_HELPS else "")]
    found += [*of_confidence(evaluation, overfits="overfitting" in kinds and not ending.stops_early)]
    nothing_bad = not any(each.severity in ("warning", "bad") or each.kind == "overfitting" for each in found)
    ended_well = ending.status in ("completed", "running", "interrupted") and ending.stopped_by != PRUNED
    if nothing_bad and ended_well and len(curves.epochs) >= MIN_EPOCHS:
        so_far = "" if ending.is_finished else " so far"
        sentence = f"Nothing in the curves or the classes speaks against this training{so_far}."
        found.append(Finding("healthy", "good", sentence))
    order = ("bad", "warning", "note", "good")
    return sorted(found, key=lambda finding: order.index(finding.severity))

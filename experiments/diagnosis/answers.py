"""Rules on what a network answers: its classes, its confidence."""

import statistics
from collections.abc import Iterator
from typing import Any

from experiments.diagnosis.finding import Finding
from experiments.evaluation import Evaluation

WORSE = 0.2  # of F1 below the mean of the classes
IMBALANCE = 3.0  # times as many samples in the commonest class as in the rarest
MISCALIBRATED = 0.05


def of_classes(report: Any, longer: str) -> Iterator[Finding]:
    """Findings of a classification report (classification_report.json), none of None.

    `longer` is the advice that makes a training longer, "" where that would not help.
    """
    classes = [row for row in (report or {}).get("classes", []) if row["support"]]
    if len(classes) < 2:
        return
    unseen = [row["name"] for row in classes if row["recall"] == 0]
    if unseen:
        names = ", ".join(unseen[:5]) + (f" and {len(unseen) - 5} more" if len(unseen) > 5 else "")
        sentence = f"Not one sample is recognised of {'class' if len(unseen) == 1 else 'the classes'} {names}."
        see = "ee whether its samples are as they should be."
        yield Finding("unseen_class", "warning", sentence, f"{longer.rstrip('.')}, or s{see}" if longer else f"S{see}")
    mean = statistics.fmean(row["f1-score"] for row in classes)
    worst = min(classes, key=lambda row: row["f1-score"])
    if worst["recall"] > 0 and worst["f1-score"] < mean - WORSE:
        name, f1 = worst["name"], worst["f1-score"]
        sentence = f"Class {name} is recognised far worse than the others: F1 {f1:.2f}, mean {mean:.2f}."
        yield Finding("weak_class", "note", sentence, "Look at its mistakes below.")
    rows = [row["support"] for row in classes]
    if max(rows) >= IMBALANCE * min(rows):
        commonest, rarest = (pick(classes, key=lambda row: row["support"]) for pick in (max, min))
        yield Finding(
            "imbalance",
            "note",
            f"Class {commonest['name']} has {commonest['support']:,.0f} test samples, {rarest['name']}"
            f" {rarest['support']:,.0f}: accuracy says little of the rare classes, their recall says more.",
        )


def of_confidence(evaluation: Evaluation | None, overfits: bool) -> Iterator[Finding]:
    """Whether probabilities can be taken at their word; of a network that `overfits`, fewer epochs help."""
    if evaluation is None or not len(evaluation.y_true):
        return
    above = float(evaluation.probabilities.max(axis=1).mean()) - evaluation.accuracy
    if abs(above) >= MISCALIBRATED:
        yield Finding(
            "overconfident" if above > 0 else "underconfident",
            "note",
            f"Its confidence is on average {100 * abs(above):.0f} points {'above' if above > 0 else 'below'} its"
            " accuracy: the probabilities are not to be taken at their word.",
            ""
            if above < 0
            else f"{'Fewer epochs or m' if overfits else 'M'}ore model.dropout would make it less sure.",
        )

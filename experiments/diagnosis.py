"""What a run's curves and results mean, in words: rules, each with its evidence and a way out (docs/diagnosis.md).

Curves are noisy, so that no rule looks at one epoch alone: values are means over a window of a tenth of the epochs, at
least two. Below MIN_EPOCHS nothing is said of curves.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from experiments.evaluation import Evaluation
from experiments.history import History

MIN_EPOCHS = 5
RISE = 0.05  # of validation loss above its lowest, relative: more than noise
GAP = 0.05  # between training and validation accuracy, from which it is worth a word
FALL = 0.01  # of the loss over the last window, relative: still falling
FLAT = 0.002  # less than this over the last third: nothing moves
UNSTEADY = 0.3  # of the epochs in which the training loss rises …
JUMP = 0.05  # … by this much on average, relative
SLOW = 0.3  # the part of its first value that a loss has lost at the end, below which learning is slow
STEADY = 0.8  # of the epochs in which the training loss falls
FITTED = 0.9  # a training accuracy from which the training rows count as learnt
CHANCE = 1.3  # times the accuracy of always naming the commonest class
LOST = 0.01  # accuracy that the last epoch lacks to the best
WORSE = 0.2  # of F1 below the mean of the classes
IMBALANCE = 3.0  # times as many rows in the commonest class as in the rarest
MISCALIBRATED = 0.05

Severity = Literal["good", "note", "warning", "bad"]


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: `sentence` says what with its numbers, `advice` what to try ("" for nothing).

    `epoch` is where it begins, where it begins somewhere.
    """

    kind: str
    severity: Severity
    sentence: str
    advice: str = ""
    epoch: int | None = None


@dataclass(frozen=True)
class _Curves:
    """The finite epochs, and how wide a window is."""

    epochs: list[int]
    loss: list[float]
    accuracy: list[float]
    val_loss: list[float]
    val_accuracy: list[float]

    @property
    def width(self) -> int:
        return max(2, len(self.epochs) // 10)

    def last(self, column: str, windows_back: int = 0) -> float:
        """The mean of a column over its last window, or one before."""
        values = getattr(self, column)
        stop = len(values) - windows_back * self.width
        return statistics.fmean(values[max(0, stop - self.width) : stop])

    def smooth(self, column: str) -> list[float]:
        """Means of a window around each epoch."""
        values, half = getattr(self, column), self.width // 2
        return [statistics.fmean(values[max(0, at - half) : at + half + 1]) for at in range(len(values))]


def diagnose(
    history: History, record: Mapping[str, Any], report: Any = None, evaluation: Evaluation | None = None
) -> list[Finding]:
    """All findings, the gravest first. `record` as in run.json, `report` as in classification_report.json."""
    found = [*_of_the_end(history, record)]
    curves = _curves(history)
    if 0 < len(curves.epochs) < MIN_EPOCHS:
        sentence = f"{_count(len(curves.epochs))}: too few to say how the training goes."
        found.append(Finding("short", "note", sentence, "Raise trainer.epochs."))
    elif curves.epochs:
        found += _of_curves(curves, record)
    found += [*_of_classes(report), *_of_confidence(evaluation)]
    if not any(finding.severity in ("warning", "bad") for finding in found) and len(curves.epochs) >= MIN_EPOCHS:
        found.append(Finding("healthy", "good", "Nothing in the curves or the classes speaks against this training."))
    order = ("bad", "warning", "note", "good")
    return sorted(found, key=lambda finding: order.index(finding.severity))


def _curves(history: History) -> _Curves:
    finite = [each for each in history.epochs if all(abs(value) < float("inf") for value in each[1:5])]
    columns = ([getattr(each, name) for each in finite] for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
    return _Curves([each.epoch for each in finite], *columns)


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


def _of_curves(curves: _Curves, record: Mapping[str, Any]) -> Iterator[Finding]:
    classes = len((record.get("dataset") or {}).get("class_names") or [])
    if (found := _never_learned(curves, record, classes)) is not None:
        yield found
        return
    overfitting = _overfitting(curves)
    rules: list[Callable[[_Curves], Finding | None]] = [_unsteady, _best_epoch]
    if overfitting is not None:
        yield overfitting
    else:
        rules += [_gap, _slow_or_falling, _flat]
    yield from [found for rule in rules if (found := rule(curves)) is not None]


def _never_learned(curves: _Curves, record: Mapping[str, Any], classes: int) -> Finding | None:
    counts = (((record.get("dataset") or {}).get("class_counts") or {}).get("train")) or []
    chance = max(counts) / sum(counts) if counts and sum(counts) else 1 / classes if classes else 0.0
    accuracy = curves.last("accuracy")
    slowly = curves.last("loss") < (1 - FALL) * curves.loss[0]
    if not chance or accuracy > CHANCE * chance or slowly:
        return None
    return Finding(
        "never_learned",
        "bad",
        f"Training accuracy ends at {accuracy:.1%}, no better than always naming one class ({chance:.1%}).",
        "Try another optimizer.learning_rate (a tenth, or ten times as much), or another model.activation.",
        curves.epochs[0],
    )


def _overfitting(curves: _Curves) -> Finding | None:
    smooth = curves.smooth("val_loss")
    best = min(range(len(smooth)), key=smooth.__getitem__)
    end, training = curves.last("val_loss"), curves.smooth("loss")
    if best >= len(smooth) - curves.width or end < (1 + RISE) * smooth[best] or curves.last("loss") >= training[best]:
        return None
    gap = curves.last("accuracy") - curves.last("val_accuracy")
    return Finding(
        "overfitting",
        "warning",
        f"Validation loss rises from epoch {curves.epochs[best] + 1} on, from {smooth[best]:.3f} to {end:.3f}, while"
        f" training loss falls to {curves.last('loss'):.3f}: overfitting. Training accuracy ends {100 * gap:.1f} points"
        " above validation accuracy.",
        "Stop there (trainer.early_stopping.patience=5), drop units out (model.dropout=0.3), or use fewer of them.",
        curves.epochs[best] + 1,
    )


def _gap(curves: _Curves) -> Finding | None:
    gap = curves.last("accuracy") - curves.last("val_accuracy")
    if gap < GAP:
        return None
    return Finding(
        "gap",
        "note",
        f"Training accuracy ends {100 * gap:.1f} points above validation accuracy, whose loss does not rise.",
        "More data, model.dropout or optimizer.weight_decay would narrow it.",
    )


def _slow_or_falling(curves: _Curves) -> Finding | None:
    steps = [second < first for first, second in zip(curves.loss, curves.loss[1:], strict=False)]
    lost = 1 - curves.last("loss") / curves.loss[0] if curves.loss[0] > 0 else 1.0
    if 0 < lost < SLOW and sum(steps) >= STEADY * len(steps) and curves.last("accuracy") < FITTED:
        return Finding(
            "slow",
            "warning",
            f"Training loss falls steadily, but has lost only {lost:.0%} of its first value in"
            f" {_count(len(curves.epochs))}: the learning rate is low for so few epochs.",
            "Raise optimizer.learning_rate (three to ten times), or trainer.epochs.",
        )
    before, end = curves.last("val_loss", 1), curves.last("val_loss")
    fall = (before - end) / before if before > 0 else 0.0
    if len(curves.epochs) < 2 * curves.width or fall < FALL:
        return None
    return Finding(
        "falling",
        "note",
        f"Validation loss still falls, by {fall:.1%} over the last {curves.width} epochs: training longer would help.",
        "Raise trainer.epochs.",
    )


def _flat(curves: _Curves) -> Finding | None:
    third = len(curves.epochs) // 3
    if third < 3:
        return None
    start = statistics.fmean(curves.val_loss[-third : -third + 2])
    end, accuracy = curves.last("val_loss"), curves.last("accuracy")
    gap = accuracy - curves.last("val_accuracy")
    if start <= 0 or abs(start - end) / start > FLAT:
        return None
    if accuracy < FITTED and gap < GAP:
        return Finding(
            "underfitting",
            "warning",
            f"Training accuracy stays at {accuracy:.1%} and the loss has stopped falling: the network is too small, or"
            " its learning rate too low, to fit the training rows.",
            "More model.hidden_units, another model.activation, or another optimizer.",
            curves.epochs[-third],
        )
    return Finding(
        "plateau",
        "note",
        f"Since epoch {curves.epochs[-third]} nothing moves: validation loss stays at {end:.3f}.",
        "Fewer trainer.epochs would do.",
        curves.epochs[-third],
    )


def _unsteady(curves: _Curves) -> Finding | None:
    steps = [(b - a) / a for a, b in zip(curves.loss, curves.loss[1:], strict=False) if a > 0]
    rises = [step for step in steps if step > 0]
    if not rises or len(rises) < UNSTEADY * len(steps) or statistics.fmean(rises) < JUMP:
        return None
    return Finding(
        "unsteady",
        "warning",
        f"Training loss rises in {len(rises)} of {len(steps)} epochs, by {statistics.fmean(rises):.0%} on average:"
        " the learning rate is too high.",
        "Lower optimizer.learning_rate, or let it fall (trainer.schedule.decay=cosine).",
    )


def _best_epoch(curves: _Curves) -> Finding | None:
    best = max(range(len(curves.epochs)), key=curves.val_accuracy.__getitem__)
    lost = curves.val_accuracy[best] - curves.val_accuracy[-1]
    if lost < LOST:
        return None
    return Finding(
        "best_epoch",
        "note",
        f"Epoch {curves.epochs[best]} had the best validation accuracy, {curves.val_accuracy[best]:.2%}; the last one,"
        f" which is kept, lacks {100 * lost:.1f} points to it.",
        "trainer.early_stopping.patience with monitor=val_accuracy keeps the best weights.",
        curves.epochs[best],
    )


def _of_classes(report: Any) -> Iterator[Finding]:
    classes = [row for row in (report or {}).get("classes", []) if row["support"]]
    if len(classes) < 2:
        return
    unseen = [row["name"] for row in classes if row["recall"] == 0]
    if unseen:
        names = ", ".join(unseen[:5]) + (f" and {len(unseen) - 5} more" if len(unseen) > 5 else "")
        sentence = f"Not one row is recognised of {'class' if len(unseen) == 1 else 'the classes'} {names}."
        yield Finding(
            "unseen_class", "warning", sentence, "Train longer, or see whether its rows are as they should be."
        )
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
            f"Class {commonest['name']} has {commonest['support']:,.0f} test rows, {rarest['name']}"
            f" {rarest['support']:,.0f}: accuracy says little of the rare classes, their recall says more.",
        )


def _of_confidence(evaluation: Evaluation | None) -> Iterator[Finding]:
    if evaluation is None or not len(evaluation.y_true):
        return
    above = float(evaluation.probabilities.max(axis=1).mean()) - evaluation.accuracy
    if abs(above) >= MISCALIBRATED:
        yield Finding(
            "overconfident" if above > 0 else "underconfident",
            "note",
            f"Its confidence is on average {100 * abs(above):.0f} points {'above' if above > 0 else 'below'} its"
            " accuracy: the probabilities are not to be taken at their word.",
            "Fewer epochs or model.dropout make it less sure." if above > 0 else "",
        )


def _count(epochs: int) -> str:
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"

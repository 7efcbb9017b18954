"""Rules on training curves, all on means over windows: curves are noisy."""

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from experiments.diagnosis.ending import Ending
from experiments.diagnosis.finding import Finding
from experiments.dotted import value_at
from experiments.history import History

RISE = 0.05  # of validation loss above its lowest, relative: more than noise
NOISE = 4.0  # … and by so many standard deviations of a window's mean
GAP = 0.05  # between training and validation accuracy, from which it is worth a word
FALL = 0.01  # of the loss over the last window, relative: still falling
FLAT = 0.002  # less than this over the last third: nothing moves
UNSTEADY = 0.3  # of the epochs in which the training loss rises …
JUMP = 0.05  # … by this much on average, relative
SLOW = 0.3  # the part of its first value that a loss has lost at the end, below which learning is slow
STEADY = 0.8  # of the epochs in which the training loss falls
FITTED = 0.9  # a training accuracy from which the training samples count as learnt
CHANCE = 1.3  # times the accuracy of always naming the commonest class
LOST = 0.01  # accuracy that the epoch whose weights are kept lacks to the best


@dataclass(frozen=True)
class Curves:
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


def finite(history: History) -> Curves:
    """A history without the epochs in which something was not finite."""
    kept = [each for each in history.epochs if all(abs(value) < float("inf") for value in each[1:5])]
    columns = ([getattr(each, name) for each in kept] for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
    return Curves([each.epoch for each in kept], *columns)


def of_curves(curves: Curves, record: Mapping[str, Any], ending: Ending) -> Iterator[Finding]:
    """All findings of curves that are long enough to say something of."""
    classes = len((record.get("dataset") or {}).get("class_names") or [])
    if (found := _never_learned(curves, record, classes, ending)) is not None:
        yield found
        return
    found_of_rules = [_unsteady(curves, ending), _best_epoch(curves, ending)]
    if (overfitting := _overfitting(curves, ending)) is not None:
        found_of_rules.append(overfitting)
    else:
        found_of_rules += [_gap(curves, ending), _pace(curves, ending, unsteady=found_of_rules[0] is not None)]
    yield from [each for each in found_of_rules if each is not None]


def _pace(curves: Curves, ending: Ending, unsteady: bool) -> Finding | None:
    """One of the rules that say whether more epochs would help, so that they never say both."""
    found = _slow_or_falling(curves, ending)
    return found if found is not None or unsteady else _flat(curves, ending)


def _never_learned(curves: Curves, record: Mapping[str, Any], classes: int, ending: Ending) -> Finding | None:
    counts = (((record.get("dataset") or {}).get("class_counts") or {}).get("train")) or []
    chance = max(counts) / sum(counts) if counts and sum(counts) else 1 / classes if classes else 0.0
    accuracy = curves.last("accuracy")
    guessing = math.log(classes) if classes > 1 else math.inf  # the loss of giving all classes the same probability
    slowly = curves.last("loss") < min((1 - FALL) * curves.loss[0], guessing)
    if not chance or accuracy > CHANCE * chance or slowly:
        return None
    return Finding(
        "never_learned",
        "bad",
        f"Training accuracy {ending.ends} at {accuracy:.1%}, no better than always naming one class ({chance:.1%}).",
        "Try another optimizer.learning_rate (a tenth, or ten times as much), or another model.activation.",
        curves.epochs[0],
    )


def _overfitting(curves: Curves, ending: Ending) -> Finding | None:
    smooth = curves.smooth("val_loss")
    best = min(range(len(smooth)), key=smooth.__getitem__)
    end, training = curves.last("val_loss"), curves.smooth("loss")
    enough = max(RISE * smooth[best], NOISE * _noise(curves.val_loss) / math.sqrt(curves.width))
    if best >= len(smooth) - curves.width or end < smooth[best] + enough or curves.last("loss") >= training[best]:
        return None
    begins, gap = curves.epochs[best] + 1, curves.last("accuracy") - curves.last("val_accuracy")
    # The lowest point is that of a smoothed curve: the true one may be some epochs away.
    undone = ending.kept is not None and ending.kept <= begins + curves.width and ending.kept != ending.done
    sentence = (
        f"Validation loss rises from epoch {begins} on, from {smooth[best]:.3f} to {end:.3f}, while training loss falls"
        f" to {curves.last('loss'):.3f}: overfitting. Training accuracy {ending.ends} {100 * gap:.1f} points above"
        " validation accuracy."
    )
    if undone:
        sentence += f" The weights that are kept are of epoch {ending.kept}."
    advice = [] if undone else [_stop_there(ending)]
    dropout, units = (value_at(ending.config, f"model.{key}") for key in ("dropout", "hidden_units"))
    advice.append(f"more model.dropout (it is {dropout})" if dropout else "model.dropout=0.3")
    advice += ["fewer model.hidden_units"] if units != [] else []
    joined = f"{', '.join(advice[:-1])} or {advice[-1]}" if advice[1:] else advice[0]
    return Finding(
        "overfitting", "note" if undone else "warning", sentence, f"Against it: {joined}.", curves.epochs[best] + 1
    )


def _stop_there(ending: Ending) -> str:
    """The setting by which a training ends, or keeps the weights, where validation loss is lowest."""
    if not ending.stops_early:
        return "trainer.early_stopping.patience=5"
    if ending.monitor != "val_loss":
        return "trainer.early_stopping.monitor=val_loss"
    if not value_at(ending.config, "trainer.early_stopping.restore_best_weights"):
        return "trainer.early_stopping.restore_best_weights=true"
    return "a smaller trainer.early_stopping.patience"


def _noise(values: list[float]) -> float:
    """The standard deviation of a curve's noise, from the median step between epochs: a trend changes it little."""
    steps = [abs(second - first) for first, second in itertools.pairwise(values)]
    return 1.4826 * statistics.median(steps) / math.sqrt(2)


def _gap(curves: Curves, ending: Ending) -> Finding | None:
    gap = curves.last("accuracy") - curves.last("val_accuracy")
    if gap < GAP:
        return None
    return Finding(
        "gap",
        "note",
        f"Training accuracy {ending.ends} {100 * gap:.1f} points above validation accuracy, whose loss does not rise.",
        "More data, model.dropout or optimizer.weight_decay would narrow it.",
    )


def _slow_or_falling(curves: Curves, ending: Ending) -> Finding | None:
    steps = [second < first for first, second in itertools.pairwise(curves.loss)]
    lost = 1 - curves.last("loss") / curves.loss[0] if curves.loss[0] > 0 else 1.0
    if 0 < lost < SLOW and sum(steps) >= STEADY * len(steps) and curves.last("accuracy") < FITTED:
        return Finding(
            "slow",
            "warning",
            f"Training loss falls steadily, but has lost only {lost:.0%} of its first value in"
            f" {count(len(curves.epochs))}: the learning rate is low for so few epochs.",
            f"Raise optimizer.learning_rate (three to ten times). {ending.longer}".rstrip(),
        )
    before, end = curves.last("val_loss", 1), curves.last("val_loss")
    fall = (before - end) / before if before > 0 else 0.0
    if len(curves.epochs) < 2 * curves.width or fall < FALL:
        return None
    return Finding(
        "falling",
        "note",
        f"Validation loss still falls, by {fall:.1%} over the last {curves.width} epochs"
        + (": training longer would help." if ending.longer else "."),
        ending.longer,
    )


def _flat(curves: Curves, ending: Ending) -> Finding | None:
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
            " its learning rate too low, to fit the training samples.",
            "More model.hidden_units, another model.activation, or another optimizer.",
            curves.epochs[-third],
        )
    return Finding(
        "plateau",
        "note",
        f"Since epoch {curves.epochs[-third]} nothing moves: validation loss stays at {end:.3f}.",
        ending.shorter,
        curves.epochs[-third],
    )


def _unsteady(curves: Curves, ending: Ending) -> Finding | None:
    steps = [(b - a) / a for a, b in itertools.pairwise(curves.loss) if a > 0]
    rises = [step for step in steps if step > 0]
    decay = value_at(ending.config, "trainer.schedule.decay")
    if not rises or len(rises) < UNSTEADY * len(steps) or statistics.fmean(rises) < JUMP:
        return None
    return Finding(
        "unsteady",
        "warning",
        f"Training loss rises in {len(rises)} of {len(steps)} epochs, by {statistics.fmean(rises):.0%} on average:"
        " the learning rate is too high.",
        "Lower optimizer.learning_rate"
        + (", or let it fall (trainer.schedule.decay=cosine)." if decay in (None, "none") else "."),
    )


def _best_epoch(curves: Curves, ending: Ending) -> Finding | None:
    """Whether the weights that are kept, or may be, are of an epoch that is clearly not the best."""
    if ending.status != "completed":
        return None  # no weights are kept yet, or none that are finite
    compared = curves.epochs.index(ending.kept) if ending.kept in curves.epochs else -1
    best = max(range(len(curves.epochs)), key=curves.val_accuracy.__getitem__)
    lost = 100 * (curves.val_accuracy[best] - curves.val_accuracy[compared])
    if lost < 100 * LOST:
        return None
    if ending.kept is None:
        lacks = f"the last one lacks {lost:.1f} points to it."
    elif ending.kept == ending.done:
        lacks = f"the last one, which is kept, lacks {lost:.1f} points to it."
    else:
        lacks = f"epoch {ending.kept}, whose weights are kept, lacks {lost:.1f} points to it."
    if not ending.stops_early:
        advice = "trainer.early_stopping.patience with monitor=val_accuracy keeps the best weights."
    elif ending.monitor != "val_accuracy":
        advice = "trainer.early_stopping.monitor=val_accuracy keeps its weights."
    elif ending.kept == ending.done:
        advice = "trainer.early_stopping.restore_best_weights=true keeps its weights."
    else:
        advice = ""
    return Finding(
        "best_epoch",
        "note",
        f"Epoch {curves.epochs[best]} had the best validation accuracy, {curves.val_accuracy[best]:.2%}; {lacks}",
        advice,
        curves.epochs[best],
    )


def count(epochs: int) -> str:
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"

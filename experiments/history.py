"""What training measured, epoch by epoch, and its form on disk (history.csv)."""

import csv
import io
import itertools
from dataclasses import dataclass, field
from typing import NamedTuple

LARGEST = 1e100  # of a value that is finite; float32, in which it is measured, ends at 3.4e38
LARGEST_EPOCH = 10**9
COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")


class Epoch(NamedTuple):
    """One row of history.csv: losses in nats, accuracies in [0, 1], the learning rate at the epoch's end."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class History:
    """The finished epochs, first to last; `epochs[0].epoch` is 1."""

    epochs: list[Epoch] = field(default_factory=list)

    def column(self, name: str) -> list[float]:
        return [getattr(epoch, name) for epoch in self.epochs]

    def to_csv(self) -> str:
        """The text of history.csv; numbers in full precision, so that reading it back gives the same values."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(self.epochs)
        return text.getvalue()

    @classmethod
    def from_csv(cls, text: str) -> "History":
        """What `to_csv` wrote; further columns may stand beside.

        Raises:
            ValueError: a column or value is missing, or is no number that training writes; the line is named.
        """
        rows = csv.reader(io.StringIO(text))
        try:
            header = next(rows, [])
            places = [header.index(name) for name in COLUMNS]
            epochs = [_epoch([row[place] for place in places]) for row in rows]
        except (csv.Error, ValueError, IndexError) as error:
            raise ValueError(f"line {rows.line_num}: {error}") from None
        later = itertools.pairwise(epochs)
        wrong = next((second.epoch for first, second in later if second.epoch <= first.epoch), None)
        if wrong is not None or (epochs and epochs[0].epoch < 1):
            raise ValueError(f"epoch {wrong if wrong is not None else epochs[0].epoch} is out of order")
        return cls(epochs)


def _epoch(texts: list[str]) -> Epoch:
    epoch = Epoch(int(texts[0]), *map(float, texts[1:]))
    if epoch.epoch > LARGEST_EPOCH or any(LARGEST < abs(value) < float("inf") for value in epoch[1:]):
        raise ValueError("a number is too large")
    return epoch

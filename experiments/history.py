"""What training measured, epoch by epoch, and its form on disk (history.csv)."""

import csv
import io
from dataclasses import dataclass, field
from typing import NamedTuple

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
        rows = csv.DictReader(io.StringIO(text))
        return cls([Epoch(int(row["epoch"]), *(float(row[name]) for name in COLUMNS[1:])) for row in rows])

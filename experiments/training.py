"""Model + Dataset → History."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.datasets import Dataset
from experiments.history import Epoch, History

if TYPE_CHECKING:
    import keras


class Diverged(Exception):
    """The loss is no number any more."""

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(f"the loss is not finite at epoch {epoch}, step {step}")
        self.epoch = epoch
        self.step = step


def train(
    model: "keras.Model",
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    history: History,
    on_step: Callable[[int, dict[str, float]], None],
    on_epoch: Callable[[Epoch], None],
) -> History:
    """Train a compiled model; each finished epoch is added to `history`.

    Raises:
        Diverged: the loss became NaN or infinite; `history` then holds the epochs before.
    """
    import keras

    class Progress(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.number = epoch + 1
            self.started = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if not np.isfinite(logs["loss"]):
                raise Diverged(self.number, batch + 1)
            on_step(batch + 1, logs)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            rate = float(str(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))  # 0.01, not 0.00999…
            loss, accuracy, val_loss, val_accuracy = (
                float(logs[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")
            )
            seconds = time.perf_counter() - self.started
            row = Epoch(self.number, loss, accuracy, val_loss, val_accuracy, rate, seconds)
            history.epochs.append(row)
            on_epoch(row)

    model.fit(
        dataset.train.x,
        dataset.train.y,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(dataset.validation.x, dataset.validation.y),
        validation_batch_size=1024,
        verbose=0,
        callbacks=[Progress()],
    )
    return history

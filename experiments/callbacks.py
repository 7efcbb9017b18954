"""Config → Keras callbacks: what changes or ends a training while it runs."""

import math
from collections.abc import Sequence
from typing import Any

from experiments.config.schema import ScheduleConfig, TrainerConfig
from experiments.training import time_budget


def build_callbacks(config: TrainerConfig, learning_rate: float) -> list[Any]:
    """The callbacks that a config asks for; `learning_rate` is the optimizer's own."""
    import keras

    callbacks: list[Any] = []
    if config.schedule.decay != "none" or config.schedule.warmup_epochs:
        callbacks.append(
            keras.callbacks.LearningRateScheduler(
                lambda epoch: learning_rate * fraction(config.schedule, epoch, config.epochs)
            )
        )
    plateau = config.reduce_on_plateau
    if plateau.patience is not None:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=plateau.monitor,
                factor=plateau.factor,
                patience=plateau.patience,
                min_delta=plateau.min_delta,
                cooldown=plateau.cooldown,
                min_lr=plateau.min_learning_rate,
            )
        )
    early = config.early_stopping
    if early.patience is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=early.monitor,
                min_delta=early.min_delta,
                patience=early.patience,
                restore_best_weights=early.restore_best_weights,
            )
        )
    if config.max_minutes is not None:
        callbacks.append(time_budget(config.max_minutes))
    return callbacks


def ending(callbacks: Sequence[Any], epochs: int, planned: int) -> dict[str, Any]:
    """What run.json says of a training that has ended after `epochs` of the `planned` ones.

    `stopped_by`: `pruned`, `early_stopping`, `max_minutes` or `callback`; None after all epochs. `kept_epoch`: the
    epoch, from 1, whose weights the model has.
    """
    import keras

    early = next((each for each in callbacks if isinstance(each, keras.callbacks.EarlyStopping)), None)
    stopped_by, kept = None, epochs
    if any(getattr(each, "pruned", None) for each in callbacks):
        stopped_by = "pruned"
    elif epochs < planned and early is not None and early.stopped_epoch > 0:
        stopped_by = "early_stopping"
    elif epochs < planned:
        stopped_by = "max_minutes" if any(getattr(each, "is_spent", False) for each in callbacks) else "callback"
    if early is not None and early.restore_best_weights and early.best_weights is not None:
        kept = early.best_epoch + 1
    return {"stopped_by": stopped_by, "kept_epoch": kept}


def fraction(schedule: ScheduleConfig, epoch: int, epochs: int) -> float:
    """The share of the learning rate in an epoch (from 0): even steps up in the warm-up, then down to the last."""
    if epoch < schedule.warmup_epochs:
        return (epoch + 1) / (schedule.warmup_epochs + 1)
    if schedule.decay == "none":
        return 1.0
    way = (epoch - schedule.warmup_epochs) / max(epochs - 1 - schedule.warmup_epochs, 1)
    if schedule.decay == "exponential":
        return float(schedule.final_fraction**way)
    left = 1 - way if schedule.decay == "linear" else (1 + math.cos(math.pi * way)) / 2
    return schedule.final_fraction + (1 - schedule.final_fraction) * left

"""Model + Dataset → History: compiled epochs, Keras' callbacks, exact resume (see docs/engine.md)."""

from experiments.training.loop import train
from experiments.training.saving import Diverged
from experiments.training.stopping import Interrupted, StopRequest, time_budget

__all__ = ["Diverged", "Interrupted", "StopRequest", "time_budget", "train"]

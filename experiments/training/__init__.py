"""Model + Dataset → History: compiled epochs, Keras' callbacks, exact resume (see docs/engine.md)."""

from experiments.signals import Interrupted, StopRequest
from experiments.training.budget import time_budget
from experiments.training.loop import train
from experiments.training.saving import Diverged

__all__ = ["Diverged", "Interrupted", "StopRequest", "time_budget", "train"]

"""A run, told to the programs in which people already look at theirs: TensorBoard, MLflow.

The run's folder stays the record. A tracker only follows it, at arm's length (`guard`): nothing that becomes of it
changes a run, and the results do not depend on it.
"""

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from experiments.config import ExperimentConfig
from experiments.errors import UserError
from experiments.history import History
from experiments.tracking import address
from experiments.tracking.guard import Guard, Tracker
from experiments.tracking.mlflow import KEPT, MLflow, MLflowSweep
from experiments.tracking.tensorboard import TensorBoard

Builder = Callable[[ExperimentConfig, Path], Tracker]
TRACKERS: dict[str, list[Builder]] = {"none": [], "mlflow": [MLflow]}
PACKAGES = {"none": None, "mlflow": "mlflow"}


def require(configs: Iterable[ExperimentConfig]) -> None:
    """See that what configs are tracked with is installed.

    Raises:
        UserError: a package is missing, or the variable that holds a tracker's address.
    """
    configs = list(configs)
    for kind in dict.fromkeys(config.tracker.kind for config in configs):
        package = PACKAGES[kind]
        if package and importlib.util.find_spec(package) is None:
            raise UserError(
                f"tracker: received {kind}, whose package {package} is not installed, expected it to be."
                f" Install it with: pip install -e '.[{kind}]', or choose tracker=none."
            )
    for config in configs:
        address.of(config)


class Tracking:
    """All that follows one run; nothing until it starts."""

    def __init__(self) -> None:
        self._guards: list[Guard] = []

    def start(self, config: ExperimentConfig, folder: Path) -> None:
        """Tell that a run starts, or goes on, to whom its config says."""
        tensorboard: list[Builder] = [TensorBoard] if config.trainer.tensorboard else []
        self._guards = [Guard(build, config, folder) for build in [*tensorboard, *TRACKERS[config.tracker.kind]]]

    @property
    def are_told(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._guards)

    def epochs(self, history: History) -> None:
        """Tell the epochs so far; returns at once."""
        for guard in self._guards:
            guard.epochs(history.epochs)

    def finish(self, record: dict[str, Any]) -> None:
        """Tell how the run ended, and wait for what is told late, but not for long."""
        for guard in self._guards:
            guard.finish(record)


def finish_sweep(config: ExperimentConfig, folder: Path) -> None:
    """Tell how a sweep ended, where its jobs were tracked as parts of one; `config` is that of a job."""
    if config.tracker.kind == "mlflow" and (folder / KEPT).exists():
        Guard(MLflowSweep, config, folder).finish({"status": "completed"})

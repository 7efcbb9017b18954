"""The options that this project adds to Hydra's own groups."""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

SWEEPER = {"_target_": "hydra_plugins.experiments.PlannedSweeper", "params": None}
# n_jobs: processes; -1: one a core
LAUNCHER = {"_target_": "hydra_plugins.experiments.WorkersLauncher", "n_jobs": -1}


def store() -> None:
    """`hydra/sweeper=planned`, and `hydra/launcher=joblib` in place of the plugin's where that is installed."""
    Plugins.instance()  # a plugin stores its options when Hydra finds it: ours come after
    ConfigStore.instance().store(group="hydra/sweeper", name="planned", node=SWEEPER, provider="experiments")
    ConfigStore.instance().store(group="hydra/launcher", name="joblib", node=LAUNCHER, provider="experiments")

"""The options that this project adds to Hydra's own groups."""

from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

SWEEPER = {"_target_": "hydra_plugins.experiments.PlannedSweeper", "params": None}
BASIC_LAUNCHER = {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}  # Hydra's own: one by one
SUBMITIT = {
    "_target_": "hydra_plugins.experiments.SubmititLauncher",
    "timeout_min": 240,  # of one job
    "cpus_per_task": 1,
    "gpus_per_node": 0,
    "mem_gb": None,
}
LAUNCHERS: dict[str, dict[str, Any]] = {
    # n_jobs: processes; -1: one a core
    "joblib": {"_target_": "hydra_plugins.experiments.WorkersLauncher", "n_jobs": -1},
    # address: null: a Ray of the sweep's own on this machine; auto, or HOST:PORT: one that runs; the others: of one job
    "ray": {"_target_": "hydra_plugins.experiments.RayLauncher", "address": None, "num_cpus": 1, "num_gpus": 0},
    "submitit_local": SUBMITIT | {"cluster": "local"},
    "submitit_slurm": SUBMITIT
    | {
        "cluster": "slurm",
        "slurm_partition": None,
        "slurm_account": None,
        "slurm_qos": None,
        "slurm_constraint": None,
        "slurm_array_parallelism": 256,  # jobs at a time
        "slurm_signal_delay_s": 120,  # before its time is over a job is asked to commit its state and end
    },
}


def store() -> None:
    """`hydra/sweeper=planned` and the launchers, in place of a plugin's of the same name where one is installed."""
    Plugins.instance()  # a plugin stores its options when Hydra finds it: ours come after
    ConfigStore.instance().store(group="hydra/sweeper", name="planned", node=SWEEPER, provider="experiments")
    for name, node in LAUNCHERS.items():
        ConfigStore.instance().store(group="hydra/launcher", name=name, node=node, provider="experiments")

"""What a launcher needs: packages that not everybody installs, and values that it can use."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from experiments.config.mistakes import shown

# The options `hydra.runtime.choices` can name → what is imported, and the project's extra that installs it.
PACKAGES = {"ray": ("ray", "ray"), "submitit_local": ("submitit", "slurm"), "submitit_slurm": ("submitit", "slurm")}


def _count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _amount(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e6


def _word(value: Any) -> bool:
    """One line of a batch script, in which the value is to stand."""
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


COUNT = (_count, "a whole number, at least 1")
AMOUNT = (_amount, "a number, at least 0")
WORD = (_word, "a name on one line, or null")
EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "address": (
        lambda value: re.fullmatch(r"auto|[^\s:/]+:\d{1,5}", str(value)) is not None,
        "auto, HOST:PORT, or null for a Ray of the sweep's own",
    ),
    "num_cpus": COUNT,
    "num_gpus": AMOUNT,
    "timeout_min": COUNT,
    "cpus_per_task": COUNT,
    "gpus_per_node": (lambda value: type(value) is int and value >= 0, "a whole number, at least 0"),
    "mem_gb": (lambda value: _amount(value) and value > 0, "a number above 0, or null for the cluster's default"),
    "slurm_partition": WORD,
    "slurm_account": WORD,
    "slurm_qos": WORD,
    "slurm_constraint": WORD,
    "slurm_array_parallelism": COUNT,
    "slurm_signal_delay_s": COUNT,
}
NULLABLE = ("address", "mem_gb", "slurm_partition", "slurm_account", "slurm_qos", "slurm_constraint")


def refusals(hydra: dict[str, Any]) -> list[str]:
    """One line for each reason why the launcher in Hydra's (resolved) config could not start its jobs."""
    name = hydra["runtime"]["choices"].get("hydra/launcher")
    return [*_missing(name), *_values(hydra["launcher"])]


def missing_package(name: str) -> str | None:
    """The line about a launcher whose package is not installed."""
    package, extra = PACKAGES.get(name, ("", ""))
    if not package or find_spec(package) is not None:
        return None
    return (
        f"hydra/launcher={name}: needs the package {package}, which is not installed;"
        f" in the project's folder: pip install -e '.[{extra}]'"
    )


def _missing(name: str) -> Iterator[str]:
    if line := missing_package(name):
        yield line
    elif name == "submitit_slurm" and shutil.which("srun") is None:
        yield (
            f"hydra/launcher={name}: there is no srun on this machine, expected one that submits to Slurm;"
            " hydra/launcher=joblib runs jobs on this machine"
        )


def _values(launcher: dict[str, Any]) -> Iterator[str]:
    for key, value in launcher.items():
        is_right, expected = EXPECTED.get(key, (lambda value: True, ""))
        if not (value is None and key in NULLABLE) and not is_right(value):
            yield f"hydra.launcher.{key}: received {shown(value)}, expected {expected}"
    cores, wanted = os.cpu_count() or 1, launcher.get("num_cpus", 1)
    if "address" in launcher and launcher["address"] is None and _count(wanted) and wanted > cores:
        yield f"hydra.launcher.num_cpus: received {wanted}, expected at most {cores}, the cores of this machine"

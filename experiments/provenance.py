"""Where a result comes from and what it took: data, config, machine, code, time and memory."""

import hashlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from experiments.config import ExperimentConfig
from experiments.datasets import Dataset
from experiments.datasets import statistics as images
from experiments.history import History

PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "matplotlib", "hydra-core", "omegaconf")
# Where the data lies, what the run is called, what is kept of it and who is told change nothing of its result.
NOT_OF_THE_RESULT: Any = {
    "name": True,
    "tags": True,
    "notes": True,
    "sweep": True,
    "reference": True,
    "tracker": True,
    "trainer": {"tensorboard", "keep_checkpoints"},
    "dataset": {"cache_dir", "mirror"},
}


def describe(dataset: Dataset) -> dict[str, Any]:
    """What run.json says of the data."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "sizes": dataset.sizes,
        "shape": list(dataset.shape),
        "rows": dataset.rows,
        "class_names": list(dataset.class_names),
        "class_counts": {
            name: np.bincount(getattr(dataset, name).y, minlength=dataset.num_classes).tolist()
            for name in dataset.sizes
        },
        "statistics": statistics_of_data(dataset),
        "source": dataset.source,
        "note": dataset.note,
        "validation_is_test": dataset.validation_is_test,
    }


def statistics_of_data(dataset: Dataset) -> dict[str, Any] | None:
    """What the training images are like; of features nothing is said."""
    return images.describe(dataset.train.x, dataset.scale) if dataset.rows == "images" else None


def throughput(history: History, rows: int) -> dict[str, float] | None:
    """What training cost: of the median epoch, validation included, and the process's memory at its largest."""
    if not history.epochs:
        return None
    seconds = statistics.median(history.column("seconds"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; bytes on macOS
    return {
        "rows_per_second": round(rows / seconds, 1),
        "seconds_per_epoch": round(seconds, 4),
        "peak_memory_mb": round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1),
    }


def fingerprint(config: ExperimentConfig) -> str:
    """SHA-256 of all that decides a run's result."""
    return fingerprint_of(config.model_dump())


def fingerprint_of(config: Mapping[str, Any]) -> str:
    """`fingerprint` of a config's plain values, as they stand in a run's folder."""
    values = _without(config, NOT_OF_THE_RESULT)
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def _without(values: Mapping[str, Any], left_out: Mapping[str, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in values.items():
        inner = left_out.get(key, ())
        if inner is not True:
            kept[key] = _without(value, dict.fromkeys(inner, True)) if inner and isinstance(value, Mapping) else value
    return kept


def environment(devices: list[str]) -> dict[str, Any]:
    """What the run ran on."""
    return {
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "devices": devices,
        "cpu_count": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "git": _git(),
    }


def _git() -> dict[str, Any] | None:
    """Commit of the project's own code and whether it was changed since; None outside of a git checkout."""
    project = Path(__file__).parents[1]
    try:
        commit = _output("git", "-C", str(project), "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_output("git", "-C", str(project), "status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()

"""A loaded data set kept as files that several processes map into memory: n workers hold one copy, not n."""

import json
import os
import shutil
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from experiments import datasets, locks
from experiments.config import DatasetConfig
from experiments.datasets.dataset import Dataset, Split
from experiments.files import atomic, write_json

SPLITS = ("train", "validation", "test")
RECORD = "dataset.json"


def load(config: DatasetConfig, folder: Path) -> Dataset:
    """What `datasets.load` returns, from files in `folder`; the first process that asks writes them.

    The rows are mapped copy-on-write: equal bytes in memory exist once on the machine.

    Raises:
        UserError: as `datasets.load`.
        OSError: the files cannot be written.
    """
    place = folder / sha256(json.dumps(config.model_dump(), sort_keys=True).encode()).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    with locks.held(place / ".lock", wait=True):
        if not (place / RECORD).exists():
            _write(datasets.load(config), place)
    return _mapped(place)


def remove(folder: Path) -> None:
    """Remove what was kept."""
    shutil.rmtree(folder, ignore_errors=True)


def _write(dataset: Dataset, place: Path) -> None:
    for name in SPLITS[:1] if dataset.validation_is_test else SPLITS[:2]:
        _save(getattr(dataset, name), place, name)
    _save(dataset.test, place, "test")
    facts = {name: value for name, value in vars(dataset).items() if name not in SPLITS}
    write_json(place / RECORD, facts)  # last: it says that all is there


def _save(split: Split, place: Path, name: str) -> None:
    for part, rows in asdict(split).items():
        with atomic(place / f"{name}_{part}.npy") as path:
            np.save(path, rows)


def _mapped(place: Path) -> Dataset:
    facts: dict[str, Any] = json.loads((place / RECORD).read_text(encoding="utf-8"))
    facts["class_names"] = tuple(facts["class_names"])
    test = _split(place, "test")
    validation = test if facts["validation_is_test"] else _split(place, "validation")
    return Dataset(train=_split(place, "train"), validation=validation, test=test, **facts)


def _split(place: Path, name: str) -> Split:
    x, y = (np.load(place / f"{name}_{part}.npy", mmap_mode="c" if os.name == "posix" else None) for part in "xy")
    return Split(x, y)

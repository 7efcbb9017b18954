"""Name → Dataset: found on disk or downloaded, checked, split.

Looked for in this order: `dataset.path`, the cache, a download. What a user names is judged by its contents, what is
in the cache under an official name by its hash.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.config import DatasetConfig
from experiments.datasets import checks, formats, identity, splits
from experiments.datasets.catalogue import CATALOGUE, KnownDataset
from experiments.datasets.dataset import Dataset, Split
from experiments.datasets.download import Cache

__all__ = ["NAMES", "Dataset", "Split", "Status", "fetch", "load", "status"]

NAMES = tuple(CATALOGUE)


def load(config: DatasetConfig) -> Dataset:
    """The data set a config names, split as it says.

    Raises:
        UserError: not found, not downloadable, broken, or not what training takes.
    """
    known = CATALOGUE[config.kind]
    train, test, source = _published(config, known)
    train = checks.checked(train, "train", source, known.shape, known.class_names)
    test = checks.checked(test, "test", source, known.shape, known.class_names)
    checks.check_rows(train, "train", source)
    fingerprint = _fingerprint((train, test), known.class_names)
    if config.path is not None:
        _check_name(train, test, source, known)
    path = None if config.path is None else Path(os.path.expanduser(config.path))
    note = identity.note(train, test, fingerprint, known, path)
    if config.test == "official":
        checks.check_rows(test, "test", source)
    else:
        train, test = splits.cut([train, test], config.test, config.split_seed, "dataset.test")
    checks.check_classes(train.y, source, known.class_names)
    identity.check_all_classes(train.y, source, known)
    train = splits.limited(train, config.limit, config.split_seed)
    test = splits.limited(test, config.limit, config.split_seed)
    if config.validation == "test":
        validation = test
    else:
        train, validation = splits.cut([train], config.validation, config.split_seed, "dataset.validation")
    return Dataset(
        name=known.name,
        train=train,
        validation=validation,
        test=test,
        class_names=known.class_names,
        rows="images",
        scale=known.scale,
        fingerprint=fingerprint,
        source=source,
        validation_is_test=config.validation == "test",
        note=note,
    )


def _check_name(train: Split, test: Split, source: str, known: KnownDataset) -> None:
    """In a function of its own, which lets go of the samples: they are cut next, and are in memory once."""
    identity.check_name(lambda other: _fingerprint((train, test), other.class_names), source, known)


def _published(config: DatasetConfig, known: KnownDataset) -> tuple[Split, Split, str]:
    """Training and test rows as published, and in words where they were found."""
    if config.path is not None:
        path = Path(os.path.expanduser(config.path))
        return *formats.read(path, known), str(path)
    if not known.files:
        return *_digits(), "scikit-learn"
    cache = Cache.at(config.cache_dir)
    path = cache.find(known) or cache.fetch(known, config.mirror)
    return *formats.read(path, known), str(path)


def _digits() -> tuple[Split, Split]:
    """scikit-learn's digits, 8x8 pixels from 0 to 16; they have no official test split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = digits.images.astype(np.uint8)
    return Split(x, digits.target), Split(x[:0], digits.target[:0])


def _fingerprint(published: tuple[Split, Split], class_names: tuple[str, ...]) -> str:
    """SHA-256 of rows, labels and class names as published, whatever file they were in."""
    digest = hashlib.sha256("\0".join(class_names).encode())
    for split in published:
        digest.update(repr((split.x.shape, split.x.dtype.str)).encode())
        digest.update(np.ascontiguousarray(split.x).data)
        digest.update(split.y.astype("<i4").data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Status:
    """Where a data set is, or (`path` None) what a download of it would move from where."""

    name: str
    title: str
    path: str | None
    megabytes: float
    host: str


def status(name: str, cache_dir: str | None = None) -> Status:
    """Look for a data set in the cache.

    Raises:
        UserError: an unknown name, or a file that is not what was published.
    """
    known = _known(name)
    found = Cache.at(cache_dir).find(known)
    path = str(found) if found else None if known.files else "scikit-learn"
    host = known.files[0].host if known.files else ""
    return Status(name, known.title, path, sum(file.megabytes for file in known.files), host)


def fetch(name: str, cache_dir: str | None = None, mirror: str | None = None) -> None:
    """Make sure that a data set is in the cache.

    Raises:
        UserError: an unknown name, or it cannot be downloaded.
    """
    known = _known(name)
    if known.files:
        Cache.at(cache_dir).fetch(known, mirror)


def _known(name: str) -> KnownDataset:
    from experiments.config.mistakes import nearest
    from experiments.errors import UserError

    if name not in CATALOGUE:
        raise UserError(f"{name}: no data set, expected one of {', '.join(NAMES)}.{nearest(name, NAMES)}")
    return CATALOGUE[name]

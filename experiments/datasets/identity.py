"""Whether data is what its name says: refused where it contradicts the name, said where only its contents differ."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.datasets.catalogue import CATALOGUE, KnownDataset
from experiments.datasets.checks import WAY_OUT
from experiments.datasets.dataset import Split
from experiments.datasets.download import is_published
from experiments.errors import UserError

NAMED = 5  # missing classes that a message names


def check_all_classes(y: np.ndarray, where: str, known: KnownDataset) -> None:
    """Data that is called by a name has training samples of every class of that name.

    Raises:
        UserError: it lacks one; such data is other data.
    """
    counts = np.bincount(y, minlength=len(known.class_names))
    missing = [name for name, count in zip(known.class_names, counts, strict=True) if not count]
    if missing:
        named = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if len(missing) > NAMED else "")
        total = len(known.class_names)
        raise UserError(
            f"{where}: the training samples are of {total - len(missing)} classes, expected all {total} of"
            f" {known.title} (none is of class {named}). A network would be given classes that it never sees. {WAY_OUT}"
        )


def check_name(fingerprint_as: Callable[[KnownDataset], str], where: str, known: KnownDataset) -> None:
    """Data is not that of another name. `fingerprint_as` gives its fingerprint with another data set's classes.

    Raises:
        UserError: it is.
    """
    alike = [other for other in CATALOGUE.values() if other.shape == known.shape and other is not known]
    for other in alike:
        if other.fingerprint and fingerprint_as(other) == other.fingerprint:
            raise UserError(
                f"{where}: holds {other.title}, expected {known.title}. Write dataset={other.name}, or name other data"
                " with dataset.path=…"
            )


def note(train: Split, test: Split, fingerprint: str, known: KnownDataset, path: Path | None) -> str:
    """In words how data differs from what was published under its name, "" where it does not.

    `path` is what the user named, None for what is in the cache, whose files are checked by their hashes.
    """
    sizes = len(train), len(test)
    if known.sizes is not None and sizes != known.sizes:
        ours, published = (" and ".join(f"{size:,}" for size in each) for each in (sizes, known.sizes))
        return f"not {known.title} as published: {ours} training and test samples, published {published}"
    if known.fingerprint:
        other = f"not {known.title} as published: as many samples, but other contents"
        return "" if fingerprint == known.fingerprint else other
    if path is not None and not is_published(path, known):
        return f"perhaps not {known.title} as published: it is not the official file, so its contents were not checked"
    return ""

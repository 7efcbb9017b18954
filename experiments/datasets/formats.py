"""A file or folder → training and test rows, judged by its contents."""

import os
import tarfile
import zipfile
from pathlib import Path

from experiments.datasets import cifar, idx, npz
from experiments.datasets.catalogue import KnownDataset
from experiments.datasets.dataset import Split
from experiments.errors import UserError


def read(path: Path, known: KnownDataset) -> tuple[Split, Split]:
    """Read whatever form of `known` lies at `path`.

    Raises:
        UserError: nothing is there, or it is no form of this data set, or it is broken.
    """
    if not os.path.exists(path):  # Path.exists raises where a name is too long
        raise UserError(
            f"dataset.path: {path} does not exist, expected a file or folder that holds {known.title}."
            " Mend the path, or leave it out for the cache or a download."
        )
    try:
        return _read_folder(path, known) if path.is_dir() else _read_file(path, known)
    except (OSError, MemoryError) as error:
        raise UserError(f"{path}: cannot be read ({error}), expected {expected(known)}") from None


def expected(known: KnownDataset) -> str:
    """The forms of a data set that are understood, in words."""
    keras = "an npz file with x_train, y_train, x_test, y_test"
    if known.name in cifar.LAYOUTS:
        train, test, _ = cifar.LAYOUTS[known.name]
        return f"{known.files[0].name}, a folder with {', '.join((*train, test))}, or {keras}"
    return f"{keras}, or a folder with the four IDX files ({', '.join((*idx.NAMES['train'], *idx.NAMES['test']))})"


def _read_file(path: Path, known: KnownDataset) -> tuple[Split, Split]:
    if zipfile.is_zipfile(path):
        return npz.read(path)
    if known.name in cifar.LAYOUTS and (tarfile.is_tarfile(path) or path.name.endswith((".tar", ".gz", ".tgz"))):
        return cifar.read_archive(path, known.name)
    raise UserError(f"{path}: is no form of {known.title}, expected {expected(known)}")


def _read_folder(folder: Path, known: KnownDataset) -> tuple[Split, Split]:
    """The folder itself, or what stands in it under the names that the publisher and Keras use."""
    if known.name in cifar.LAYOUTS:
        for place in (folder, *(folder / name for name in known.extracted)):
            if cifar.is_folder(place, known.name):
                return cifar.read_folder(place, known.name)
        files = (known.files[0].name, *known.archives, f"{known.name}.npz")
    else:
        for place in (folder, folder / known.cache):
            if len(found := idx.find(place)) == 4:
                return idx.read_folder(found)
        files = (f"{known.name}.npz",)
    for file in files:
        if (folder / file).is_file():
            return _read_file(folder / file, known)
    inside = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
    raise UserError(f"dataset.path: {folder} holds {inside}; expected {expected(known)}")

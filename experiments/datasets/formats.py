"""A file or folder → training and test rows, judged by its contents."""

import os
import stat
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

from experiments.datasets import cifar, idx, npz
from experiments.datasets.catalogue import KnownDataset
from experiments.datasets.dataset import Split
from experiments.errors import UserError
from experiments.received import kind


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
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # nobody may ever write to a FIFO, and a device has no end
        raise UserError(f"dataset.path: {path} is {kind(mode)}, expected a file or folder that holds {known.title}")
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
    if _is_npz(path):
        return npz.read(path)
    if known.name in cifar.LAYOUTS and (tarfile.is_tarfile(path) or path.name.endswith((".tar", ".gz", ".tgz"))):
        return cifar.read_archive(path, known.name)
    if _is_archive(path):
        raise UserError(
            f"{path}: is an archive, which is not looked into. Unpack it and give the folder that has the files:"
            f" expected {expected(known)}"
        )
    if known.name not in cifar.LAYOUTS and idx.is_idx(path):
        raise UserError(
            f"{path}: is one IDX file, and {known.title} has four. Give the folder that holds them:"
            f" dataset.path={path.parent}"
        )
    raise UserError(f"{path}: is no form of {known.title}, expected {expected(known)}")


def _is_npz(path: Path) -> bool:
    """Arrays in a zip; one that is empty or broken is for numpy to judge."""
    if not zipfile.is_zipfile(path):
        return False
    with suppress(zipfile.BadZipFile, ValueError, NotImplementedError), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        return not names or any(name.endswith(".npy") for name in names)
    return True


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in (".7z", ".rar", ".zip") or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


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
    paths = sorted(folder.iterdir())
    inside = ", ".join(path.name for path in paths[:8]) or "nothing"
    raise UserError(f"dataset.path: {folder} holds {inside}; expected {expected(known)}.{_hint(paths, known)}")


def _hint(paths: list[Path], known: KnownDataset) -> str:
    """Where else the data may be: two folders further down, as torchvision keeps it, or in an archive."""
    below = [path for path in paths if path.is_dir()]
    below += [inner for path in below for inner in sorted(path.iterdir()) if inner.is_dir()]
    for path in below:
        if cifar.is_folder(path, known.name) if known.name in cifar.LAYOUTS else len(idx.find(path)) == 4:
            return f" Did you mean dataset.path={path}?"
    archive = next((path.name for path in paths if path.is_file() and _is_archive(path)), None)
    return f" Unpack {archive} first." if archive else ""

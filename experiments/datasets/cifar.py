"""The CIFAR "python version": pickled batches in a folder or in a tar archive."""

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from experiments.datasets import pickles
from experiments.datasets.dataset import Split
from experiments.errors import UserError

MAX_MEMBER_BYTES = 400_000_000  # the largest official one, CIFAR-100's `train`, has 155 MB
# Which files hold the training rows and the test rows, and under which key the labels.
LAYOUTS = {
    "cifar10": ([f"data_batch_{number}" for number in range(1, 6)], "test_batch", b"labels"),
    "cifar100": (["train"], "test", b"fine_labels"),
}


def is_folder(folder: Path, name: str) -> bool:
    train, test, _ = LAYOUTS[name]
    return all((folder / file).is_file() for file in (*train, test))


def read_folder(folder: Path, name: str) -> tuple[Split, Split]:
    """The training and the test rows: x (n, 32, 32, 3) uint8, y (n,) as stored."""
    train, test, key = LAYOUTS[name]
    return (
        _joined(_batch((folder / file).read_bytes(), str(folder / file), key) for file in train),
        _joined([_batch((folder / test).read_bytes(), str(folder / test), key)]),
    )


def read_archive(path: Path, name: str) -> tuple[Split, Split]:
    """The same from a tar archive, whose members are read without extracting any.

    Raises:
        UserError: the archive is broken, has a member that would leave its folder, or lacks a batch.
    """
    train, test, key = LAYOUTS[name]
    found: dict[str, tuple[np.ndarray, Any]] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                _refuse_unsafe(path, member)
                file = PurePosixPath(member.name).name
                if member.isfile() and file in (*train, test):
                    stream = archive.extractfile(member)
                    assert stream is not None
                    found[file] = _batch(stream.read(), f"{path}: {member.name}", key)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{path}: is no whole tar archive ({error}). Get the file anew.") from None
    lacking = [file for file in (*train, test) if file not in found]
    if lacking:
        raise UserError(f"{path}: has no {', '.join(lacking)}, expected the files of {name}'s python version")
    return _joined(found.pop(file) for file in train), _joined([found.pop(test)])


def _refuse_unsafe(path: Path, member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else "a path or kind that leaves the archive"
        raise UserError(f"{path}: member {member.name!r} is {kind}; refused, expected plain files. Get the file anew.")
    if member.size > MAX_MEMBER_BYTES:
        raise UserError(
            f"{path}: member {member.name!r} has {member.size:,} bytes, expected at most {MAX_MEMBER_BYTES:,}"
        )


def _batch(content: bytes, name: str, key: bytes) -> tuple[np.ndarray, Any]:
    batch = pickles.loads(content, name)
    data = batch.get(b"data") if isinstance(batch, dict) else None
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        what = f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UserError(f"{name}: `data` is {what}, expected uint8 of shape (n, 3072)")
    if key not in batch:
        raise UserError(f"{name}: has no {key.decode()!r}, expected labels under that key")
    return data, batch[key]


def _joined(batches: Iterator[tuple[np.ndarray, Any]] | list[tuple[np.ndarray, Any]]) -> Split:
    """All rows in one array, with the channels last: (n, 3072) red, green, blue planes → (n, 32, 32, 3)."""
    parts = list(batches)
    x = np.empty((sum(len(data) for data, _ in parts), 32, 32, 3), np.uint8)
    y = np.concatenate([np.asarray(labels) for _, labels in parts])
    start = 0
    while parts:  # each batch is let go once it is copied
        data, _ = parts.pop(0)
        x[start : start + len(data)] = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        start += len(data)
    return Split(x, y)

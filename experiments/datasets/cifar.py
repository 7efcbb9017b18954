"""The CIFAR "python version": pickled batches in a folder or in a tar archive."""

import io
import lzma
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

import numpy as np

from experiments.datasets import pickles
from experiments.datasets.dataset import Split
from experiments.errors import UserError

MAX_BYTES = 1_000_000_000  # of a whole archive, unpacked; the official ones have 186 MB
PIXELS = 32 * 32 * 3
# Which files hold the training rows and the test rows, and under which key the labels.
LAYOUTS = {
    "cifar10": ([f"data_batch_{number}" for number in range(1, 6)], "test_batch", "labels"),
    "cifar100": (["train"], "test", "fine_labels"),
}


class _Batch(NamedTuple):
    """Rows of one file: data (n, 3072) uint8, n labels as stored."""

    data: np.ndarray
    labels: list[Any]


def is_folder(folder: Path, name: str) -> bool:
    train, test, _ = LAYOUTS[name]
    return all((folder / file).is_file() for file in (*train, test))


def read_folder(folder: Path, name: str) -> tuple[Split, Split]:
    """The training and the test rows: x (n, 32, 32, 3) uint8, y (n,) objects, as stored."""
    train, test, key = LAYOUTS[name]
    found = {}
    for file in (*train, test):
        with open(folder / file, "rb") as stream:
            found[file] = _batch(stream, str(folder / file), key)
    return _joined(found, train), _joined(found, [test])


def read_archive(path: Path, name: str) -> tuple[Split, Split]:
    """The same from a tar archive, whose members are read without extracting any.

    Raises:
        UserError: the archive is broken, has a member that would leave its folder, or lacks a batch.
    """
    train, test, key = LAYOUTS[name]
    found: dict[str, _Batch] = {}
    size = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                size += member.size
                _refuse_unsafe(path, member, size)
                file = PurePosixPath(member.name).name
                if member.isfile() and file in (*train, test):
                    stream = archive.extractfile(member)
                    assert stream is not None
                    content = io.BytesIO(stream.read())  # whole first, so that a cut archive is told from a bad pickle
                    found[file] = _batch(content, f"{path}: {member.name}", key)
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise UserError(f"{path}: is no whole tar archive ({error}). Get the file anew.") from None
    lacking = [file for file in (*train, test) if file not in found]
    if lacking:
        raise UserError(
            f"{path}: has no {', '.join(lacking)}, expected the files of {name}'s python version. Get the file anew."
        )
    return _joined(found, train), _joined(found, [test])


def _refuse_unsafe(path: Path, member: tarfile.TarInfo, size: int) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
        kind = "a link" if member.issym() or member.islnk() else "a path or kind that leaves the archive"
        raise UserError(f"{path}: member {member.name!r} is {kind}; refused, expected plain files. Get the file anew.")
    if size > MAX_BYTES:
        raise UserError(
            f"{path}: unpacks to {size:,} bytes at member {member.name!r}, expected at most {MAX_BYTES:,}."
            " Get the file anew."
        )


def _batch(stream: IO[bytes], name: str, key: str) -> _Batch:
    batch = pickles.load(stream, name)
    data = batch.get("data")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != PIXELS:
        what = f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__
        raise UserError(f"{name}: `data` is {what}, expected uint8 of shape (n, {PIXELS})")
    if key not in batch:
        raise UserError(f"{name}: has no {key!r}, expected labels under that key")
    labels = batch[key]
    labels = labels.tolist() if isinstance(labels, np.ndarray) else labels
    if not isinstance(labels, list) or len(labels) != len(data):
        what = f"{len(labels)} labels" if isinstance(labels, list) else type(labels).__name__
        raise UserError(f"{name}: {key!r} is {what}, expected a list of {len(data)}, one label a row")
    return _Batch(data, labels)


def _joined(found: dict[str, _Batch], files: list[str]) -> Split:
    """All rows in one array, with the channels last: (n, 3072) red, green, blue planes → (n, 32, 32, 3)."""
    x = np.empty((sum(len(found[file].data) for file in files), 32, 32, 3), np.uint8)
    labels: list[Any] = []
    for file in files:
        batch = found.pop(file)  # let go once it is copied, so that the rows are in memory once
        x[len(labels) : len(labels) + len(batch.data)] = batch.data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        labels += batch.labels
    return Split(x, np.fromiter(labels, object, count=len(labels)))

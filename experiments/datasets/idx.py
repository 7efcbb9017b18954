"""MNIST's own format: four IDX files, gzipped or not (http://yann.lecun.com/exdb/mnist/)."""

import gzip
import math
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from experiments.datasets.dataset import Split
from experiments.errors import UserError

MAX_BYTES = 2_000_000_000
GZIP = b"\x1f\x8b"
BYTES = b"\0\0\x08"  # how an IDX file of unsigned bytes begins
NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def find(folder: Path) -> dict[str, Path]:
    """Those of the four files that are there: by their official names, with `.` for the last `-` and with `.gz` too."""
    found: dict[str, Path] = {}
    for name in (*NAMES["train"], *NAMES["test"]):
        spellings = (name, name.replace("-idx", ".idx"))
        paths = [folder / f"{spelling}{suffix}" for spelling in spellings for suffix in ("", ".gz")]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            found[name] = path
    return found


def read_folder(files: dict[str, Path]) -> tuple[Split, Split]:
    """The training and the test rows: x (n, height, width) uint8, y (n,) uint8."""
    train, test = ([read(files[name]) for name in NAMES[split]] for split in ("train", "test"))
    return Split(train[0], train[1]), Split(test[0], test[1])


def is_idx(path: Path) -> bool:
    """Whether a file begins as an IDX file does, gzipped or not."""
    with suppress(OSError, EOFError, zlib.error), _opened(path) as file:
        return file.read(3) == BYTES
    return False


def read(path: Path) -> np.ndarray:
    """One IDX file of unsigned bytes; whether it is gzipped is told by its contents, not by its name.

    Raises:
        UserError: broken, truncated, or no IDX file of bytes.
    """
    try:
        with _opened(path) as file:
            magic = file.read(4)
            if len(magic) < 4 or magic[:3] != BYTES or not 1 <= magic[3] <= 4:
                raise UserError(
                    f"{path}: begins with {magic.hex(' ') or 'nothing'}, expected an IDX file of bytes (00 00 08 …)."
                    " Get the file anew."
                )
            header = file.read(4 * magic[3])
            shape = tuple(int(size) for size in np.frombuffer(header[: len(header) // 4 * 4], ">u4"))
            size = math.prod(shape)
            if len(shape) < magic[3] or size > MAX_BYTES:
                raise UserError(
                    f"{path}: says that its shape is {shape}, expected {magic[3]} sizes and at most {MAX_BYTES:,}"
                    " bytes. Get the file anew."
                )
            content = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read ({error}), expected a whole IDX file. Get the file anew.") from None
    if len(content) != size:
        received = "more" if len(content) > size else f"{len(content):,}"
        raise UserError(f"{path}: holds {received} bytes, expected {size:,} for shape {shape}. Get the file anew.")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        zipped = file.read(2) == GZIP
    return gzip.open(path, "rb") if zipped else open(path, "rb")  # type: ignore[return-value]

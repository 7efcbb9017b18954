"""Keras' own layout: one npz with x_train, y_train, x_test, y_test."""

from pathlib import Path

import numpy as np

from experiments.datasets.dataset import Split
from experiments.errors import UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")
MAX_BYTES = 2_000_000_000  # of one array, unpacked


def read(path: Path) -> tuple[Split, Split]:
    """The training and the test rows as stored.

    Raises:
        UserError: broken, an array lacks, or one holds Python objects (whose loading could run code).
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            lacking = [key for key in KEYS if key not in arrays.files]
            if lacking:
                raise UserError(
                    f"{path}: has no {', '.join(lacking)} but {', '.join(arrays.files) or 'nothing'},"
                    f" expected the arrays {', '.join(KEYS)}"
                )
            for member in arrays.zip.infolist():
                if member.file_size > MAX_BYTES:
                    raise UserError(
                        f"{path}: {member.filename} unpacks to {member.file_size:,} bytes, expected at most"
                        f" {MAX_BYTES:,}. Get the file anew."
                    )
            x_train, y_train, x_test, y_test = (arrays[key] for key in KEYS)
    except UserError:
        raise
    except Exception as error:  # a damaged archive or header makes numpy raise nearly anything
        raise UserError(f"{path}: cannot be read ({error!s:.200}), expected an npz file of plain arrays") from None
    return Split(x_train, y_train), Split(x_test, y_test)

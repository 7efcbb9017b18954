"""The one value that carries the data and what is known of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Split:
    """Rows and their labels.

    x: (n, *shape) uint8 pixels as stored, or float32 features. y: (n,) int32, each in [0, number of classes).
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training, validation and test rows and what a model and a report need to know of them.

    Pixels stay as they are stored; `scale` times a pixel lies in [0, 1] (1/255 for 8-bit images, 1.0 for features).
    When `validation_is_test`, `validation` is the very same object as `test`.
    `fingerprint` is a SHA-256 of contents (rows, labels, class names of all splits as published), the same whatever
    container they came from. `source` says in words where the data was found, `note` how it differs
    from what was published under its name ("" where it does not).
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    rows: Literal["images", "features"]
    scale: float
    fingerprint: str
    source: str
    validation_is_test: bool
    note: str = ""

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row: (height, width), (height, width, channels) or (features,)."""
        return self.train.x.shape[1:]

    @property
    def sizes(self) -> dict[str, int]:
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}

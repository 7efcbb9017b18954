"""The article's two networks and data of their shape: the real ones where EXPERIMENTS_DATA names their folder."""

import os
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """One of the article's trainings."""

    shape: tuple[int, ...]
    rows: int
    hidden_units: tuple[int, ...]
    activation: str
    batch_size: int

    @property
    def widths(self) -> tuple[int, ...]:
        return (int(np.prod(self.shape)), *self.hidden_units, 10)

    @property
    def flops(self) -> int:
        """Of one epoch's training: outputs, gradients of weights, and of inputs but for the first layer's."""
        products = [a * b for a, b in zip(self.widths, self.widths[1:], strict=False)]
        return 2 * self.rows * (3 * sum(products) - products[0])


CASES = {
    "mnist": Case((28, 28), 60_000, (256, 128), "sigmoid", 128),
    "cifar10": Case((32, 32, 3), 50_000, (1024, 512), "relu", 32),
}


def arrays(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and test rows (n, *shape) uint8 and labels (n,) int32."""
    folder = os.environ.get("EXPERIMENTS_DATA")
    if folder and name == "mnist":
        with np.load(Path(folder) / "mnist.npz", allow_pickle=False) as data:
            x, y, x_test, y_test = (data[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    elif folder:
        batches = Path(folder) / "cifar-10-batches-py"
        x, y = _cifar([batches / f"data_batch_{number}" for number in range(1, 6)])
        x_test, y_test = _cifar([batches / "test_batch"])
    else:
        rng = np.random.default_rng(0)
        case = CASES[name]
        x, x_test = (rng.integers(0, 256, (n, *case.shape), dtype=np.uint8) for n in (case.rows, 10_000))
        y, y_test = (rng.integers(0, 10, n) for n in (case.rows, 10_000))
    return x, y.astype(np.int32), x_test, y_test.astype(np.int32)


def _cifar(paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    batches: list[dict[bytes, Any]] = []
    for path in paths:
        with open(path, "rb") as file:
            batches.append(pickle.load(file, encoding="bytes"))  # the benchmark's own trusted files
    rows = np.concatenate([batch[b"data"] for batch in batches])
    labels = np.concatenate([batch[b"labels"] for batch in batches])
    return rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels

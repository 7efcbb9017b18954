"""What images are like, in three numbers a sample: by them a model's user is told that an image is of another kind."""

from typing import Any

import numpy as np

STATISTICS = ("mean", "border", "range")
MAX_SAMPLES = 10_000  # that a description looks at; evenly spaced where there are more
CHUNK = 1000


def of_samples(x: np.ndarray, scale: float) -> dict[str, np.ndarray]:
    """Each statistic of each image; x: (n, height, width) or (n, height, width, channels), values: (n,) in [0, 1].

    `mean` of all pixels, `border`: the mean of the outermost ones, which tell a dark background from a light one,
    `range`: from the darkest pixel to the lightest.
    """
    edge = np.ones(x.shape[1:3], bool)
    edge[1:-1, 1:-1] = False
    parts: dict[str, list[np.ndarray]] = {name: [] for name in STATISTICS}
    for first in range(0, len(x), CHUNK):
        some = x[first : first + CHUNK]
        flat, border = some.reshape(len(some), -1), some[:, edge].reshape(len(some), -1)
        parts["mean"].append(flat.mean(axis=1, dtype=np.float64))
        parts["border"].append(border.mean(axis=1, dtype=np.float64))
        parts["range"].append(flat.max(axis=1).astype(np.float64) - flat.min(axis=1))
    return {name: scale * np.concatenate(values) for name, values in parts.items()}


def describe(x: np.ndarray, scale: float) -> dict[str, Any]:
    """Of each statistic its `mean`, `standard_deviation`, `least` and `most` over the samples."""
    found = of_samples(x[:: -(-len(x) // MAX_SAMPLES)], scale)
    return {
        name: {
            "mean": round(float(values.mean()), 6),
            "standard_deviation": round(float(values.std()), 6),
            "least": round(float(values.min()), 6),
            "most": round(float(values.max()), 6),
        }
        for name, values in found.items()
    }

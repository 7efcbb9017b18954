"""Name → Dataset: found on disk or downloaded, split, checked."""

from experiments.datasets.dataset import Dataset, Split

__all__ = ["Dataset", "Split"]

"""An epoch by hand with BLAS calls: `python benchmarks/fused_blas.py cifar10` prints its seconds as JSON.

The update is folded into the product that makes the gradient, W <- W - rate * X'D in one sgemm, so that no gradient is
ever written to memory. No loss and no metrics are computed. A process of its own: next to TensorFlow's threads,
OpenBLAS's, which wait for each other by spinning, take several times as long.
"""

import json
import sys
import time

import numpy as np
from networks import CASES, Case, arrays
from scipy.linalg.blas import sgemm

RATE = 0.01


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b by scipy's BLAS alone: numpy brings another one, and their two thread pools would wait for each other."""
    return sgemm(1, b.T, a.T).T


def sgemm_rate(size: int = 2048) -> float:
    """FLOP/s of the best of 7 products."""
    a, b = (np.random.default_rng(seed).random((size, size), np.float32) for seed in (0, 1))
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        product(a, b)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def fused_epoch(case: Case, x: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> None:
    """One epoch of gradient descent in place; weights are (inputs, outputs), biases left out (below 0.1 %)."""
    order = np.random.default_rng(0).permutation(len(x))
    for start in range(0, len(x), case.batch_size):
        chosen = order[start : start + case.batch_size]
        layers = [x[chosen].astype(np.float32) * np.float32(1 / 255)]
        for weight in weights[:-1]:
            z = product(layers[-1], weight)
            layers.append(1 / (1 + np.exp(-z)) if case.activation == "sigmoid" else np.maximum(z, 0, out=z))
        z = product(layers[-1], weights[-1])
        delta = np.exp(z - z.max(axis=1, keepdims=True))
        delta /= delta.sum(axis=1, keepdims=True)
        delta[np.arange(len(chosen)), y[chosen]] -= 1
        delta /= len(chosen)
        for number in reversed(range(len(weights))):
            weight, before = weights[number], layers[number]
            below = sgemm(1, weight.T, delta.T, trans_a=True).T if number else None
            # In BLAS's column order the transposes are what lies in memory: weight.T is updated in place.
            sgemm(-RATE, delta.T, before.T, beta=1, c=weight.T, trans_b=True, overwrite_c=True)
            if below is not None:
                delta = below * (before * (1 - before) if case.activation == "sigmoid" else before > 0)


def main(name: str) -> None:
    case = CASES[name]
    x, y, *_ = arrays(name)
    x = x.reshape(len(x), -1)
    rng = np.random.default_rng(0)
    sizes = zip(case.widths, case.widths[1:], strict=False)
    weights = [(rng.standard_normal(size) / np.sqrt(size[0])).astype(np.float32) for size in sizes]
    rate = sgemm_rate()
    seconds = []
    for _ in range(2):  # the first one warms up
        started = time.perf_counter()
        fused_epoch(case, x, y, weights)
        seconds.append(time.perf_counter() - started)
    print(json.dumps({"flops_per_second": rate, "seconds": min(seconds)}))


if __name__ == "__main__":
    main(sys.argv[1])

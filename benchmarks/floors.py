"""What the machine could do: `python benchmarks/floors.py mnist`, in turns with the engine.

Two floors of an epoch's training, validation and checkpoints left out on both sides:
arithmetic, the epoch's FLOPs at the machine's own rate of large float32 matrix products (numpy's BLAS);
fused, the epoch by hand with BLAS calls (scipy's sgemm), the update folded into the product that makes the gradient,
W <- W - rate * X'D in one call, so that no gradient is ever written to memory. No loss and no metrics are computed.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from networks import CASES, Case, arrays
from scipy.linalg.blas import sgemm

RATE = 0.01


def sgemm_rate(size: int = 2048) -> float:
    """FLOP/s of the best of 7 products."""
    a, b = (np.random.default_rng(seed).random((size, size), np.float32) for seed in (0, 1))
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def fused_epoch(case: Case, x: np.ndarray, y: np.ndarray, weights: list[np.ndarray]) -> None:
    """One epoch of gradient descent in place; weights are (inputs, outputs), biases left out (below 0.1 %)."""
    order = np.random.default_rng(0).permutation(len(x))
    for start in range(0, len(x), case.batch_size):
        chosen = order[start : start + case.batch_size]
        layers = [x[chosen].astype(np.float32) * np.float32(1 / 255)]
        for weight in weights[:-1]:
            z = layers[-1] @ weight
            layers.append(1 / (1 + np.exp(-z)) if case.activation == "sigmoid" else np.maximum(z, 0, out=z))
        z = layers[-1] @ weights[-1]
        delta = np.exp(z - z.max(axis=1, keepdims=True))
        delta /= delta.sum(axis=1, keepdims=True)
        delta[np.arange(len(chosen)), y[chosen]] -= 1
        delta /= len(chosen)
        for number in reversed(range(len(weights))):
            weight, before = weights[number], layers[number]
            below = delta @ weight.T if number else None
            # In BLAS's column order the transposes are what lies in memory: weight.T is updated in place.
            sgemm(-RATE, delta.T, before.T, beta=1, c=weight.T, trans_b=True, overwrite_c=True)
            if below is not None:
                delta = below * (before * (1 - before) if case.activation == "sigmoid" else before > 0)


def engine_epoch(case: Case, x: np.ndarray, y: np.ndarray) -> Callable[[], Any]:
    """The engine's compiled loop over one epoch's whole batches and the partial one."""
    import keras
    import tensorflow as tf

    from experiments.datasets import Split
    from experiments.training.compiled import CompiledModel, Totals, resident

    rows = keras.Input(case.shape, dtype="uint8")
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(rows))
    for units in case.hidden_units:
        hidden = keras.layers.Dense(units, activation=case.activation)(hidden)
    model = keras.Model(rows, keras.layers.Dense(10, activation="softmax")(hidden))
    model.compile(keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    engine, data = CompiledModel(model, "auto"), resident(Split(x, y))
    permutation = tf.constant(np.random.default_rng(0).permutation(len(x)).astype(np.int32))
    whole, rest = divmod(len(x), case.batch_size)

    def run() -> None:
        _, totals = engine.train(data, permutation, (case.batch_size, case.batch_size), (0, whole), Totals())
        if rest:
            engine.train(data, permutation, (case.batch_size, rest), (whole, whole + 1), totals)

    return run


def timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=list(CASES))
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    case = CASES[arguments.data]
    x, y, *_ = arrays(arguments.data)
    flat = x.reshape(len(x), -1)
    rng = np.random.default_rng(0)
    weights = [
        (rng.standard_normal(size) * np.sqrt(1 / size[0])).astype(np.float32)
        for size in zip(case.widths, case.widths[1:], strict=False)
    ]
    engine = engine_epoch(case, x, y)
    engine()
    fused_epoch(case, flat, y, weights)

    triples = []
    for number in range(arguments.pairs):
        rate = sgemm_rate()
        ours, fused = timed(engine), timed(lambda: fused_epoch(case, flat, y, weights))
        triples.append((case.flops / rate, fused, ours))
        print(
            f"turn {number + 1}: {rate / 1e9:.0f} GFLOP/s; arithmetic {triples[-1][0]:.3f} s, fused {fused:.3f} s,"
            f" engine {ours:.3f} s",
            flush=True,
        )
    for index, floor in enumerate(("arithmetic", "fused")):
        ratios = [triple[2] / triple[index] for triple in triples]
        print(f"engine / {floor}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()

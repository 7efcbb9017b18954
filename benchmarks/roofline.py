"""The engine against what the machine could do, in turns: `python benchmarks/roofline.py mnist`.

Two floors of an epoch's training (validation and checkpoints left out on both sides):
arithmetic, the epoch's FLOPs at the machine's own rate of large float32 matrix products, OpenBLAS's or TensorFlow's,
whichever is higher;
fused, the same epoch by hand with BLAS calls (fused_blas.py).
Noise only ever adds time, so beside the median of the turns the quietest of each is printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from networks import CASES, Case, arrays

HERE = Path(__file__).parent
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(HERE.parent))


def engine_epoch(case: Case, x: np.ndarray, y: np.ndarray) -> Callable[[], None]:
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
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    engine, data = CompiledModel(model, "auto"), resident(Split(x, y))
    permutation = tf.constant(np.random.default_rng(0).permutation(len(x)).astype(np.int32))
    whole, rest = divmod(len(x), case.batch_size)

    def run() -> None:
        _, totals = engine.train(data, permutation, (case.batch_size, case.batch_size), (0, whole), Totals())
        if rest:
            engine.train(data, permutation, (case.batch_size, rest), (whole, whole + 1), totals)

    return run


def matmul_rate(size: int = 2048) -> float:
    """FLOP/s of the best of 7 products by TensorFlow."""
    import tensorflow as tf

    a, b = (tf.random.stateless_uniform((size, size), (0, seed)) for seed in (0, 1))
    seconds = []
    for _ in range(7):
        started = time.perf_counter()
        tf.matmul(a, b).numpy()
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=list(CASES))
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    case = CASES[arguments.data]
    x, y, *_ = arrays(arguments.data)
    run = engine_epoch(case, x, y)
    run()

    turns = []
    for number in range(arguments.turns):
        command = [sys.executable, str(HERE / "fused_blas.py"), arguments.data]
        by_hand = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        rate = max(by_hand["flops_per_second"], matmul_rate())
        started = time.perf_counter()
        run()
        ours = time.perf_counter() - started
        turns.append((case.flops / rate, by_hand["seconds"], ours))
        print(
            f"turn {number + 1}: {rate / 1e9:.0f} GFLOP/s; arithmetic {turns[-1][0]:.3f} s,"
            f" fused {turns[-1][1]:.3f} s, engine {ours:.3f} s",
            flush=True,
        )
    best = [min(column) for column in zip(*turns, strict=True)]
    for index, floor in enumerate(("arithmetic", "fused")):
        ratios = [turn[2] / turn[index] for turn in turns]
        print(
            f"engine / {floor}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}),"
            f" quietest {best[2] / best[index]:.2f}"
        )


if __name__ == "__main__":
    main()

"""A tiny training with everything that has a state; as a program, for tests that kill it or want a fresh process.

`python training_case.py FOLDER [kill=EPOCH:STEP] [signal=NUMBER] [chunk=SECONDS] [epochs=N] [slow]` writes
FOLDER/result.npz.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from experiments.checkpoints import Checkpoints
from experiments.datasets import Dataset, Split


def dataset(n=150, validation=37, shape=(6, 6), classes=4, seed=0) -> Dataset:
    """Noise, whose brightness says something of the class."""
    rng = np.random.default_rng(seed)

    def split(rows):
        y = rng.integers(0, classes, rows).astype(np.int32)
        x = rng.integers(0, 100, (rows, *shape)) + 35 * y.reshape(-1, *[1] * len(shape))
        return Split(x.astype(np.uint8), y)

    names = tuple(map(str, range(classes)))
    held_out = split(validation)
    return Dataset("made up", split(n), held_out, held_out, names, "images", 1 / 255, "", "", True)


def mlp():
    import keras

    return [keras.layers.Flatten(), keras.layers.Dense(16, activation="relu")]


def regularised():
    import keras

    return [
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.4),
    ]


def model(optimizer, *, shape=(6, 6), classes=4, layers=None, seed=1, dtype="uint8"):
    import keras

    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    rows = keras.Input(shape, dtype=dtype, name="rows")
    hidden = keras.layers.Rescaling(1 / 255)(rows)
    for layer in (layers or mlp)():
        hidden = layer(hidden)
    network = keras.Model(rows, keras.layers.Dense(classes, activation="softmax")(hidden), name="network")
    network.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def stateful():
    """Model and callbacks with dropout, batch normalisation, Adam, patience, best weights and a falling rate."""
    import keras

    callbacks = [
        keras.callbacks.EarlyStopping("val_accuracy", patience=6, min_delta=0.05, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.05),
    ]
    return model(keras.optimizers.Adam(0.01), layers=regularised), callbacks


def main() -> None:
    folder = Path(sys.argv[1])
    options = dict(argument.partition("=")[::2] for argument in sys.argv[2:])

    from experiments import training
    from experiments.training import loop

    loop.CHUNK_SECONDS = float(options.get("chunk", 0))
    network, callbacks = stateful()
    data = dataset()
    kill_at = tuple(map(int, options["kill"].split(":"))) if "kill" in options else None
    done = [0]

    def on_step(step, logs):
        if "slow" in options:
            time.sleep(0.05)
        if kill_at == (done[0] + 1, step):
            os.kill(os.getpid(), int(options.get("signal", signal.SIGKILL)))

    def on_epoch(row):
        done[0] = row.epoch
        print(row.epoch, flush=True)

    try:
        with training.StopRequest() as stop, stop.ending_with(lambda signum: None):
            history = training.train(
                network,
                data,
                epochs=int(options.get("epochs", 12)),
                batch_size=32,
                seed=5,
                callbacks=callbacks,
                checkpoints=Checkpoints(folder / "checkpoints"),
                checkpoint_minutes=0,
                stop=stop,
                on_step=on_step,
                on_epoch=on_epoch,
            )
    except training.Interrupted as interrupted:
        sys.exit(128 + interrupted.signum)
    arrays = [np.array([row[:-1] for row in history.epochs])]
    arrays += [variable.numpy() for variable in [*network.variables, *network.optimizer.variables]]
    arrays.append(network.predict_on_batch(data.test.x))
    np.savez(folder / "result.npz", *arrays)


if __name__ == "__main__":
    main()

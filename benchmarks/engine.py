"""The same training by the engine, checkpoints included: `python benchmarks/engine.py mnist EPOCHS`."""

import json
import resource
import sys
import tempfile
from pathlib import Path

import keras
from networks import CASES, arrays

from experiments.checkpoints import Checkpoints
from experiments.datasets import Dataset, Split
from experiments.training import train


def main(name: str, epochs: int) -> None:
    case = CASES[name]
    x, y, x_test, y_test = arrays(name)
    test = Split(x_test, y_test)
    names = tuple("0123456789")
    dataset = Dataset(name, Split(x, y), test, test, names, "images", 1 / 255, "", "", True)

    keras.utils.set_random_seed(0)
    rows = keras.Input(case.shape, dtype="uint8")
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(rows))
    for units in case.hidden_units:
        hidden = keras.layers.Dense(units, activation=case.activation)(hidden)
    model = keras.Model(rows, keras.layers.Dense(10, activation="softmax")(hidden))
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])

    with tempfile.TemporaryDirectory() as folder:
        store = Checkpoints(Path(folder))
        history = train(model, dataset, epochs=epochs, batch_size=case.batch_size, seed=0, checkpoints=store)
    model.predict(x_test, batch_size=1000, verbose=0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": history.column("seconds"), "peak_mb": peak, "loss": history.epochs[-1].loss}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

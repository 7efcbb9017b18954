"""The article's script as a person would write it: float32 rows, one-hot labels, `model.fit`, validation on the test
split. `python benchmarks/script.py mnist EPOCHS` prints the seconds of each epoch and the peak memory as JSON."""

import json
import resource
import sys
import time

import keras
from networks import CASES, arrays


def main(name: str, epochs: int) -> None:
    case = CASES[name]
    x, y, x_test, y_test = arrays(name)
    x = x.reshape(len(x), -1).astype("float32") / 255
    x_test = x_test.reshape(len(x_test), -1).astype("float32") / 255
    y, y_test = keras.utils.to_categorical(y, 10), keras.utils.to_categorical(y_test, 10)

    model = keras.Sequential([keras.Input((x.shape[1],))])
    for units in case.hidden_units:
        model.add(keras.layers.Dense(units, activation=case.activation))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy", metrics=["accuracy"])

    seconds: list[float] = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds.append(time.perf_counter() - self.started)

    history = model.fit(
        x,
        y,
        validation_data=(x_test, y_test),
        epochs=epochs,
        batch_size=case.batch_size,
        verbose=0,
        callbacks=[Clock()],
    )
    model.predict(x_test, batch_size=case.batch_size, verbose=0)  # the article's classification report
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "loss": history.history["loss"][-1]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""The article's script as it stands there, without a framework of its own.

float32 rows, one-hot labels by LabelBinarizer, `model.fit` with its progress bar, validation on the test split,
scikit-learn's report, the plot. `python benchmarks/script.py mnist EPOCHS` prints, as its last line, the seconds of
each epoch and the peak memory as JSON.
"""

import json
import resource
import sys
import time

import keras
import matplotlib
import numpy as np
from networks import CASES, arrays
from sklearn.metrics import classification_report
from sklearn.preprocessing import LabelBinarizer

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # after the backend is chosen, as the article has it


def main(name: str, epochs: int) -> None:
    case = CASES[name]
    x, y, x_test, y_test = arrays(name)
    x = x.reshape(len(x), -1).astype("float32") / 255
    x_test = x_test.reshape(len(x_test), -1).astype("float32") / 255
    binarizer = LabelBinarizer()
    y, y_test = binarizer.fit_transform(y), binarizer.transform(y_test)

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
        x, y, validation_data=(x_test, y_test), epochs=epochs, batch_size=case.batch_size, callbacks=[Clock()]
    ).history
    predictions = model.predict(x_test, batch_size=case.batch_size)
    names = [str(label) for label in binarizer.classes_]
    print(classification_report(y_test.argmax(axis=1), predictions.argmax(axis=1), target_names=names))

    plt.style.use("ggplot")
    plt.figure()
    numbers = np.arange(0, epochs)
    plt.plot(numbers, history["loss"], label="train_loss")
    plt.plot(numbers, history["val_loss"], label="val_loss")
    plt.plot(numbers, history["accuracy"], label="train_acc")
    plt.plot(numbers, history["val_accuracy"], label="val_acc")
    plt.title("Training Loss and Accuracy")
    plt.xlabel("Epoch #")
    plt.ylabel("Loss/Accuracy")
    plt.legend()
    plt.savefig("plot.png")

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "loss": history["loss"][-1]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""A model's answers on a split, and what they are worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.datasets import Split
from experiments.signals import stop
from experiments.text import plain

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 2048  # of the forward pass; large enough to be quick, small enough to hold little memory
SMALLEST = float(np.finfo(np.float32).tiny)  # stands for a probability of 0, whose logarithm is no number


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers on n rows. y_true, y_pred: (n,) int32; probabilities: (n, classes) float32; loss in nats."""

    y_true: np.ndarray
    y_pred: np.ndarray
    probabilities: np.ndarray
    loss: float
    accuracy: float


def evaluate(model: "keras.Model", split: Split) -> Evaluation:
    """Classify all rows of a split."""
    return score(split.y, probabilities(model, split.x))


def probabilities(model: "keras.Model", x: np.ndarray) -> np.ndarray:
    """(n, classes) float32 for rows (n, *shape) as stored, the last, partial batch included.

    Raises:
        Interrupted: by a signal, after a batch.
    """
    forward = _forward(model)
    batches = []
    for start in range(0, len(x), BATCH_SIZE):
        batches.append(np.asarray(forward(x[start : start + BATCH_SIZE])))
        stop.check()
    return np.concatenate(batches)


@lru_cache(maxsize=1)
def _forward(model: "keras.Model") -> Callable[[np.ndarray], Any]:
    """The model as one graph for batches of any size; `predict_on_batch` would make one for each size."""
    import tensorflow as tf

    rows = tf.TensorSpec(model.input_shape, model.inputs[0].dtype)
    return tf.function(lambda x: model(x, training=False), input_signature=[rows], autograph=False)


def score(y_true: np.ndarray, probabilities: np.ndarray) -> Evaluation:
    """What predicted probabilities (n, classes) are worth against true classes (n,); loss is mean cross-entropy.

    As in Keras' own training and evaluation, which go back to the logits, probabilities are not clipped at 1e-7.
    """
    y_pred = probabilities.argmax(axis=1).astype(np.int32)
    of_truth = probabilities[np.arange(len(y_true)), y_true].astype(np.float64)
    loss = -np.log(np.maximum(of_truth, SMALLEST)).mean()
    return Evaluation(y_true, y_pred, probabilities, float(loss), float((y_pred == y_true).mean()))


def classification_report(evaluation: Evaluation, class_names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """scikit-learn's report of all classes, those without rows too, as text and as a dict.

    In the dict each class is keyed by its number and holds its `name`, so that two classes may have the same name.
    """
    from sklearn import metrics

    labels = list(range(len(class_names)))
    arguments = {"labels": labels, "zero_division": 0}
    names = [plain(name) for name in class_names]
    text = metrics.classification_report(evaluation.y_true, evaluation.y_pred, target_names=names, **arguments)
    numbered = metrics.classification_report(evaluation.y_true, evaluation.y_pred, output_dict=True, **arguments)
    classes = [{"name": name, **numbered[str(label)]} for label, name in zip(labels, class_names, strict=True)]
    averages = {key: numbered[key] for key in ("macro avg", "weighted avg")}
    return text, {"classes": classes, "accuracy": evaluation.accuracy, **averages}


def wilson_interval(correct: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's confidence interval of a share, here accuracy (Wilson 1927), by scipy."""
    from scipy.stats import binomtest

    interval = binomtest(correct, rows).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True, eq=False)
class Calibration:
    """How sure the model was and how often right, by bins of confidence; all (bins,), empty bins left out.

    `error` is the expected calibration error (Naeini et al. 2015): |accuracy - confidence| weighted by rows.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    rows: np.ndarray
    error: float


def calibration(evaluation: Evaluation, bins: int = 15) -> Calibration:
    """Bins of equal width over the probability of the predicted class."""
    sure = evaluation.probabilities.max(axis=1).astype(np.float64)
    right = evaluation.y_pred == evaluation.y_true
    number = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    rows = np.bincount(number, minlength=bins)
    filled = rows > 0
    mean_sure = np.bincount(number, sure, bins)[filled] / rows[filled]
    mean_right = np.bincount(number, right, bins)[filled] / rows[filled]
    error = float((np.abs(mean_sure - mean_right) * rows[filled]).sum() / len(sure))
    return Calibration(mean_sure, mean_right, rows[filled], error)


def most_confused(evaluation: Evaluation, count: int) -> list[tuple[int, int, int]]:
    """The most frequent mistakes: (true class, predicted class, rows), most rows first."""
    wrong = evaluation.y_pred != evaluation.y_true
    pairs = np.stack([evaluation.y_true[wrong], evaluation.y_pred[wrong]], axis=1)
    unique, rows = np.unique(pairs, axis=0, return_counts=True)
    order = np.argsort(-rows, kind="stable")[:count]
    return [(int(unique[i, 0]), int(unique[i, 1]), int(rows[i])) for i in order]


def worst_mistakes(evaluation: Evaluation, count: int) -> np.ndarray:
    """Rows of the wrong answers the model was surest of, surest first."""
    wrong = np.flatnonzero(evaluation.y_pred != evaluation.y_true)
    sure = evaluation.probabilities[wrong, evaluation.y_pred[wrong]]
    return wrong[np.argsort(-sure, kind="stable")[:count]]

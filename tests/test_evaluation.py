"""Scores of made-up answers, exact."""

import json

import numpy as np
import pytest

from experiments.datasets import Split
from experiments.evaluation import (
    calibration,
    classification_report,
    evaluate,
    most_confused,
    score,
    wilson_interval,
    worst_mistakes,
)

TRUTH = np.array([0, 0, 1, 1, 2, 2], np.int32)
GIVEN = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.0, 0.1, 0.9], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2]], np.float32
)


def test_loss_and_accuracy():
    evaluation = score(TRUTH, GIVEN)
    assert evaluation.y_pred.tolist() == [0, 1, 1, 2, 2, 1]
    assert evaluation.accuracy == pytest.approx(3 / 6)
    assert evaluation.loss == pytest.approx(-np.log([0.8, 0.3, 0.8, 0.1, 0.7, 0.2]).mean(), rel=1e-6)


def test_a_probability_of_zero_has_a_finite_loss_and_a_small_one_is_not_clipped():
    assert score(np.array([0]), np.array([[0.0, 1.0]], np.float32)).loss == pytest.approx(87.3, abs=0.1)
    assert score(np.array([0]), np.array([[1e-20, 1.0]], np.float32)).loss == pytest.approx(-np.log(1e-20))


def test_the_loss_is_the_one_that_keras_evaluates_to():
    import keras

    rows = keras.Input((4,), dtype="float32")
    model = keras.Model(rows, keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")(rows))
    model.layers[-1].set_weights([np.random.default_rng(0).normal(0, 4, (4, 3)), np.zeros(3)])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.random.default_rng(1).normal(0, 2, (50, 4)).astype(np.float32), np.arange(50, dtype=np.int32) % 3
    loss, accuracy = model.evaluate(x, y, verbose=0)
    evaluation = evaluate(model, Split(x, y))
    assert evaluation.probabilities.min() < 1e-7  # where clipping would change the loss
    assert (evaluation.loss, evaluation.accuracy) == (pytest.approx(loss, rel=1e-5), pytest.approx(accuracy))


def test_a_model_that_always_says_class_2_scores_its_share_of_all_rows():
    import keras

    rows = keras.Input((2,), dtype="uint8")
    always = keras.layers.Dense(10, activation="softmax", kernel_initializer="zeros", bias_initializer="zeros")
    model = keras.Model(rows, always(keras.layers.Rescaling(1.0)(rows)))
    always.set_weights([np.zeros((2, 10)), np.eye(10)[2] * 9])
    y = np.array([2, 2, *range(3, 10), *range(3, 10)], np.int32)
    assert len(y) == 16
    evaluation = evaluate(model, Split(np.zeros((16, 2), np.uint8), y))
    assert evaluation.accuracy == 2 / 16
    assert set(evaluation.y_pred) == {2}


def test_no_row_is_dropped_at_the_end(monkeypatch):
    import keras

    monkeypatch.setattr("experiments.evaluation.BATCH_SIZE", 4)
    rows = keras.Input((3,))
    model = keras.Model(rows, keras.layers.Activation("linear")(rows))
    evaluation = evaluate(model, Split(GIVEN, TRUTH))
    np.testing.assert_array_equal(evaluation.probabilities, GIVEN)


def test_the_report_has_every_class_and_two_classes_may_share_a_name():
    text, values = classification_report(score(TRUTH, GIVEN), ["cat", "cat", "dog\n", "never"][:3])
    assert [row["name"] for row in values["classes"]] == ["cat", "cat", "dog\n"]
    assert values["classes"][0] == {
        "name": "cat",
        "precision": 1.0,
        "recall": 0.5,
        "f1-score": pytest.approx(2 / 3),
        "support": 2,
    }
    assert values["accuracy"] == 0.5
    assert "dog\\n" in text
    json.dumps(values)


def test_a_class_without_rows_is_listed():
    probabilities = np.concatenate([GIVEN, np.zeros((6, 1), np.float32)], axis=1)
    _, values = classification_report(score(TRUTH, probabilities), ["a", "b", "c", "d"])
    assert values["classes"][3]["support"] == 0


def test_wilsons_interval():
    # Wilson (1927) for 9 of 10, as scipy, statsmodels and R's prop.test(correct=FALSE) give it
    assert wilson_interval(9, 10) == pytest.approx((0.5958500, 0.9821238), abs=1e-6)


def test_calibration_of_answers_that_are_as_sure_as_right():
    sure = np.array([[0.75, 0.25]] * 4, np.float32)
    bins = calibration(score(np.array([0, 0, 0, 1]), sure))
    assert bins.rows.tolist() == [4]
    assert (bins.confidence[0], bins.accuracy[0], bins.error) == (0.75, 0.75, 0.0)


def test_calibration_error_is_weighted_by_rows():
    given = np.array([[1.0, 0.0]] * 3 + [[0.6, 0.4]], np.float32)
    assert calibration(score(np.array([0, 0, 1, 0]), given)).error == pytest.approx(
        (3 * (1 - 2 / 3) + 0.4) / 4, rel=1e-5
    )


def test_the_most_confused_pairs_and_the_surest_mistakes():
    evaluation = score(np.array([0, 0, 0, 1]), np.array([[0.1, 0.9], [0.4, 0.6], [0.9, 0.1], [0.8, 0.2]], np.float32))
    assert most_confused(evaluation, 5) == [(0, 1, 2), (1, 0, 1)]
    assert worst_mistakes(evaluation, 2).tolist() == [0, 3]

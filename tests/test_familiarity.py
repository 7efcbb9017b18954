"""Which images are called unlike the training samples, and how often that is a false alarm."""

import numpy as np
import pytest

from experiments import datasets
from experiments.datasets import statistics
from experiments.familiarity import unlike
from tests.datasets import made_up

SCALE = 1 / 16


@pytest.fixture(scope="module")
def digits():
    return datasets.load(made_up.config("digits", test=0.25, validation=0.1))


@pytest.fixture(scope="module")
def trained_on(digits):
    return statistics.describe(digits.train.x, SCALE)


def test_statistics_by_hand():
    x = np.zeros((2, 3, 3), np.uint8)
    x[0, 1, 1], x[1] = 9, 4
    found = statistics.of_samples(x, 0.1)
    assert {name: values.tolist() for name, values in found.items()} == {
        "mean": pytest.approx([0.1, 0.4]),
        "border": pytest.approx([0.0, 0.4]),
        "range": pytest.approx([0.9, 0.0]),
    }
    assert statistics.describe(x, 0.1)["mean"] == {"mean": 0.25, "standard_deviation": 0.15, "least": 0.1, "most": 0.4}


def test_colours_are_taken_together():
    x = np.zeros((1, 2, 2, 3), np.uint8)
    x[..., 0] = 3
    assert statistics.of_samples(x, 1.0)["border"].tolist() == [1.0]


def test_few_test_images_are_false_alarms_and_all_inverted_ones_are_warned_of(digits, trained_on):
    test = digits.test.x
    warned = [unlike(one[None], SCALE, trained_on) for one in test]
    assert sum(map(bool, warned)) / len(test) < 0.005
    inverted = [unlike(16 - one[None], SCALE, trained_on) for one in test]
    assert all(inverted)
    said = sum("it looks dark on light where they are light on dark. Invert it" in text for text in inverted)
    assert said >= 0.99 * len(test)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (np.zeros_like, "mean brightness 0.00, there 0.2"),
        (lambda x: x // 16, "The answer means little: see whether it is scaled, cut out and coloured as they are."),
        (lambda x: np.full_like(x, 5), "difference of the lightest and the darkest pixel 0.00, there 0."),
    ],
)
def test_other_images_that_are_unlike(digits, trained_on, change, words):
    text = unlike(change(digits.test.x[:1]), SCALE, trained_on)
    assert text.startswith("it is unlike the training samples (")
    assert words in text


def test_of_many_samples_one_in_a_hundred_may_lie_outside(digits, trained_on):
    many = digits.test.x[:200].copy()
    many[:2] = 16 - many[:2]
    assert unlike(many, SCALE, trained_on) == ""
    many[2:4] = 16 - many[2:4]
    assert unlike(many, SCALE, trained_on).startswith("4 of 200 samples are unlike the training samples (")


@pytest.mark.parametrize(
    "recorded", [None, [], "x", {}, {"mean": 1}, {name: {"mean": "x"} for name in statistics.STATISTICS}]
)
def test_a_record_that_does_not_say_what_was_trained_on_gives_no_warning(digits, recorded):
    assert unlike(16 - digits.test.x[:1], SCALE, recorded) == ""

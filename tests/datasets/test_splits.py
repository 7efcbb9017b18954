"""Splits with known answers: whose rows, how many, in what order, and what is said when there are too few."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from experiments.datasets import Split, splits
from experiments.errors import UserError
from tests.conftest import environment


def numbered(*counts: int, start: int = 0) -> Split:
    """`counts[c]` rows of class c, interleaved; each row's only feature is its number."""
    y = np.array([label for turn in range(max(counts)) for label, count in enumerate(counts) if turn < count], np.int32)
    return Split(np.arange(start, start + len(y), dtype=np.int64).reshape(-1, 1), y)


def test_a_cut_has_the_rows_that_scikit_learn_names_in_their_published_order():
    train, test = numbered(30, 20, 10), numbered(6, 4, 2, start=60)
    y = np.concatenate([train.y, test.y])
    rest, taken = train_test_split(np.arange(72), test_size=0.25, random_state=7, stratify=y)
    kept, held = splits.cut([train, test], 0.25, 7, "dataset.test")
    assert kept.x[:, 0].tolist() == sorted(rest)
    assert held.x[:, 0].tolist() == sorted(taken)
    assert held.y.tolist() == y[sorted(taken)].tolist()
    assert np.bincount(held.y).tolist() == [9, 6, 3]


def test_the_printed_mnist_split_has_the_articles_sizes():
    train, test = numbered(*[6000] * 10), numbered(*[1000] * 10, start=60_000)
    kept, held = splits.cut([train, test], 0.25, 42, "dataset.test")
    assert (len(kept), len(held)) == (52_500, 17_500)
    assert np.bincount(held.y).tolist() == [1750] * 10


def test_a_part_without_rows_is_no_trouble():
    """scikit-learn's digits have no official test split."""
    train = numbered(8, 8)
    kept, held = splits.cut([train, Split(train.x[:0], train.y[:0])], 0.25, 0, "dataset.test")
    assert sorted([*kept.x[:, 0], *held.x[:, 0]]) == list(range(16))


@pytest.mark.parametrize("limit", [None, 60, 61])
def test_a_limit_of_all_rows_or_more_changes_nothing(limit):
    split = numbered(30, 20, 10)
    assert splits.limited(split, limit, 0) is split


def test_a_limit_keeps_the_shares_of_the_classes():
    assert np.bincount(splits.limited(numbered(30, 20, 10), 12, 0).y).tolist() == [6, 4, 2]


def test_a_limit_just_below_all_rows_works():
    limited = splits.limited(numbered(30, 20, 10), 59, 0)
    assert 55 <= len(limited) <= 59
    assert set(limited.y) == {0, 1, 2}


def test_too_few_rows_say_which_class_and_what_to_do():
    with pytest.raises(UserError) as caught:
        splits.cut([numbered(30, 20, 1)], 0.25, 0, "dataset.validation")
    assert str(caught.value) == (
        "dataset.validation: received 0.25, expected a part that has, and leaves, rows of each of the 3 classes"
        " (of 51 rows class 2 has 1; a class needs two). Take at least 3 rows and leave as many, or name more data"
        " with dataset.path=…"
    )
    with pytest.raises(UserError, match=r"^dataset\.limit: received 2, expected"):
        splits.limited(numbered(30, 20, 10), 2, 0)


def test_looking_at_data_sets_imports_neither_scikit_learn_nor_tensorflow():
    code = (
        "import sys, experiments.datasets; print([name for name in ('sklearn', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

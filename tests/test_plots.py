"""Figures of made-up runs: what they show, and that nothing is left behind."""

import io
import subprocess
import sys
import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from experiments import plots
from experiments.datasets import Dataset, Split
from experiments.evaluation import score
from experiments.history import Epoch, History
from experiments.reports.freshness import expected_plots

NAN, INFINITY = float("nan"), float("inf")


def dataset(y, shape=(8, 8), names=("cat", "dog", "$x_1$"), rows="images") -> Dataset:
    x = np.random.default_rng(0).integers(0, 17, (len(y), *shape)).astype(np.uint8)
    split = Split(x, np.array(y, np.int32))
    return Dataset("made up", split, split, split, names, rows, 1 / 16, "f" * 64, "made up", False)


def answers(y, given):
    """Answers with probability 0.8 for the class given, 0.1 for the two others."""
    return score(np.array(y, np.int32), np.full((len(y), 3), 0.1, np.float32) + np.float32(0.7) * np.eye(3)[given])


def history(epochs: int) -> History:
    return History([Epoch(n, 2 / n, 0.2 * n, 2.1 / n, 0.19 * n, 0.01, 0.5) for n in range(1, epochs + 1)])


def draw(figure) -> None:
    figure.savefig(io.BytesIO(), format="png", dpi=50)


def test_the_articles_plot_has_its_lines_title_and_labels():
    figure = plots.training_curves(history(3))
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["train_loss", "val_loss", "train_acc", "val_acc"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [line.get_label() for line in axes.lines]
    np.testing.assert_allclose(
        [line.get_ydata() for line in axes.lines],
        [[2, 1, 2 / 3], [2.1, 1.05, 0.7], [0.2, 0.4, 0.6], [0.19, 0.38, 0.57]],
    )
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert axes.get_title() == "Training Loss and Accuracy"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epoch #", "Loss/Accuracy")
    assert to_hex(axes.get_facecolor()) == "#e5e5e5"  # ggplot's grey
    assert axes.get_yscale() == "linear"


def test_the_legend_hides_no_curve():
    figure = plots.training_curves(history(50))
    draw(figure)
    (axes,) = figure.axes
    assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent())


def test_one_epoch_can_be_seen_and_is_counted_in_whole_numbers():
    figure = plots.training_curves(history(1))
    draw(figure)
    (axes,) = figure.axes
    assert {line.get_marker() for line in axes.lines} == {"o"}
    assert all(tick == int(tick) for tick in axes.get_xticks())


def test_values_that_are_no_numbers_leave_a_gap():
    figure = plots.training_curves(
        History([Epoch(1, 2.0, 0.5, INFINITY, 0.5, 0.1, 1), Epoch(2, NAN, 0, NAN, 0, 0.1, 1)])
    )
    (axes,) = figure.axes
    assert np.isnan(axes.lines[0].get_ydata()).tolist() == [False, True]
    assert np.isnan(axes.lines[1].get_ydata()).all()
    draw(figure)


def test_an_exploding_loss_leaves_accuracy_visible():
    figure = plots.training_curves(History([Epoch(1, 2.5, 0.1, 3.0, 0.1, 1, 1), Epoch(2, 1e9, 0.1, 1e30, 0.1, 1, 1)]))
    draw(figure)
    (axes,) = figure.axes
    assert axes.get_yscale() == "symlog"
    assert all("$" not in tick.get_text() for tick in axes.get_yticklabels())


def test_the_confusion_matrix_counts_true_classes_down_and_predicted_ones_across():
    figure = plots.confusion_matrix(answers([0, 0, 0, 1, 2], [0, 0, 1, 1, 0]), ["cat", "dog", "$x_1$"])
    axes = figure.axes[0]
    assert {(*text.get_position(), text.get_text()) for text in axes.texts} == {
        (0, 0, "2"),
        (1, 0, "1"),
        (1, 1, "1"),
        (0, 2, "1"),
    }
    np.testing.assert_allclose(axes.images[0].get_array(), [[2 / 3, 1 / 3, 0], [0, 1, 0], [1, 0, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "$x_1$"]


def test_a_class_without_rows_has_an_empty_row():
    figure = plots.confusion_matrix(answers([0, 1], [0, 1]), ["cat", "dog", "never"])
    assert figure.axes[0].images[0].get_array()[2].tolist() == [0, 0, 0]


def test_a_hundred_classes_have_labels_that_do_not_overlap_and_no_counts():
    names = [f"a class named {n}" for n in range(100)]
    figure = plots.confusion_matrix(score(np.arange(100), np.eye(100, dtype=np.float32)), names)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert len(axes.texts) == 0
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert len(boxes) == 100
    assert boxes[0].height < (boxes[0].y0 - boxes[1].y0) * 1.15  # the box is higher than its letters


def test_the_reliability_diagram_shows_each_bin_and_how_many_rows_it_has():
    figure = plots.reliability(answers([0, 0, 0, 1], [0, 0, 1, 1]))
    upper, lower = figure.axes
    assert upper.lines[-1].get_xydata().tolist() == [[pytest.approx(0.8), 0.75]]
    assert "0.050" in upper.get_title()
    assert sum(bar.get_height() for bar in lower.patches) == 4


def test_predictions_name_the_class_the_probability_and_where_wrong_the_truth():
    figure = plots.predictions(answers([0, 1, 2], [0, 2, 2]), dataset([0, 1, 2]), [0, 1, 2], "title")
    (axes,) = figure.axes
    assert axes.get_title() == "title"
    assert [text.get_text() for text in axes.texts] == ["✓ cat 80%\n", "✗ $x_1$ 80%\ntruth: dog", "✓ $x_1$ 80%\n"]
    assert [text.get_color() for text in axes.texts] == [plots.RIGHT, plots.WRONG, plots.RIGHT]
    draw(figure)


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 1), (8, 6, 2), (8, 6, 3), (8, 6, 4), (8, 6, 5)])
def test_images_of_any_number_of_channels_are_drawn(shape):
    draw(plots.predictions(answers([0, 1], [0, 1]), dataset([0, 1], shape), [0, 1], "title"))


def test_an_image_keeps_its_shape():
    figure = plots.predictions(answers([0], [0]), dataset([0], (8, 4)), [0], "title")
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert (bottom - top) / (right - left) == pytest.approx(2)


def test_what_is_drawn_of_a_run():
    y = [0, 1, 2, 0]
    images, features = {"rows": "images"}, {"rows": "features"}
    curves = ["training_curves.png", "diagnosis.png"]
    answered = [*curves, "confusion_matrix.png", "calibration.png"]

    def names(epochs, data=None, accuracy=None, reference=None) -> list[str]:
        metrics = {} if accuracy is None else {"test": {"accuracy": accuracy}}
        config = {"reference": reference}
        return expected_plots({"epochs_completed": epochs, "dataset": data, "metrics": metrics, "config": config})

    assert names(3, images, 0.5) == [*answered, "sample_predictions.png", "worst_mistakes.png"]
    assert names(3, images, 1.0) == [*answered, "sample_predictions.png"]
    assert names(3, features, 0.5) == answered
    assert names(3, images, None, {"accuracy": 1}) == [*curves, "beside_published.png"]
    assert names(1, images) == ["training_curves.png"]
    assert names(0) == []
    assert set(plots.of_run(history(3), answers(y, y), lambda: dataset(y))) == set(names(3, images, 0.5))
    assert set(plots.of_run(history(3), None, lambda: dataset(y))) == set(curves)


def test_samples_are_taken_from_the_whole_test_split_for_its_start_may_be_of_one_class():
    y = [0] * 40 + [1] * 40 + [2] * 40
    figure = plots.of_run(history(1), answers(y, y), lambda: dataset(y))["sample_predictions.png"]()
    shown = [text.get_text().split()[1] for text in figure.axes[0].texts]
    assert len(shown) == plots.SAMPLES
    assert set(shown) == {"cat", "dog", "$x_1$"}


HOSTILE = ("\\frac{$", "line\nbreak", "\x1b[31m\u202e漢字 and more than fits")


def test_hostile_names_are_drawn_as_text():
    evaluation = answers([0, 1, 2, 2], [0, 2, 1, 2])
    named = dataset([0, 1, 2, 2], names=HOSTILE)
    for drawn in plots.of_run(history(2), evaluation, lambda: named, class_names=HOSTILE).values():
        figure = drawn()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            draw(figure)
    labels = plots.confusion_matrix(evaluation, HOSTILE).axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["\\frac{$", "line\\nbreak", "\\x1b[31m\\u202e漢字 an…"]


def test_figures_leave_the_settings_of_matplotlib_as_they_were_and_do_not_heed_them():
    before = dict(mpl.rcParams)
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 40}):
        figure = plots.training_curves(history(3))
    assert to_hex(figure.axes[0].get_facecolor()) == "#e5e5e5"
    assert dict(mpl.rcParams) == before


def test_neither_pyplot_nor_tensorflow_is_imported():
    program = "import sys, experiments.plots; print({'matplotlib.pyplot', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

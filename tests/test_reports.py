"""The files and the page of a run, from made-up data; hostile text; a disk that is full."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments import plots, reports
from experiments.datasets import Dataset, Split
from experiments.evaluation import score
from experiments.history import Epoch, History
from experiments.reports.page import verdict

HOSTILE = [
    "<script>alert(1)</script>",
    "line\nbreak",
    "\x1b[31mred\x1b[0m",
    "$x_1$ | & *",
    "éü漢",
    "\u202ereversed",
    *"6789",
]


def dataset(names=tuple(HOSTILE)) -> Dataset:
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 17, (40, 8, 8), np.uint8), np.arange(40, dtype=np.int32) % 10)
    return Dataset("digits", split, split, split, tuple(names), "images", 1 / 16, "f" * 64, "made up", True)


def evaluation():
    probabilities = np.random.default_rng(1).dirichlet(np.ones(10), 40).astype(np.float32)
    return score(dataset().test.y, probabilities)


def history(epochs: int = 3) -> History:
    return History([Epoch(n, 2 / n, 0.2 * n, 2.1 / n, 0.19 * n, 0.01, 0.5) for n in range(1, epochs + 1)])


def record(**changes) -> dict:
    return {
        "status": "completed",
        "error": None,
        "name": "<b>bold</b>",
        "seed": 0,
        "started_at": "2026-01-02T03:04:05+00:00",
        "finished_at": "2026-01-02T03:05:19+00:00",
        "duration_seconds": 74.2,
        "epochs_completed": 3,
        "metrics": {name: {"loss": 0.25, "accuracy": 0.925} for name in ("train", "validation", "test")},
        "throughput": {"rows_per_second": 80.0, "seconds_per_epoch": 0.5, "peak_memory_mb": 700.0},
        "dataset": {
            "name": "digits",
            "fingerprint": "f" * 64,
            "sizes": {"train": 40, "validation": 40, "test": 40},
            "shape": [8, 8],
            "rows": "images",
            "class_names": HOSTILE,
            "source": "/a/<i>path</i>",
            "validation_is_test": True,
        },
        "model": {
            "parameters": 1234,
            "flops": 2468,
            "layers": [{"name": "hidden_1", "type": "Dense", "output_shape": [8], "parameters": 1234}],
        },
        "environment": {
            "versions": {"python": "3.11"},
            "platform": "Linux",
            "devices": ["CPU 0"],
            "cpu_count": 2,
            "git": {"commit": "c" * 40, "dirty": True},
        },
        "config_fingerprint": "a" * 64,
        "command": "python runner.py 'name=<b>'",
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run.json").write_text(json.dumps(record()))
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"name": "</pre><script>alert(2)</script>"}))
    (tmp_path / "history.csv").write_text(history().to_csv())
    reports.write_evaluation(tmp_path, evaluation(), HOSTILE)
    reports.write_plots(tmp_path, plots.of_run(history(), evaluation(), dataset()))
    return tmp_path


def test_what_is_written_reads_back(folder):
    saved = np.load(folder / "predictions.npz")
    np.testing.assert_array_equal(saved["probabilities"], evaluation().probabilities)
    values = json.loads((folder / "classification_report.json").read_text())
    assert [row["name"] for row in values["classes"]] == HOSTILE
    assert History.from_csv((folder / "history.csv").read_text()) == history()


def test_every_plot_is_there_and_sharp(folder):
    from PIL import Image

    names = {path.name for path in (folder / "plots").iterdir()}
    assert names == {
        "training_curves.png",
        "confusion_matrix.png",
        "calibration.png",
        "sample_predictions.png",
        "worst_mistakes.png",
    }
    assert all(Image.open(folder / "plots" / name).width > 800 for name in names)


def test_the_articles_plot_has_its_lines_title_and_labels():
    figure = plots.training_curves(history())
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == ["train_loss", "val_loss", "train_acc", "val_acc"]
    assert axes.lines[0].get_ydata().tolist() == [2.0, 1.0, 2 / 3]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert axes.get_title() == "Training Loss and Accuracy"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epoch #", "Loss/Accuracy")


def test_plots_of_one_epoch_of_nan_and_of_nothing():
    nan = History([Epoch(1, float("nan"), 0.1, float("inf"), 0.1, 0.01, 1.0)])
    assert set(plots.of_run(nan, None, None)) == {"training_curves.png"}
    assert plots.of_run(History(), None, None) == {}


def test_a_hundred_classes_are_drawn():
    figure = plots.confusion_matrix(
        score(np.arange(100), np.eye(100, dtype=np.float32)), [f"class {n}" for n in range(100)]
    )
    assert len(figure.axes[0].get_xticklabels()) == 100


def test_figures_leave_nothing_behind():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.training_curves(history())
    assert dict(mpl.rcParams) == before


def test_the_page_is_self_contained_and_shows_hostile_text_as_text(folder):
    page = reports.write_html(folder).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "line\\nbreak" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<b>bold" not in page
    assert "&lt;/pre&gt;&lt;script&gt;alert(2)" in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []
    assert len(page) < 2_000_000
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in re.findall(r"<img [^>]*>", page))


def test_the_page_says_the_numbers_that_matter_and_that_validation_was_the_test_split(folder):
    page = reports.write_html(folder).read_text()
    assert "92.50 % of 40 test rows right (95 % interval 80.1–97.4 %) after 3 epochs in 1 min 14 s." in page
    assert "Validated on the test split." in page
    (folder / "run.json").write_text(json.dumps(record(dataset=record()["dataset"] | {"validation_is_test": False})))
    assert "Validated on the test split." not in reports.write_html(folder).read_text()


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("diverged", "The run diverged after 3 epochs."),
        ("failed", "The run failed after 3 epochs."),
        ("running", "The run is still running, or was killed after 3 epochs."),
    ],
)
def test_a_page_of_what_there_is(tmp_path, status, line):
    values = record(
        status=status, error="<u>why</u>", metrics={}, dataset=None, model=None, environment=None, throughput=None
    )
    (tmp_path / "run.json").write_text(json.dumps(values))
    page = reports.write_html(tmp_path).read_text()
    assert verdict(values) == line
    assert line in page
    assert "&lt;u&gt;why&lt;/u&gt;" in page


def test_a_report_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch):
    reports.write_html(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    class Broken:
        def savefig(self, path: Path, dpi: int) -> None:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        reports.write_plots(folder, {"training_curves.png": Broken()})
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

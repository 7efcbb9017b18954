"""The files and the page of a run, from made-up data; hostile text; a disk that is full."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments import plots, reports
from experiments.datasets import Dataset, Split
from experiments.errors import UserError
from experiments.evaluation import score
from experiments.history import Epoch, History
from experiments.reports import drawn
from experiments.reports.wording import curves, duration, moment, number, verdict

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
    config = {"name": "</pre><script>alert(2)</script>", "path": "a\u202eb \x1b[2J"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    (tmp_path / "history.csv").write_text(history().to_csv())
    reports.write_evaluation(tmp_path, evaluation(), HOSTILE)
    drawn.draw(tmp_path, None, dataset)
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
        "diagnosis.png",
        "sample_predictions.png",
        "worst_mistakes.png",
    }
    assert all(Image.open(folder / "plots" / name).width > 800 for name in names)


def test_the_page_is_self_contained_and_shows_hostile_text_as_text(folder):
    page = reports.write_html(folder).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "line\\nbreak" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<b>bold" not in page
    assert "&lt;/pre&gt;&lt;script&gt;alert(2)" in page
    assert re.findall(r'(?:src|href)="(?!data:)|url\(|@import', page) == []
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert len(page) < 2_000_000
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in re.findall(r"<img [^>]*>", page))


def test_the_page_says_the_numbers_that_matter_and_that_validation_was_the_test_split(folder):
    page = reports.write_html(folder).read_text()
    assert "92.50 % of 40 test rows right (95 % interval 80.1–97.4 %) after 3 epochs in 1 min 14 s." in page
    assert "Validated on the test split." in page
    (folder / "run.json").write_text(json.dumps(record(dataset=record()["dataset"] | {"validation_is_test": False})))
    assert "Validated on the test split." not in reports.write_html(folder).read_text()


class Outline(HTMLParser):
    """Headings, table cells and images of a page, and that every tag that is opened is closed in its turn."""

    EMPTY = ("meta", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.without_scope = 0
        self.tables, self.captions = 0, 0
        self.ids: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag not in self.EMPTY:
            self.open.append(tag)
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.without_scope += tag == "th" and "scope" not in values
        self.tables += tag == "table"
        self.captions += tag == "caption"

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_fit_for_a_screen_reader(folder):
    page = reports.write_html(folder).read_text()
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    outline = Outline(page)
    assert outline.open == []
    assert outline.headings[0] == 1
    assert set(outline.headings[1:]) == {2}
    assert outline.without_scope == 0
    assert outline.tables == outline.captions > 0
    assert len(outline.ids) == len(set(outline.ids))
    assert set(re.findall(r'aria-labelledby="([^"]*)"', page)) == set(outline.ids)
    assert all(re.search(r' width="\d+" height="\d+" ', image) for image in re.findall(r"<img [^>]*>", page))


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("diverged", "The run diverged after 3 epochs."),
        ("failed", "The run failed after 3 epochs."),
        ("interrupted", "The run was interrupted after 3 epochs."),
        ("running", "The run is still running, or was killed, after 3 epochs."),
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
    assert f"<strong>{status.capitalize()}.</strong> &lt;u&gt;why&lt;/u&gt;" in page
    assert ("go on with <code>python -m experiments resume" in page) == (status in ("interrupted", "running"))


def test_a_diverged_run_has_its_curves_and_values_that_are_no_numbers_do_no_harm(tmp_path):
    nan = History([Epoch(1, 2.5, 0.1, 3e7, 0.1, 0.01, 1.0), Epoch(2, float("nan"), 0.1, float("inf"), 0.1, 0.01, 1.0)])
    (tmp_path / "run.json").write_text(json.dumps(record(status="diverged", error="at epoch 3", metrics={})))
    (tmp_path / "history.csv").write_text(nan.to_csv())
    drawn.draw(tmp_path, None, dataset)
    page = reports.write_html(tmp_path).read_text()
    assert "Validation loss is lowest at epoch 1 (3.000e+07)" in page
    assert page.count("<img") == 2
    assert 'id="classes"' not in page


def test_a_folder_without_a_run_is_a_mistake_with_a_message(tmp_path):
    with pytest.raises(UserError, match=r"holds no run\.json, expected a run's folder"):
        reports.write_html(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_names_the_most_frequent_mistakes_and_the_calibration_error(tmp_path):
    names = ["cat", "dog"]
    sure = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]], np.float32)
    data = record()["dataset"] | {"class_names": names, "sizes": {"train": 4, "validation": 4, "test": 4}}
    (tmp_path / "run.json").write_text(json.dumps(record(dataset=data, metrics={"test": {"loss": 0, "accuracy": 0.5}})))
    reports.write_evaluation(tmp_path, score(np.array([0, 0, 0, 1], np.int32), sure), names)
    reports.write_plots(tmp_path, {"calibration.png": plots.reliability(score(np.array([0, 0, 0, 1]), sure))})
    page = reports.write_html(tmp_path).read_text()
    assert '<tr><th scope="row">cat</th><td class="text">dog</td><td>2</td><td>66.7 %</td></tr>' in page
    assert '<th scope="row">Macro average</th><td>0.67</td><td>0.67</td>' in page
    assert "Expected calibration error 0.425" in page


def test_a_run_that_stopped_early_says_after_how_many_of_the_planned_epochs():
    values = record(epochs_completed=1, config={"trainer": {"epochs": 3}})
    assert "after 1 of 3 epochs in" in verdict(values)
    assert "after 3 epochs in" in verdict(record(config={"trainer": {"epochs": 3}}))


def test_a_long_history_is_thinned_out_on_the_page(folder):
    (folder / "history.csv").write_text(history(1199).to_csv())
    page = reports.write_html(folder).read_text()
    assert "Every 3 epochs; history.csv has all" in page
    assert len(re.findall(r'<tr><th scope="row">\d+</th><td>\d\.\d{4}</td>', page)) == 400
    assert '<th scope="row">1199</th>' in page


def test_the_curves_in_words():
    rows = [(1, 2.0, 0.3, 1.5, 0.4), (2, 1.0, 0.6, 1.2, 0.5), (3, 0.5, 0.8, 1.4, 0.55)]
    assert curves(History([Epoch(*row, 0.01, 1.0) for row in rows])) == (
        "Validation loss is lowest at epoch 2 (1.2000), validation accuracy highest at epoch 3 (55.00 %)."
        " At the end, epoch 3: training loss 0.5000, validation loss 1.4000, training accuracy 80.00 %,"
        " validation accuracy 55.00 %."
    )


@pytest.mark.parametrize(
    ("say", "value", "text"),
    [
        (number, 1234567, "1,234,567"),
        (number, 0.28449, "0.2845"),
        (number, 2e5, "2.000e+05"),
        (number, float("nan"), "nan"),
        (number, None, "–"),
        (duration, 59.94, "59.9 s"),
        (duration, 74.2, "1 min 14 s"),
        (duration, 7325, "2 h 2 min"),
        (duration, None, "–"),
        (moment, "2026-01-02T03:04:05+01:00", "2026-01-02 03:04:05 +0100"),
        (moment, None, "–"),
        (moment, "<then>", "<then>"),
    ],
)
def test_numbers_and_times_in_words(say, value, text):
    assert say(value) == text


FULL = OSError(28, "No space left on device")


def half(*arguments: object, **_: object) -> None:
    """Write the file among the arguments in part."""
    next(path for path in arguments if isinstance(path, Path)).write_bytes(b"half")
    raise FULL


def write_plots_to_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FigureCanvasAgg, "print_png", half)
    reports.write_plots(folder, {"training_curves.png": Figure()})


def write_predictions_to_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "savez_compressed", half)
    reports.write_evaluation(folder, evaluation(), HOSTILE)


def write_the_page_to_a_full_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_text", half)
    reports.write_html(folder)


@pytest.mark.parametrize(
    "write", [write_plots_to_a_full_disk, write_predictions_to_a_full_disk, write_the_page_to_a_full_disk]
)
def test_a_report_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch, write):
    reports.write_html(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(OSError, match="No space left"):
        write(folder, monkeypatch)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

"""Reports that say what they were made from, and are made again when it has changed."""

import json
from pathlib import Path

import pytest

from experiments import labels, plots, reports
from experiments.errors import ReportsMissing, UserError
from experiments.history import History
from experiments.reports import drawn, freshness
from tests.test_reports import HOSTILE, dataset, evaluation, history, record

EVERYTHING = [
    "training_curves.png", "diagnosis.png", "confusion_matrix.png", "calibration.png", "sample_predictions.png",
    "worst_mistakes.png",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A completed run with all its reports."""
    (tmp_path / "run.json").write_text(json.dumps(record()))
    (tmp_path / "history.csv").write_text(history().to_csv())
    reports.write_evaluation(tmp_path, evaluation(), HOSTILE)
    drawn.draw(tmp_path, None, dataset)
    return tmp_path


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in [folder / "report.html", *(folder / "plots").iterdir()]}


def redrawn(folder: Path) -> list[str]:
    """What is written when the reports are asked for again."""
    before = times(folder)
    drawn.draw(folder, None, dataset)
    assert freshness.is_fresh(folder)
    return sorted(name for name, time in times(folder).items() if time != before.get(name))


def change(folder: Path, **changes: object) -> None:
    (folder / "run.json").write_text(json.dumps(json.loads((folder / "run.json").read_text()) | changes))


def test_what_shows_the_run_as_it_is_is_left_alone(folder):
    assert sorted(times(folder)) == sorted([*EVERYTHING, "report.html"])
    assert redrawn(folder) == []
    change(folder, pid=1)  # of the process that wrote it last
    assert redrawn(folder) == []


def test_what_does_not_is_made_again(folder):
    change(folder, status="failed")
    assert redrawn(folder) == sorted([*EVERYTHING, "report.html"])
    (folder / "history.csv").write_text(History(history().epochs[:2]).to_csv())
    assert redrawn(folder) == sorted([*EVERYTHING, "report.html"])
    (folder / "config.yaml").write_text("seed: 1")
    assert redrawn(folder) == ["report.html"]
    (folder / "plots" / "diagnosis.png").unlink()
    (folder / "plots" / "calibration.png").write_bytes(b"of another program")
    assert redrawn(folder) == ["calibration.png", "diagnosis.png"]  # in the page they look the same
    (folder / "report.html").write_text("a page of an older version")
    assert redrawn(folder) == ["report.html"]


def test_a_page_without_a_plot_is_made_again_when_the_plot_is_there(folder, monkeypatch):
    (folder / "plots" / "calibration.png").unlink()
    reports.write_html(folder)
    assert not freshness.is_fresh(folder)
    assert redrawn(folder) == ["calibration.png", "report.html"]


def test_labels_and_the_page_change_together(folder):
    labels.change(folder, ["best"], [], None, None)
    assert freshness.is_fresh(folder)


def test_a_plot_that_fails_keeps_no_other_from_being_drawn(folder, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for path in (folder / "plots").iterdir():
        path.unlink()
    monkeypatch.setattr(plots, "reliability", full)
    with pytest.raises(ReportsMissing) as error:
        drawn.draw(folder, None, dataset)
    assert str(error.value) == (
        f"{folder}: completed, but without plots/calibration.png: OSError: [Errno 28] No space left on device\n"
        f"write them with: python -m experiments resume '{folder}'"
    )
    assert sorted(times(folder)) == sorted({*EVERYTHING, "report.html"} - {"calibration.png"})
    monkeypatch.undo()
    assert redrawn(folder) == ["calibration.png", "report.html"]


def test_images_that_are_gone_are_missed_by_the_plots_that_show_them(folder):
    def gone() -> None:
        raise UserError("dataset.path: received /gone, expected a file")

    change(folder, metrics=record()["metrics"] | {"train": {"loss": 1.0, "accuracy": 0.5}})
    with pytest.raises(
        ReportsMissing, match=r"without plots/sample_predictions\.png, plots/worst_mistakes\.png: dataset"
    ):
        drawn.draw(folder, None, gone)  # type: ignore[arg-type]

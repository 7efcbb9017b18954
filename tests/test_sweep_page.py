"""A sweep's page: links to its jobs and back, which hold when the folder is moved; its figures."""

import json
import re
from html import unescape
from urllib.parse import unquote

import pytest
from matplotlib.collections import LineCollection

from experiments.config.composition import compose_command_line
from experiments.history import Epoch, History
from experiments.reports import write_html
from experiments.sweeps import files, page, plots
from experiments.sweeps.ledger import Ledger
from tests.test_reports import record


def history(value):
    return History([Epoch(epoch, 1.0, 0.5, 1.0, value * epoch / 3, 0.1, 0.1) for epoch in (1, 2, 3)])


def sweep(folder, *swept, pages=True):
    """A sweep whose jobs are the better, the later they come; the last has not begun."""
    folder.mkdir(parents=True)
    jobs = compose_command_line(["-m", *swept]).jobs
    ledger = Ledger.create(folder, jobs, ["-m", *swept], "command")
    for number in range(len(jobs) - 1):
        job = ledger.job_folder(number)
        job.mkdir()
        accuracy = (number + 1) / 100
        metrics = {name: {"loss": 1.0, "accuracy": accuracy} for name in ("train", "validation", "test")}
        (job / "run.json").write_text(json.dumps(record(metrics=metrics)))
        (job / "history.csv").write_text(history(accuracy).to_csv())
        if pages:
            write_html(job)
    return ledger


def links(path):
    return [unquote(unescape(href)) for href in re.findall(r'href="([^"]*)"', path.read_text())]


def test_a_sweep_and_its_jobs_are_linked_both_ways_wherever_the_folder_lies(tmp_path):
    ledger = sweep(tmp_path / "a & <b> #1", "optimizer.learning_rate=0.1,0.01", "seed=1,2")
    (ledger.job_folder(1) / "report.html").unlink()
    page.write_page(ledger, files.refresh(ledger))
    moved = (tmp_path / "a & <b> #1").rename(tmp_path / "moved ? 2")
    found = links(moved / "sweep.html")
    assert set(found) == {"0/report.html", "2/report.html"}  # not to pages that are not there
    for href in found:
        job = moved / href
        assert links(job) == ["../sweep.html"]
        assert (job.parent / "../sweep.html").is_file()
    assert "job 2 of a sweep" in (moved / "2" / "report.html").read_text()


def test_a_run_that_is_no_job_has_no_link(tmp_path):
    folder = tmp_path / "3"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(record()))
    assert links(write_html(folder)) == []


def test_long_keys_may_go_on_in_a_new_line(tmp_path):
    ledger = sweep(tmp_path / "sweep", "trainer.early_stopping.patience=1,2", "seed=1,2", pages=False)
    text = page.write_page(ledger, files.refresh(ledger)).read_text()
    assert '<th scope="col">trainer.<wbr>early_<wbr>stopping.<wbr>patience</th>' in text


@pytest.fixture
def board(tmp_path):
    swept = ("optimizer=sgd,adam,rmsprop", "model.activation=relu,tanh,sigmoid,gelu,elu", "seed=1,2")
    ledger = sweep(tmp_path / "sweep", *swept, pages=False)
    return files.refresh(ledger)


def test_categories_are_not_joined_by_a_line(board):
    (axes,) = plots.by_key(board, "optimizer").axes
    assert [line.get_linestyle() for line in axes.lines if len(line.get_xdata()) > 1] == ["None"]  # points
    (means,) = [each for each in axes.collections if isinstance(each, LineCollection)]
    assert len(means.get_segments()) == 3
    assert [label.get_text() for label in axes.get_xticklabels()] == ["sgd", "adam", "rmsprop"]


def test_numbers_are_joined_by_a_line_through_their_means(tmp_path):
    ledger = sweep(tmp_path / "sweep", "optimizer.learning_rate=0.1,0.01", "seed=1,2,3", pages=False)
    figure = plots.by_key(files.refresh(ledger), "optimizer.learning_rate")
    line = figure.axes[0].lines[0]
    assert line.get_linestyle() == "-"
    assert list(line.get_xdata()) == [0.01, 0.1]
    assert line.get_ydata() == pytest.approx([0.045, 0.02])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["mean", "a job"]


@pytest.mark.parametrize(("count", "named"), [(2, 2), (12, 12), (24, 24), (25, 10), (100, 10)])
def test_every_curve_can_be_told_apart_or_is_one_of_the_others(count, named):
    curves = {f"job={number}": history(1 - number / 200) for number in range(count)}
    figure = plots.all_curves(curves, "validation.accuracy")
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    others = [f"{count - named} other jobs"] if count > named else []
    assert texts == [*(f"job={number}" for number in range(named)), *others]
    lines = figure.axes[0].lines
    assert len(lines) == count
    assert len({(line.get_color(), line.get_linestyle()) for line in lines[:named]}) == named


def test_the_curves_stand_best_first(board):
    names = list(plots._histories(board))
    assert names[0] == "optimizer=rmsprop, model.activation=elu, seed=1"
    assert names[-1] == "optimizer=sgd, model.activation=relu, seed=1"
    assert len(names) == 29

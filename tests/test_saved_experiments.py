"""Every saved experiment says what it claims and how it is run, and runs for one epoch on tiny data of its own kind."""

import os
import re

import pytest

from tests.conftest import PROJECT
from tests.datasets import made_up

SAVED = sorted((PROJECT / "conf" / "experiment").glob("*.yaml"))


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_its_header_has_the_measured_result_and_the_command(path):
    header = path.read_text().partition("\ndefaults:")[0]
    assert re.search(r"# Measured here.*\d", header)
    assert f"#   python runner.py experiment={path.stem}\n" in header


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_it_runs(command, tmp_path, path):
    data = made_up.npz(tmp_path / "mnist.npz").parent
    made_up.cifar_folder(tmp_path / "cifar-10-batches-py")
    enough = {"keras_mnist_printed_split": ["dataset.test=0.5"]}.get(path.stem, [])  # for ten classes in 30 rows
    enough += [] if path.stem.startswith("keras_") else ["dataset.validation=0.5"]
    done = command("runner.py", f"experiment={path.stem}", f"dataset.path={data}", "trainer.epochs=1", *enough)
    assert done.status == 0, done.err
    assert all((folder / "report.html").is_file() for folder in done.run_folders)
    if path.stem.startswith("keras_"):
        assert "Validated on the test split." in (done.run_folder / "report.html").read_text()
    else:
        assert len(done.run_folders) > 1
        assert (done.run_folders[0].parent / "sweep.html").is_file()


@pytest.mark.realdata
@pytest.mark.skipif("EXPERIMENTS_DATA" not in os.environ, reason="EXPERIMENTS_DATA names no folder")
def test_mnist_reaches_the_articles_accuracy(command):
    done = command("runner.py", "experiment=keras_mnist", f"dataset.path={os.environ['EXPERIMENTS_DATA']}", timeout=280)
    assert done.status == 0, done.err
    assert 0.915 <= done.record["metrics"]["test"]["accuracy"] <= 0.935
    assert (done.record["dataset"]["sizes"]["train"], done.record["dataset"]["sizes"]["test"]) == (60_000, 10_000)


@pytest.mark.realdata
@pytest.mark.skipif("EXPERIMENTS_DATA" not in os.environ, reason="EXPERIMENTS_DATA names no folder")
def test_cifars_first_epochs_are_the_articles(command):
    data = os.environ["EXPERIMENTS_DATA"]
    done = command("runner.py", "experiment=keras_cifar10", "trainer.epochs=3", f"dataset.path={data}", timeout=280)
    assert done.status == 0, done.err
    rows = (done.run_folder / "history.csv").read_text().splitlines()[1:]
    for row, published in zip(rows, (0.4070, 0.4163, 0.4376), strict=True):
        assert float(row.split(",")[4]) == pytest.approx(published, abs=0.03)
    assert done.record["throughput"]["peak_memory_mb"] <= 1500

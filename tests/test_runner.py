"""`python runner.py` as a user runs it: exit status, messages, and the files of the run folder."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.conftest import PROJECT, environment

TINY = ("dataset.limit=100", "model.hidden_units=[8]", "trainer.epochs=2")
FILES = (
    ".hydra/config.yaml",
    ".hydra/hydra.yaml",
    ".hydra/overrides.yaml",
    "config.yaml",
    "run.json",
    "history.csv",
    "classification_report.txt",
    "classification_report.json",
    "predictions.npz",
    "plots/training_curves.png",
    "plots/confusion_matrix.png",
    "plots/sample_predictions.png",
    "report.html",
    "model.keras",
    "runner.log",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """One tiny run that several tests look at."""
    folder = tmp_path_factory.mktemp("tiny run, 'quoted' é")
    done = subprocess.run(
        [sys.executable, str(PROJECT / "runner.py"), *TINY, "name='tiny é run'"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (record,) = folder.glob("outputs/tiny é run/*/run.json")
    return done, record.parent


def test_every_file_of_the_run_folder_is_there(tiny):
    _, folder = tiny
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert list(folder.rglob(".tmp-*")) == []


def test_the_record_says_what_ran_on_what(tiny):
    _, folder = tiny
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "completed"
    assert record["error"] is None
    assert (record["name"], record["seed"], record["epochs_completed"]) == ("tiny é run", 0, 2)
    assert record["dataset"]["sizes"] == {"train": 90, "validation": 10, "test": 100}
    assert record["dataset"]["shape"] == [8, 8]
    assert record["dataset"]["class_names"] == [str(digit) for digit in range(10)]
    assert record["model"]["parameters"] == 64 * 8 + 8 + 8 * 10 + 10
    assert record["model"]["flops"] == 2 * (64 * 8 + 8 * 10)
    assert set(record["metrics"]) == {"train", "validation", "test"}
    assert record["environment"]["versions"]["keras"] >= "3.15.1"
    assert record["duration_seconds"] > 0
    assert record["command"].startswith("python runner.py dataset.limit=100 'model.hidden_units=[8]'")


def test_the_files_agree_with_each_other(tiny):
    done, folder = tiny
    record = json.loads((folder / "run.json").read_text())
    saved = np.load(folder / "predictions.npz")
    assert saved["probabilities"].shape == (100, 10)
    np.testing.assert_array_equal(saved["probabilities"].argmax(axis=1), saved["y_pred"])
    assert record["metrics"]["test"]["accuracy"] == pytest.approx((saved["y_true"] == saved["y_pred"]).mean())
    report = json.loads((folder / "classification_report.json").read_text())
    assert report["accuracy"] == pytest.approx(record["metrics"]["test"]["accuracy"])
    assert (folder / "classification_report.txt").read_text().strip() in done.stdout
    rows = list(csv.DictReader((folder / "history.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {row["learning_rate"] for row in rows} == {"0.01"}


def test_the_frozen_config_is_enough_to_run_it_again(tiny):
    _, folder = tiny
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["name"] == "tiny é run"
    assert config["dataset"]["limit"] == 100
    assert config["model"] == {"kind": "mlp", "hidden_units": [8], "activation": "relu", "dropout": 0.0}


def test_the_console_has_one_plain_line_an_epoch_and_the_paths(tiny):
    done, folder = tiny
    lines = done.stdout.splitlines()
    assert len([line for line in lines if line.startswith("epoch ")]) == 2
    assert "\x1b" not in done.stdout
    assert str(Path("outputs") / "tiny é run" / folder.name / "report.html") in done.stdout
    assert "64-8-10" in done.stdout
    assert done.stderr == ""  # TensorFlow's start-up notes are silenced


def test_the_same_config_and_seed_give_the_same_history_twice(command, tiny):
    _, folder = tiny
    again = command("runner.py", *TINY)
    losses = [[row[:5] for row in csv.reader((each / "history.csv").open())] for each in (folder, again.run_folder)]
    assert losses[0] == losses[1]
    assert (folder / "predictions.npz").exists()
    first, second = (np.load(each / "predictions.npz")["probabilities"] for each in (folder, again.run_folder))
    assert first.tobytes() == second.tobytes()


def test_two_starts_in_the_same_second_get_two_folders(tmp_path):
    from experiments.new_folders import reserve

    wanted = tmp_path / "outputs" / "2026-01-01_00-00-00"
    assert [reserve(wanted).name for _ in range(3)] == [wanted.name, f"{wanted.name}_2", f"{wanted.name}_3"]


def test_two_processes_at_once_get_two_folders(tmp_path):
    starts = [
        subprocess.Popen(
            [sys.executable, str(PROJECT / "runner.py"), *TINY, "trainer.epochs=1"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    assert [start.wait(timeout=120) for start in starts] == [0, 0]
    assert len(list(tmp_path.glob("outputs/*/*/run.json"))) == 2


def test_a_mistake_is_one_message_and_status_2_and_leaves_nothing(command, tmp_path):
    done = command("runner.py", "modle=linear", "trainer.epochs=0")
    assert done.status == 2
    assert done.out == ""
    assert done.err == (
        "The config has 2 mistakes:\n"
        "  trainer.epochs: received 0, expected a whole number from 1 up to 1000000.\n"
        "  modle: unknown key. Did you mean model?\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_mistakes_and_help_never_import_tensorflow(command):
    for arguments in (("modle=x",), ("--help",), ("--cfg", "job")):
        done = command("runner.py", *arguments, PYTHONPROFILEIMPORTTIME="1")
        assert "hydra" in done.err
        assert "tensorflow" not in done.err
        assert "matplotlib" not in done.err


def test_help_lists_groups_and_options_in_words(command):
    done = command("runner.py", "--help")
    assert done.status == 0
    assert "keras_mnist " in done.out
    assert "the article's MNIST baseline, 784-256-128-10 sigmoid, about 92 %" in done.out
    assert "trainer.batch_size" in done.out


def test_an_output_folder_that_cannot_be_written_to_is_status_2(command, tmp_path):
    (tmp_path / "outputs").write_text("a file where the folder should be")
    done = command("runner.py", *TINY)
    assert done.status == 2
    assert "cannot be written to" in done.err
    assert "hydra.run.dir" in done.err
    assert "Traceback" not in done.err


def test_a_folder_that_holds_a_run_is_refused(command, tiny):
    _, folder = tiny
    before = (folder / "run.json").read_bytes()
    done = command("runner.py", *TINY, f"hydra.run.dir='{str(folder).replace(chr(39), chr(92) + chr(39))}'")
    assert done.status == 2
    assert "holds a run already" in done.err
    assert (folder / "run.json").read_bytes() == before


def test_a_slash_in_a_swept_value_stays_inside_the_sweeps_folder(command, tmp_path):
    done = command("runner.py", "-m", "name=a/b,../c", *TINY)
    assert done.status == 2
    assert "name: received 'a/b'" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_is_status_1_with_reports_of_what_there_is(command):
    done = command("runner.py", *TINY, "optimizer.learning_rate=1e6", "trainer.epochs=20", "model.activation=linear")
    assert done.status == 1
    assert done.record["status"] == "diverged"
    assert "the loss is not finite at epoch " in done.record["error"]
    assert (done.run_folder / "report.html").is_file()
    assert "Traceback" not in done.err


def test_a_sweep_gives_each_value_a_folder(command):
    done = command("runner.py", "-m", *TINY, "optimizer.learning_rate=0.01,0.1", "seed=0")
    assert done.status == 0, done.err
    assert [folder.name for folder in done.run_folders] == ["0", "1"]
    rates = [
        yaml.safe_load((folder / "config.yaml").read_text())["optimizer"]["learning_rate"]
        for folder in done.run_folders
    ]
    assert rates == [0.01, 0.1]

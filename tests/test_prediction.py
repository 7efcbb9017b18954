"""A saved model's answers and scores on one shared run of the digits."""

import json
import re
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments import cli, datasets, models, new_folders, prediction, rescoring, runs
from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from experiments.experiment import Surroundings, run_experiment
from tests.conftest import run_command
from tests.datasets import made_up
from tests.test_rows import array, image

NAMES = tuple("0123456789")


def config_of(*overrides):
    (job,) = compose_command_line(overrides).jobs
    return job.config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    config = config_of("trainer.epochs=3", "model.hidden_units=[16]")
    assert run_experiment(config, folder, "made by a test", Surroundings(quiet=True)) == "completed"
    return folder


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "run")


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_answers_are_those_that_the_run_had_on_its_test_split(run, tmp_path):
    test = datasets.load(runs.unchanged_config(run, runs.read(run)).dataset).test
    saved = np.load(run / "predictions.npz")["probabilities"]
    before = contents(run)
    answers, notes = prediction.predict(run, [array(tmp_path, test.x[:5]), array(tmp_path, test.x[9], "nine.npy")])
    assert notes == []
    assert contents(run) == before
    assert [(answer.file.name, answer.row) for answer in answers] == [
        *(("rows.npy", row) for row in range(5)),
        ("nine.npy", 0),
    ]
    np.testing.assert_allclose([answer.probabilities for answer in answers], saved[[0, 1, 2, 3, 4, 9]], rtol=1e-5)
    told = answers[0].as_json()
    assert told["index"] == saved[0].argmax()
    assert told["class"] == NAMES[told["index"]]
    assert told["probability"] == told["probabilities"][told["index"]] == answers[0].ranking[0][1]


def test_predict_on_the_command_line(run, tmp_path):
    digit = datasets.load(runs.unchanged_config(run, runs.read(run)).dataset).test.x[0]
    image(tmp_path, np.kron(digit * 15, np.ones((60, 80), np.uint8)), "[bold]x.png")
    array(tmp_path, np.stack([np.rint(digit * 15 / 255 * 16).astype(np.uint8)] * 2))
    done = run_command(tmp_path, "experiments", "predict", str(run), "[bold]x.png", "rows.npy", "--top", "3")
    assert (done.status, done.err) == (0, "[bold]x.png: resized from 640×480 to 8×8\n")
    header, *lines = done.out.splitlines()
    assert header.split() == ["file", "row", "class", "probability", "next", "best"]
    assert [line.split()[:2] for line in lines] == [["[bold]x.png", "0"], ["rows.npy", "0"], ["rows.npy", "1"]]
    assert len({tuple(line.split()[2:]) for line in lines}) == 1  # three times the same digit
    assert len(lines[0].split()) == 4 + 2 * 2


def test_an_image_unlike_the_training_samples_is_warned_of(run, tmp_path):
    test = datasets.load(runs.unchanged_config(run, runs.read(run)).dataset).test
    dark_on_light = image(tmp_path, 255 - test.x[0] * 15)
    _, notes = prediction.predict(run, [array(tmp_path, test.x), dark_on_light])
    (warning,) = notes
    assert re.fullmatch(
        rf"warning: {re.escape(str(dark_on_light))}: it is unlike the training samples"
        r" \(.+ 0\.\d\d to 0\.\d\d, of 0 to 1\):"
        r" it looks dark on light where they are light on dark\. Invert it; the answer means little\.",
        warning,
    )


def test_of_a_run_that_did_not_record_its_samples_nothing_is_said(copy, tmp_path):
    record = json.loads((copy / "run.json").read_text())
    del record["dataset"]["statistics"], record["dataset"]["note"]
    (copy / "run.json").write_text(json.dumps(record))
    assert prediction.predict(copy, [image(tmp_path, np.full((8, 8), 255))])[1] == []


def test_a_bad_file_is_status_2_before_tensorflow_is_imported(run, tmp_path):
    done = run_command(tmp_path, "experiments", "predict", str(run), "no.png", PYTHONPROFILEIMPORTTIME="1")
    assert done.status == 2
    assert "no.png: does not exist, expected an image" in done.err
    assert "tensorflow" not in done.err
    assert done.out == ""


def test_predictions_as_json(run, tmp_path, capsys):
    path = array(tmp_path, np.zeros((2, 8, 8), np.uint8))
    cli.predict(run, [path, image(tmp_path, np.zeros((9, 9)))], as_json=True, top=2)
    out, err = capsys.readouterr()
    told = json.loads(out)
    resized, *warnings = err.splitlines()
    assert resized == f"{tmp_path / 'x.png'}: resized from 9×9 to 8×8"
    assert [text.partition(" unlike ")[0] for text in warnings] == [
        f"warning: {path}: 2 of 2 samples are",
        f"warning: {tmp_path / 'x.png'}: it is",
    ]
    assert [list(row) for row in told] == [["file", "row", "class", "index", "probability", "probabilities"]] * 3
    assert [row["row"] for row in told] == [0, 1, 0]
    assert told[0]["file"] == str(path)
    assert sum(told[0]["probabilities"]) == pytest.approx(1)


@pytest.mark.parametrize("split", ["test", "validation", "train"])
def test_a_score_equals_the_one_that_was_recorded(run, split):
    before = contents(run)
    result = rescoring.rescore(run, None, None, split)
    recorded = runs.read(run)["metrics"][split]
    assert result.equals_recorded is True
    assert result.warnings == ()
    assert (result.accuracy, result.loss) == (recorded["accuracy"], pytest.approx(recorded["loss"], rel=1e-6))
    assert result.interval[0] < result.accuracy < result.interval[1]
    assert contents(run) == before


def test_evaluate_on_the_command_line(run):
    done = CliRunner().invoke(cli.app, ["evaluate", str(run)])
    test = runs.read(run)["metrics"]["test"]
    assert (done.exit_code, done.stderr) == (0, "")
    data, score, equal = done.stdout.rstrip().splitlines()[-3:]
    assert done.stdout.startswith((run / "classification_report.txt").read_text().rstrip())
    assert data == "digits, test, 450 rows; from scikit-learn"
    assert score.startswith(f"accuracy {test['accuracy']:.4f} (95 % interval 0.")
    assert score.endswith(f", Wilson), loss {test['loss']:.4f}")
    assert equal == "equal to what run.json says"
    assert CliRunner().invoke(cli.app, ["evaluate", str(run), "--split", "all"]).exit_code == 2


def test_another_score_than_the_recorded_one_is_said(copy, capsys):
    record = runs.read(copy)
    record["metrics"]["test"] = {"accuracy": 0.5, "loss": None}
    (copy / "run.json").write_text(json.dumps(record))
    cli.evaluate(copy, None, None, "test", as_json=False)
    assert capsys.readouterr().out.endswith("not what run.json says: accuracy 0.5, loss None\n")


def test_other_contents_than_the_runs_are_warned_of(copy, capsys):
    record = runs.read(copy)
    now = record["dataset"]["fingerprint"]
    record["dataset"]["fingerprint"] = "abc"
    (copy / "run.json").write_text(json.dumps(record))
    cli.evaluate(copy, None, None, "test", as_json=True)
    out, err = capsys.readouterr()
    warning = f"scikit-learn: the data has the fingerprint {now}, expected abc, with which the run was trained"
    assert err == f"warning: {warning}\n"
    told = json.loads(out)
    assert (told["warnings"], told["recorded"], told["equals_recorded"]) == ([warning], None, None)
    assert (told["split"], told["rows"], len(told["report"]["classes"])) == ("test", 450, 10)


def test_data_that_does_not_fit_is_refused_before_it_is_looked_for(run):
    for name, what in (
        ("mnist", "rows of shape (28, 28), expected (8, 8)"),
        ("cifar100", "rows of shape (32, 32, 3), expected (8, 8) and 100 classes, expected 10"),
    ):
        with pytest.raises(UserError) as raised:
            rescoring.rescore(run, name, None, "test")
        assert str(raised.value) == (
            f"{name}: has {what}, which the model of {run} takes. Name data of that shape with --dataset, or another"
            " run."
        )
    with pytest.raises(UserError, match=r"--dataset: received 'mnits', expected one of .* Did you mean mnist\?"):
        rescoring.rescore(run, "mnits", None, "test")


def test_other_data_that_fits(tmp_path):
    data = made_up.npz(tmp_path / "mnist.npz")
    config = config_of("dataset=mnist", "model.hidden_units=[4]", "dataset.validation=test", f"dataset.path={data}")
    dataset = datasets.load(config.dataset)
    folder = new_folders.reserve(tmp_path / "run")
    run = runs.Run.start(folder, config, "made by a test")
    run.describe_data(dataset)
    models.build_model(config.model, dataset).save(folder / "model.keras")
    own = rescoring.rescore(folder, None, None, "test")
    moved = data.rename(tmp_path / "moved.npz")
    assert rescoring.rescore(folder, None, moved, "test").loss == own.loss
    other = rescoring.rescore(folder, "fashion_mnist", moved, "test")
    assert (other.dataset.name, other.rows, other.loss) == ("fashion_mnist", made_up.TEST, own.loss)
    assert (own.recorded, other.recorded, other.equals_recorded) == (None, None, None)
    assert other.warnings == ("fashion_mnist: its classes have other names (T-shirt/top) than the model's (0)",)

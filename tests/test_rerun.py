"""`rerun`: a run again from its own config.yaml, bit for bit or with changes; what cannot be changed is told."""

import json

import numpy as np
import pytest
import yaml

from experiments.config.arguments import read
from experiments.config.changes import changed
from experiments.config.composition import compose_command_line
from experiments.config.validation import validate
from experiments.errors import UserError
from experiments.experiment import Surroundings, run_experiment

TINY = ["dataset.limit=200", "model.hidden_units=[8]", "model.dropout=0.3", "trainer.epochs=2", "seed=3"]


@pytest.fixture(scope="module")
def config():
    return compose_command_line(TINY).jobs[0].config


def history(folder):
    return [line.rpartition(",")[0] for line in (folder / "history.csv").read_text().splitlines()]  # without seconds


def test_the_same_again_bit_for_bit_and_with_a_change(call, tmp_path, config):
    first = tmp_path / "elsewhere" / "a run"
    first.mkdir(parents=True)
    assert run_experiment(config, first, "made by a test", Surroundings(quiet=True)) == "completed"
    done = call("rerun", str(first))
    assert done.status == 0, done.err
    (again,) = (tmp_path / "outputs" / config.name).iterdir()
    assert (again / "config.yaml").read_bytes() == (first / "config.yaml").read_bytes()
    assert history(again) == history(first)
    with np.load(first / "predictions.npz") as ours, np.load(again / "predictions.npz") as theirs:
        assert ours["probabilities"].tobytes() == theirs["probabilities"].tobytes()
    assert json.loads((again / "run.json").read_text())["command"] == f"python -m experiments rerun '{first}'"
    assert (again / "report.html").is_file()

    done = call("rerun", "latest", "trainer.epochs=1", "name=changed")
    assert done.status == 0, done.err
    (other,) = (tmp_path / "outputs" / "changed").iterdir()
    differences = yaml.safe_load((other / "config.yaml").read_text())
    assert (differences["trainer"]["epochs"], differences["seed"]) == (1, 3)
    assert history(other) == history(first)[:2]


def test_options_values_and_parts_are_put_on_top(config):
    values = config.model_dump()
    assert changed(values, []) == config
    other = changed(values, ["optimizer.learning_rate=0.5", "optimizer=adam", "trainer.early_stopping={patience:3}"])
    assert (other.optimizer.kind, other.optimizer.learning_rate, other.optimizer.beta_1) == ("adam", 0.5, 0.9)
    assert other.trainer.early_stopping.patience == 3
    assert other.model == config.model
    assert validate(values) == config  # they are left as they were


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed=1,2", "seed: received several values, expected one; a sweep needs runner.py -m"),
        ("experiment=keras_mnist", "experiment: cannot be changed in a run that is run again"),
        ("hydra.run.dir=/x", "hydra.run.dir: cannot be changed in a run that is run again"),
        ("hydra/launcher=joblib", "hydra/launcher: cannot be changed in a run that is run again"),
        ("~tags", "tags: cannot be changed in a run that is run again"),
        ("optimizer=adamm", "optimizer: received 'adamm', expected one of adagrad"),
        ("trainr.epochs=1", "trainr: unknown key. Did you mean trainer?"),
        ("trainer.epochs=0", "trainer.epochs: received 0"),
        ("seed.x=1", "seed: received {'x': 1}"),
        ("optimizer._target_=os.system", "_target_"),
        ("name='${oc.env:HOME}'", "name: received '${oc.env:HOME}'"),
        ("epochs", "'epochs': not understood, expected KEY=VALUE"),
    ],
)
def test_what_cannot_be_changed_is_told(config, override, line):
    with pytest.raises(UserError) as raised:
        changed(config.model_dump(), [override])
    assert line in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "config.yaml: is not there, expected the run's config"),
        ("a: [", "config.yaml: cannot be read ("),
        ("[1]", "config.yaml: received a list of 1, expected the run's config"),
        ("name: x", "The config has"),
    ],
)
def test_a_config_that_is_none(call, tmp_path, content, message):
    (tmp_path / "run.json").write_text('{"status": "completed"}')
    if content:
        (tmp_path / "config.yaml").write_text(content)
    done = call("rerun", ".")
    assert done.status == 2
    assert message in done.err
    assert not (tmp_path / "outputs").exists()


def test_a_file_that_config_dir_would_hide_is_refused(tmp_path):
    (tmp_path / "config.yaml").touch()
    for texts in (["--config-dir", str(tmp_path), "--config-name", "config"], [f"--config-dir={tmp_path}", "-m"]):
        with pytest.raises(UserError, match=r"whose config\.yaml would not be read, .* Rename it") as raised:
            read(texts)
        assert "rerun" not in str(raised.value)
    assert read(["--config-dir", str(tmp_path), "--config-name", "mine"]).config_name == "mine"
    (tmp_path / "run.json").touch()
    with pytest.raises(UserError, match=f"A run is run again by `python -m experiments rerun {tmp_path}`"):
        read(["--config-dir", str(tmp_path)])

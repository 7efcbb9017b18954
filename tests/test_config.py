"""What a command line composes to, and what is said of a mistake."""

import re
import shlex
from pathlib import Path

import pytest

from experiments.config.composition import CONF, compose_command_line
from experiments.config.overrides import option_names
from experiments.errors import UserError


def compose(*arguments: str):
    return compose_command_line(arguments)


def config(*arguments: str):
    (job,) = compose(*arguments).jobs
    return job.config


def complaint(*arguments: str) -> str:
    with pytest.raises(UserError) as caught:
        compose(*arguments)
    return str(caught.value)


def test_the_default_is_the_embedded_data_set():
    experiment = config()
    assert experiment.dataset.kind == "digits"
    assert experiment.name == "digits_mlp"
    assert experiment.seed == 0


def test_the_missions_command_is_the_articles_network_with_a_held_out_validation_split():
    experiment = config("dataset=cifar10", "model=relu_1024_512")
    assert experiment.model.hidden_units == [1024, 512]
    assert experiment.model.activation == "relu"
    assert experiment.optimizer.learning_rate == 0.01
    assert (experiment.trainer.epochs, experiment.trainer.batch_size) == (100, 32)
    assert experiment.dataset.validation == 0.1


@pytest.mark.parametrize(
    ("name", "units", "activation", "batch_size", "test"),
    [
        ("keras_mnist", [256, 128], "sigmoid", 128, "official"),
        ("keras_mnist_printed_split", [256, 128], "sigmoid", 128, 0.25),
        ("keras_cifar10", [1024, 512], "relu", 32, "official"),
    ],
)
def test_the_saved_baselines_are_the_articles(name, units, activation, batch_size, test):
    experiment = config(f"experiment={name}")
    assert experiment.name == name
    assert experiment.model.hidden_units == units
    assert experiment.model.activation == activation
    assert experiment.optimizer.kind == "sgd"
    assert experiment.optimizer.learning_rate == 0.01
    assert (experiment.trainer.epochs, experiment.trainer.batch_size) == (100, batch_size)
    assert (experiment.dataset.test, experiment.dataset.validation) == (test, "test")


@pytest.mark.parametrize("group", ["dataset", "model", "optimizer", "trainer"])
def test_every_option_of_every_group_composes(group):
    for name in option_names(group, [CONF]):
        config(f"{group}={name}")


def test_any_key_can_be_overridden():
    experiment = config("model.hidden_units=[512,256]", "model.activation=tanh", "trainer.batch_size=64", "seed=7")
    assert experiment.model.hidden_units == [512, 256]
    assert experiment.model.activation == "tanh"
    assert experiment.trainer.batch_size == 64
    assert experiment.seed == 7


def test_all_mistakes_are_told_together():
    assert complaint(
        "modle=linear",
        "model=relu_1024",
        "dataset=cfar10",
        "optimizer.learning_rate=nan",
        "trainer.epochs=0",
        "trainer.batch=3",
        "epochs=3",
    ).splitlines() == [
        "The config has 7 mistakes:",
        "  model: received 'relu_1024', expected one of linear, relu_1024_512, relu_128_64, sigmoid_256_128."
        " Did you mean relu_1024_512?",
        "  dataset: received 'cfar10', expected one of cifar10, cifar100, digits, fashion_mnist, mnist."
        " Did you mean cifar10?",
        "  optimizer.learning_rate: received nan, expected a number above 0 up to 1000000.",
        "  trainer.epochs: received 0, expected a whole number from 1 up to 1000000.",
        "  trainer.batch: unknown key. Did you mean trainer.batch_size?",
        "  modle: unknown key. Did you mean model?",
        "  epochs: unknown key. Did you mean trainer.epochs?",
    ]


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("trainer.epochs=-1", "trainer.epochs: received -1, expected a whole number from 1 up to 1000000."),
        (
            "trainer.epochs=1e12",
            "trainer.epochs: received 1000000000000.0, expected a whole number from 1 up to 1000000.",
        ),
        ("trainer.epochs=ten", "trainer.epochs: received 'ten', expected a whole number from 1 up to 1000000."),
        ("trainer.epochs=[1,2]", "trainer.epochs: received [1, 2], expected a whole number from 1 up to 1000000."),
        ("trainer.epochs=null", "trainer.epochs: received null, expected a whole number from 1 up to 1000000."),
        ("trainer.batch_size=1.5", "trainer.batch_size: received 1.5, expected a whole number from 1 up to 1000000."),
        ("optimizer.learning_rate=0", "optimizer.learning_rate: received 0, expected a number above 0 up to 1000000."),
        (
            "optimizer.learning_rate=inf",
            "optimizer.learning_rate: received inf, expected a number above 0 up to 1000000.",
        ),
        (
            "optimizer.learning_rate=true",
            "optimizer.learning_rate: received true, expected a number above 0 up to 1000000.",
        ),
        ("optimizer.nesterov=1", "optimizer.nesterov: received 1, expected true or false."),
        ("optimizer.nesterov=true", "optimizer.nesterov: true needs momentum above 0"),
        ("optimizer.kind=smg", "optimizer.kind: received 'smg', expected one of"),
        ("model.activation=rleu", "Did you mean relu?"),
        (
            "model.hidden_units=128",
            "model.hidden_units: received 128, expected a list of whole numbers, one a hidden layer, such as [256,128]",
        ),
        (
            "model.hidden_units=[128,0]",
            "model.hidden_units[1]: received 0, expected a whole number from 1 up to 1000000.",
        ),
        ("model.hidden_units=???", "model.hidden_units: no value, expected a list"),
        ("model.hidden_units=${units}", "model.hidden_units: Interpolation key 'units' not found"),
        ("dataset.validation=1.0", "dataset.validation: received 1.0, expected test or a number above 0 and below 1."),
        ("dataset.test=official", "dataset.test: digits has no official test split"),
        ("dataset.mirror=ftp://x", "expected an address that begins with http:// or https:// or null"),
        ("seed=-1", "seed: received -1, expected a whole number from 0 up to 4294967295."),
        ("name=a/b", "name: received 'a/b', expected text of 1 to 100 characters that can name a folder"),
        ("optimizer.momentum", "'optimizer.momentum': not understood, expected KEY=VALUE."),
        (
            "optimizer=sgd,adam",
            "optimizer: received several values (sgd,adam), expected one. A sweep over them needs -m",
        ),
        ("trainer.epochs=1,2", "trainer.epochs: received several values (1,2), expected one."),
        ("~trainer.epochs", "trainer.epochs: no value, expected a whole number"),
        ("hydra/launcher=joblb", "hydra/launcher: received 'joblb', expected one of"),
    ],
)
def test_one_mistake_is_one_line(override, line):
    text = complaint(override)
    assert text.startswith("The config has a mistake: ")
    assert line in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "override",
    [
        "+model._target_=os.system",
        "+optimizer._target_=subprocess.Popen",
        "model.activation=os.system",
        "optimizer.kind=builtins.exec",
        "dataset=../../evil",
        "hydra.sweeper._target_=os.system",
        "hydra.launcher._target_=os.system",
    ],
)
def test_no_config_value_selects_code(override):
    assert override.split("=")[0].lstrip("+").split(".")[0] in complaint(override)


@pytest.mark.parametrize("key", ["hydra.run.dir", "hydra.sweep.dir"])
def test_a_folder_that_climbs_out_is_refused(key):
    assert f"{key}: received '../../x', expected a folder without `..`" in complaint(f"{key}=../../x")


def test_a_name_that_climbs_out_is_refused():
    assert "name: received '..', expected text of 1 to 100 characters that can name a folder" in complaint("name=..")


def test_a_sweep_is_every_combination_in_hydras_order():
    composition = compose("-m", "optimizer.learning_rate=0.1,0.2", "model=linear,relu_128_64", "seed=range(1,3)")
    assert composition.is_sweep
    assert len(composition.jobs) == 8
    assert composition.jobs[1].overrides == ("optimizer.learning_rate=0.1", "model=linear", "seed=2")
    assert composition.jobs[-1].config.optimizer.learning_rate == 0.2
    assert composition.jobs[-1].config.model.hidden_units == [128, 64]
    assert composition.jobs[-1].config.seed == 2


def test_a_mistake_in_one_point_of_a_sweep_is_told_before_the_first_job():
    values = ",".join(["0.1"] * 40 + ["-3"])
    assert complaint("-m", f"optimizer.learning_rate={values}") == (
        "The config has a mistake: optimizer.learning_rate: received -3, expected a number above 0 up to 1000000."
    )


def test_a_sweep_without_end_is_refused():
    assert "seed: a sweep of 10,001 jobs or more, expected at most 10,000" in complaint(
        "-m", "seed=range(0,1000000000)"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("epochs: 1\nepochs: 2\nbatch_size: 1\n", "found duplicate key epochs"),
        ("epochs: !!python/object/apply:os.system [touch ran]\nbatch_size: 1\n", "could not determine a constructor"),
        ("epochs: [1\n", "expected ',' or ']'"),
    ],
)
def test_a_yaml_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text, line, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trainer").mkdir()
    (tmp_path / "trainer" / "mine.yaml").write_text(text)
    said = complaint("--config-dir", str(tmp_path), "trainer=mine")
    assert "mine.yaml, line" in said
    assert line in said
    assert not (tmp_path / "ran").exists()


def test_where_hydra_would_put_the_run():
    assert compose("name=a b").folder.startswith("outputs/a b/2")
    given = compose("hydra.run.dir=/somewhere/else")
    assert (given.folder, given.folder_given) == ("/somewhere/else", True)


@pytest.mark.parametrize("page", sorted((CONF.parent / "docs").glob("*.md")), ids=lambda page: page.stem)
def test_every_command_of_the_docs_composes(page: Path):
    blocks = re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.partition("#")[0] for block in blocks for line in block.splitlines()]
    for line in lines:
        if line.startswith("python runner.py"):
            compose(*shlex.split(line)[2:])

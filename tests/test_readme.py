"""Each command of the README runs, or, where it would train for minutes or download, composes."""

import re
import shlex

import pytest
from PIL import Image

from experiments.config.composition import compose_command_line
from tests.conftest import PROJECT, run_command

BLOCKS = re.findall(r"```\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
LINES = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
QUICK = [
    "dataset=digits",
    "dataset.test=0.25",
    "dataset.limit=300",
    "trainer.epochs=1",
    "model.hidden_units=[8]",
]
RUNNER = [line for line in LINES if line.startswith("python runner.py")]
ACTIVATE = "source .venv/bin/activate"
EXPERIMENTS = [line for line in LINES if line.startswith("python -m experiments")]


def test_every_command_of_the_readme_is_of_a_kind_that_is_tested():
    assert {line for line in LINES if line} == {"make run", "make test", ACTIVATE, *RUNNER, *EXPERIMENTS}
    makefile = (PROJECT / "Makefile").read_text()
    assert all(f"\n{target}: " in makefile for target in ("run", "test"))


@pytest.mark.parametrize("line", RUNNER)
def test_runner_commands_compose_as_they_stand_and_run_on_tiny_data(command, line):
    arguments = shlex.split(line)[2:]
    if "--help" in arguments:
        assert command("runner.py", *arguments).status == 0
        return
    assert compose_command_line(arguments).jobs
    few = ["sweep.n_trials=2"] if "n_trials" in line else []
    done = command("runner.py", *arguments, *QUICK, *few)
    assert done.status == 0, done.err
    assert all((folder / "report.html").is_file() for folder in done.run_folders)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[str]:
    """Two runs, for RUN and OTHER, and a picture."""
    folder = tmp_path_factory.mktemp("runs")
    done = run_command(folder, "runner.py", "-m", "seed=1,2", *QUICK)
    assert done.status == 0, done.err
    return [str(run) for run in done.run_folders]


@pytest.mark.parametrize("line", EXPERIMENTS)
def test_commands_on_runs(command, tmp_path, tmp_path_factory, runs, line):
    given = dict(zip(["RUN", "OTHER"], runs, strict=True)) | {"IMAGE.png": str(tmp_path / "IMAGE.png")}
    if "IMAGE.png" in line:
        Image.new("L", (8, 8)).save(given["IMAGE.png"])
    arguments = [given.get(argument, argument) for argument in shlex.split(line)[3:]]
    done = command("experiments", *arguments, KERAS_HOME=str(tmp_path_factory.mktemp("keras")))
    assert done.status == (1 if "verify" in line else 0), done.err  # one epoch reproduces nothing

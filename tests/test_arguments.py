"""The arguments of runner.py: any order, nothing abbreviated, and what Hydra is handed of them."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from experiments import launch
from experiments.config.arguments import CONF, read
from experiments.config.composition import compose_command_line
from experiments.errors import UserError

RERUN = "--experimental-rerun: refused, since it loads a pickle; repeat a run by the command in its report"


def complaint(*texts: str) -> str:
    with pytest.raises(UserError) as caught:
        launch.prepare(texts, ExitStack())
    return str(caught.value)


def test_flags_and_overrides_come_in_any_order(tmp_path):
    arguments = read(["seed=1,2", "-m", "trainer.epochs=3", "--config-dir", str(tmp_path), "name=a"])
    assert arguments.overrides == ("seed=1,2", "trainer.epochs=3", "name=a")
    assert (arguments.is_multirun, arguments.config_dir) == (True, tmp_path)
    assert arguments.for_hydra("hydra.mode=MULTIRUN") == [
        *("--config-path", str(CONF), "--config-dir", str(tmp_path), "-m"),
        *("seed=1,2", "trainer.epochs=3", "name=a", "hydra.mode=MULTIRUN"),
    ]
    assert arguments.repeatable() == ["--config-dir", str(tmp_path), "-m", "seed=1,2", "trainer.epochs=3", "name=a"]


def test_a_value_follows_its_flag_or_an_equals_sign(tmp_path):
    assert read([f"--config-dir={tmp_path}", "--info"]) == read(["-cd", str(tmp_path), "-i", "all"])
    assert read(["--info", "seed=1"]).overrides == ("seed=1",)
    assert read(["--cfg", "job", "--package", "model", "--resolve"]).for_hydra() == [
        *("--config-path", str(CONF), "--cfg", "job", "--resolve", "--package", "model")
    ]


def test_a_relative_config_path_is_one_folder_throughout(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text((CONF / "config.yaml").read_text().replace("seed: 0", "seed: 7"))
    for group in ("dataset", "model", "optimizer", "trainer", "tracker"):
        (tmp_path / "mine" / group).symlink_to(CONF / group)
    monkeypatch.chdir(tmp_path)
    arguments = read(["--config-path", "mine"])
    assert arguments.for_hydra()[:2] == ["--config-path", str(tmp_path / "mine")]
    start = launch.prepare(["--config-path", "mine"], ExitStack())
    assert start.config is not None
    assert start.config.seed == 7


@pytest.mark.parametrize(
    "texts",
    [
        ["--experimental-rerun", "x.pickle"],
        ["--experimental-rerun=x.pickle"],
        ["--experimental", "x.pickle"],
        ["--exp", "x.pickle", "seed=1"],
        ["seed=1", "--e=x.pickle"],
    ],
)
def test_no_spelling_loads_a_pickle(texts):
    assert complaint(*texts) == RERUN


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["--epochs", "5"], "--epochs: unknown argument; write KEY=VALUE: trainer.epochs=5"),
        (["--epochs=5", "seed=1"], "--epochs: unknown argument; write KEY=VALUE: trainer.epochs=5"),
        (["--seed", "-m"], "--seed: unknown argument; write KEY=VALUE: seed=…"),
        (["--experiment=keras_mnist"], "--experiment: unknown argument; write KEY=VALUE: experiment=keras_mnist"),
        (["--lr", "0.1"], "--lr: unknown argument; write KEY=VALUE: optimizer.learning_rate=0.1"),
        (["--batch-size", "64"], "--batch-size: unknown argument; write KEY=VALUE: trainer.batch_size=64"),
        (
            ["--frobnicate"],
            "--frobnicate: unknown argument, expected KEY=VALUE such as trainer.epochs=5; --help lists the keys",
        ),
        (["--multi"], "--multi: unknown argument"),
        (["-m=yes"], "-m: received 'yes', expected no value"),
        (["--resolve"], "--resolve: belongs to --cfg, which shows the config and runs nothing: --cfg job --resolve"),
        (["--cfg"], "--cfg: received nothing, expected job or hydra or all"),
        (["--cfg", "jobs"], "--cfg: received 'jobs', expected job or hydra or all"),
        (["--cfg", "job", "--info"], "--cfg, --info: give one of them"),
        (["--info", "-m"], "--info, -m: give one of the two"),
        (["--info=x"], "--info: received 'x', expected one of all, config, defaults"),
        (["--config-dir", "nowhere"], "--config-dir: received 'nowhere', expected a folder (looked for from "),
        (["--config-path=pkg://antigravity"], "--config-path: received 'pkg://antigravity', expected a folder"),
        (["--resume", "x", "seed=1"], "--resume: received other arguments too, expected a sweep's folder only"),
        (["-sc", "seed=1"], "--shell-completion: expected one of install=SHELL, uninstall=SHELL"),
    ],
)
def test_a_wrong_flag_is_one_sentence_with_the_right_form(texts, line):
    said = complaint(*texts)
    assert said.startswith(line)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        (["-m", "hydra.sweeper=optuna", "seed=1,2"], "A search by Optuna is sweep.n_trials=20 (docs/sweeps.md)."),
        (["-m", "hydra.launcher=joblib", "seed=1,2"], "Write hydra/launcher=joblib, with a slash."),
        (["-m", "hydra.launcher.n_jobs=2", "seed=1,2"], "here it is basic; add hydra/launcher=joblib"),
        (
            ["-m", "hydra/launcher=joblib", "+hydra.launcher.num_cpus=1", "seed=1,2"],
            "hydra.launcher.num_cpus: belongs to hydra/launcher=ray; here it is joblib; remove it",
        ),
        (["-m", "model=interval(1,2)"], "model: received an interval, expected one of linear, "),
        (["-m", "hydra/launcher=basic,joblib"], "hydra/launcher: received several values, expected one"),
        (["--config-name", "mine"], "--config-name: received 'mine', expected the name of a YAML file in "),
    ],
)
def test_what_belongs_to_hydra_is_said_in_one_sentence(texts, line):
    with pytest.raises(UserError) as caught:
        compose_command_line(texts)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_search_is_checked_whole_before_its_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        launch.prepare(["-m", "trainer.batch_size=interval(8,128)", "sweep.n_trials=3"], ExitStack())
    assert str(caught.value) == (
        "The config has a mistake: trainer.batch_size: received 53.8359, expected a whole number from 1 up to 1000000."
        " Write trainer.batch_size=int(interval(8,128))."
    )
    assert list(tmp_path.iterdir()) == []


def test_what_composes_no_config_takes_nothing_else_to_hydra():
    assert read(["--hydra-help", "hydra.searchpath=[pkg://antigravity]"]).for_hydra() == ["--hydra-help"]
    assert Path(read(["--info"]).for_hydra()[1]) == CONF

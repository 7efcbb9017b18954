"""Searches: what they choose from, how the choice follows from the folder, pruning, resuming."""

import json
import signal
from pathlib import Path

import pytest

from experiments.config import ExperimentConfig
from experiments.config.composition import compose_command_line
from experiments.config.trials import with_values
from experiments.errors import UserError
from experiments.reports import freshness
from experiments.sweeps import search
from experiments.sweeps.ledger import Ledger
from tests.conftest import PROJECT, run_command
from tests.faults import runs

SEARCH = ("-m", "optimizer.learning_rate=interval(1e-4,10)", "sweep.n_trials=6")
TINY = ("model.hidden_units=[8]", "trainer.epochs=2", "trainer.keep_checkpoints=true")  # to be compared
DATA = {
    "name": "made up", "fingerprint": "0", "sizes": {"train": 2, "validation": 2, "test": 2}, "shape": [2],
    "rows": "features", "class_names": ["a", "b"], "source": "a test", "validation_is_test": False,
}  # fmt: skip


def planned(folder: Path, *arguments: str) -> Ledger:
    """A search's folder, as runner.py plans it, in which nothing has run."""
    composition = compose_command_line(arguments)
    return Ledger.create(folder, composition.jobs, arguments, "command", search.plan(composition))


def ended(ledger: Ledger, number: int, accuracies: list[float], **changes: object) -> None:
    """Write a job's folder as a run leaves it."""
    folder = ledger.job_folder(number)
    folder.mkdir()
    metrics = {"validation": {"accuracy": accuracies[-1], "loss": 1.0}}
    record = {"status": "completed", "name": "made_up", "seed": 0, "metrics": metrics, "dataset": DATA, **changes}
    (folder / "run.json").write_text(json.dumps(record))
    rows = [f"{epoch},1.0,0.5,1.0,{value},0.01,0.1" for epoch, value in enumerate(accuracies, start=1)]
    header = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    (folder / "history.csv").write_text("\n".join([header, *rows, ""]))
    (folder / "report.html").write_text(f'<meta name="made-from" content="{freshness.of_page(folder)}">')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["-m", "optimizer.learning_rate=interval(1e-4,1)"],
            "optimizer.learning_rate: received an interval, expected values, or the number of trials of a search:"
            " sweep.n_trials=20",
        ),
        (
            ["-m", "optimizer.learning_rate=interval(1,0.1)", "seed=1,2", "sweep.n_trials=3"],
            "optimizer.learning_rate: received 'interval(1,0.1)', expected interval(LOW, HIGH) with LOW below HIGH",
        ),
        (
            ["-m", "optimizer.momentum=tag(log,interval(0,0.9))", "seed=1,2", "sweep.n_trials=3"],
            "optimizer.momentum: received 'tag(log,interval(0,0.9))', expected a LOW above 0 for a logarithmic scale",
        ),
        (
            ["-m", "sweep.n_trials=3"],
            "sweep.n_trials: received a number, but there is nothing to search in, expected values such as"
            " optimizer.learning_rate=interval(1e-4,1)",
        ),
        (
            [*SEARCH, "sweep.together=[seed]"],
            "sweep.together, sweep.n_trials: a search chooses each value by itself; set one of the two only",
        ),
        (
            [*SEARCH, "sweep.reuse=true"],
            "sweep.reuse, sweep.n_trials: a search tries values that no run had before; set one of the two only",
        ),
        (
            ["-m", "optimizer.learning_rate=interval(1e-4,1e9)", "sweep.n_trials=3"],
            "optimizer.learning_rate: received 1000000000.0, expected a number above 0 up to 1000000.",
        ),
        (["-m", "seed=1,2", "sweep.n_trials=0"], "sweep.n_trials: received 0, expected a whole number from 1 up to"),
    ],
)
def test_mistakes_of_a_search(arguments, message):
    with pytest.raises(UserError) as raised:
        compose_command_line(arguments)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optimizer.learning_rate=interval(1e-4,1)", {"low": 1e-4, "high": 1.0, "integer": False, "log": True}),
        ("optimizer.momentum=interval(0,0.9)", {"low": 0.0, "high": 0.9, "integer": False, "log": False}),
        ("optimizer.momentum=tag(linear,interval(1e-3,0.9))", {"low": 1e-3, "high": 0.9, "integer": 0, "log": False}),
        ("optimizer.learning_rate=tag(log,interval(0.1,1))", {"low": 0.1, "high": 1, "integer": False, "log": True}),
        ("trainer.batch_size=int(interval(8,64))", {"low": 8, "high": 64, "integer": True, "log": False}),
        ("model.activation=relu,tanh", {"texts": ["model.activation=relu", "model.activation=tanh"]}),
        ("optimizer=sgd,adam", {"texts": ["optimizer=sgd", "optimizer=adam"]}),
    ],
)  # fmt: skip
def test_what_a_search_chooses_from(text, expected):
    space = search.plan(compose_command_line(["-m", text, "sweep.n_trials=3"]))["space"]
    assert space == [{"key": text.partition("=")[0], **expected}]


def test_a_trial_has_the_config_of_its_groups_and_its_own_values(tmp_path):
    ledger = planned(tmp_path, "-m", "optimizer=sgd,adam", "trainer.batch_size=int(interval(8,64))", "sweep.n_trials=9")
    jobs = []
    for job in search.jobs(ledger):
        jobs.append(job)
        ended(ledger, job.number, [0.5])
    assert [job.number for job in jobs] == list(range(9))
    assert {job.swept["optimizer"] for job in jobs} == {"sgd", "adam"}
    for job in jobs:
        config = ExperimentConfig.model_validate(job.config)
        assert config.optimizer.kind == job.swept["optimizer"]
        assert config.trainer.batch_size == int(job.swept["trainer.batch_size"]) in range(8, 65)
    assert len({job.swept["trainer.batch_size"] for job in jobs}) > 5
    assert ledger.is_complete


def test_values_that_do_not_go_together_are_refused():
    config = compose_command_line([]).jobs[0].config.model_dump()
    with pytest.raises(UserError, match="nesterov: true needs momentum above 0"):
        with_values(config, ["optimizer.nesterov=true"])


def test_the_choice_follows_from_the_folder_alone(tmp_path):
    def choices(folder: Path, interrupted_at: int | None) -> list[str]:
        ledger = planned(folder, "-m", "optimizer.learning_rate=interval(1e-4,1)", "sweep.n_trials=12")
        for job in search.jobs(ledger):
            if job.number == interrupted_at:
                break
            rate = float(job.swept["optimizer.learning_rate"])
            ended(ledger, job.number, [1 - abs(rate - 0.1)])
        if interrupted_at is not None:  # another process goes on
            for job in search.jobs(Ledger(folder)):
                ended(ledger, job.number, [1 - abs(float(job.swept["optimizer.learning_rate"]) - 0.1)])
        return [job.swept["optimizer.learning_rate"] for job in Ledger(folder).jobs]

    folders = [tmp_path / "whole", tmp_path / "interrupted"]
    for folder in folders:
        folder.mkdir()
    whole, interrupted = choices(folders[0], None), choices(folders[1], 7)
    assert whole == interrupted
    assert len(set(whole)) == 12
    # The model of the trials before draws the later ones to 0.1: by chance it would be one in four.
    assert sum(0.03 < float(rate) < 0.3 for rate in whole[6:]) >= 3


def test_what_optuna_is_told(tmp_path):
    ledger = planned(tmp_path, *SEARCH)
    asked = search.jobs(ledger)
    endings = [
        {"status": "completed"},
        {"status": "completed", "pruned": 2},
        {"status": "diverged"},
        {"status": "failed"},
        {"status": "interrupted"},
    ]
    for ending in endings:
        ended(ledger, next(asked).number, [0.25, 0.5], **ending)
    trials = search.study_of(ledger).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "PRUNED", "FAIL", "RUNNING"]
    assert [trial.value for trial in trials] == [0.5, None, None, None, None]
    assert trials[0].intermediate_values == {1: 0.25, 2: 0.5}
    assert trials[2].intermediate_values == {}
    rates = [float(job.swept["optimizer.learning_rate"]) for job in ledger.jobs]
    assert [trial.params["optimizer.learning_rate"] for trial in trials] == rates


def test_a_hopeless_trial_is_pruned_and_a_good_one_is_not(tmp_path):
    ledger = planned(tmp_path, *SEARCH, "sweep.n_trials=8", "trainer.epochs=4")
    asked = search.jobs(ledger)
    for _ in range(6):
        ended(ledger, next(asked).number, [0.5, 0.6, 0.7, 0.8])

    class Model:
        stop_training = False

    def stopped_after(values: list[float]) -> int | None:
        job = next(search.jobs(ledger))
        callback = search.pruning(ledger, job.number)
        callback.set_model(Model())
        for epoch, value in enumerate(values):
            callback.on_epoch_end(epoch, {"val_accuracy": value})
            if callback.model.stop_training:
                break
        ended(ledger, job.number, values)
        return callback.pruned

    assert stopped_after([0.5, 0.65, 0.75, 0.85]) is None
    assert stopped_after([0.5, 0.1, 0.1, 0.1]) == 2


@pytest.fixture(scope="module")
def searched(tmp_path_factory) -> Path:
    """A search of six trials that was left alone."""
    folder = tmp_path_factory.mktemp("searched")
    done = run_command(folder, "runner.py", *SEARCH, *TINY, f"hydra.sweep.dir='{folder / 'sweep'}'")
    assert done.status == 0, done.err
    assert "a search of 6 trials" in done.out
    assert "[6/6] job 5, optimizer.learning_rate=" in done.out
    assert "Traceback" not in done.err
    return folder / "sweep"


def test_a_search_leaves_what_a_sweep_leaves(searched):
    lines = (searched / "leaderboard.csv").read_text().splitlines()
    assert len(lines) == 7
    html = (searched / "sweep.html").read_text()
    assert "a search of 6 trials" in html
    assert "The metric of each trial in the order they were chosen" in html
    assert (searched / "plots" / "search_history.png").stat().st_size > 10_000
    assert (searched / "plots" / "importances.png").exists()


def test_a_killed_search_goes_on_as_if_nothing_had_happened(tmp_path, searched):
    folder = tmp_path / "sweep"
    process = runs.child([str(PROJECT / "runner.py"), *SEARCH, *TINY, f"hydra.sweep.dir='{folder}'"])
    runs.strike(process, (folder / "2" / "run.json").exists, signal.SIGKILL)
    process.communicate()
    status, out, err = runs.finish(runs.child(["-m", "experiments", "resume", str(folder)]))
    assert status == 0, err
    assert "have ended" in out
    for number in range(6):
        runs.assert_exact(folder / str(number), searched / str(number))
    status, out, _ = runs.finish(runs.child(["-m", "experiments", "resume", str(folder)]))
    assert (status, "all jobs have ended already" in out) == (0, True)


def test_workers_search_together(tmp_path):
    arguments = [*SEARCH, *TINY, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", f"hydra.sweep.dir='{tmp_path}/s'"]
    done = run_command(tmp_path, "runner.py", *arguments)
    assert done.status == 0, done.err
    jobs = json.loads((tmp_path / "s" / "sweep.json").read_text())["jobs"]
    assert [job["number"] for job in jobs] == list(range(6))
    assert {job["status"] for job in jobs} <= {"completed", "pruned"}
    assert len({job["overrides"][0] for job in jobs}) == 6

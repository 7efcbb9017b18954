"""Runs as MLflow and TensorBoard tell them: read back from real stores and event files."""

import importlib.util
import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from experiments import launch, provenance
from experiments.config import ExperimentConfig
from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from experiments.history import Epoch, History
from experiments.runs import find, unchanged_config
from experiments.tracking import Tracking
from experiments.tracking.address import masked
from experiments.tracking.mlflow import outputs
from tests.conftest import Finished, run_command
from tests.faults import runs as faults

TINY = ("trainer.epochs=2", "model.hidden_units=[8]")
RECORD = {"status": "completed", "epochs_completed": 2, "metrics": {"test": {"loss": 0.5, "accuracy": 0.75}}}
RECORD |= {"environment": None, "started_at": "2026-01-01T00:00:00+00:00"}


def config(*overrides: str) -> ExperimentConfig:
    return compose_command_line([*TINY, *overrides]).jobs[0].config


def epochs(last: int) -> list[Epoch]:
    return [Epoch(number, 2.0 / number, 0.5, 1.0, 0.25, 0.01, 0.1) for number in range(1, last + 1)]


def track(tracked: ExperimentConfig, folder: Path, record: dict[str, Any] | None, *told: int) -> None:
    """A run that is told up to each of some epochs, and its end unless it was killed."""
    folder.mkdir(exist_ok=True)
    tracking = Tracking()
    tracking.start(tracked, folder)
    for last in told:
        tracking.epochs(History(epochs(last)))
    tracking.finish(record or RECORD | {"status": "interrupted", "metrics": {}})


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A sweep of two jobs, each in a process of its own, into a new store in the default place."""
    pytest.importorskip("mlflow")
    folder = tmp_path_factory.mktemp("a sweep 'ä'")
    parallel = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    return run_command(folder, "runner.py", *parallel, "tracker=mlflow", "seed=1,2", *TINY)


@pytest.fixture(scope="module")
def store(sweep: Finished) -> str:
    """Its address, for other runs too: making the tables of a new one takes seconds."""
    return f"sqlite:///{sweep.folder / 'outputs' / 'mlflow.db'}"


@pytest.fixture(scope="module")
def client(store: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def runs_of(client: Any, experiment: str) -> list[Any]:
    return list(client.search_runs([client.get_experiment_by_name(experiment).experiment_id]))


def steps(client: Any, run_id: str, metric: str) -> list[int]:
    return [each.step for each in client.get_metric_history(run_id, metric)]


def epochs_told(client: Any, experiment: str) -> int:
    """How many epochs there are by now of the only run of an experiment, which need not be there yet."""
    if client.get_experiment_by_name(experiment) is None:
        return 0
    return sum(len(steps(client, run.info.run_id, "loss")) for run in runs_of(client, experiment))


def test_a_sweep_is_a_parent_with_its_jobs_as_children(sweep: Finished, client: Any):
    assert (sweep.status, sweep.err) == (0, "")
    runs = runs_of(client, "digits_mlp")
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = sorted((run for run in runs if run is not parent), key=lambda run: run.data.tags["seed"])
    assert [run.data.tags.get("mlflow.parentRunId") for run in children] == [parent.info.run_id] * 2
    assert [run.info.run_name for run in children] == ["seed=1", "seed=2"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["status"] for run in runs} == {"completed"}
    assert len(find(sweep.folder)) == 2  # what MLflow keeps of them is no run
    assert "leaderboard.csv" in [file.path for file in client.list_artifacts(parent.info.run_id)]


def test_a_job_has_its_parameters_metrics_and_files(sweep: Finished, client: Any):
    folder = sweep.run_folders[0]
    record = json.loads((folder / "run.json").read_text())
    run = client.get_run(json.loads((folder / "tracker.json").read_text())["run_id"])
    assert run.data.params["model.hidden_units"] == "[8]"
    assert run.data.params["trainer.early_stopping.patience"] == "None"
    assert not [key for key in run.data.params if key.startswith(("tracker", "sweep"))]
    history = History.from_csv((folder / "history.csv").read_text())
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
        logged = client.get_metric_history(run.info.run_id, name)
        assert [(each.step, each.value) for each in logged] == [(e.epoch, getattr(e, name)) for e in history.epochs]
    assert run.data.metrics["test.accuracy"] == record["metrics"]["test"]["accuracy"]
    assert run.data.tags["fingerprint"] == record["config_fingerprint"]
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files >= {"report.html", "config.yaml", "history.csv", "classification_report.txt", "plots"}
    beside_the_store = sweep.folder / "outputs" / "mlflow_artifacts" / run.info.run_id / "artifacts"
    assert (beside_the_store / "report.html").read_bytes() == (folder / "report.html").read_bytes()


def test_a_server_that_is_down_costs_one_warning(sweep: Finished, tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    named = "tracker.uri='${oc.env:MY_TRACKER}'"
    secret = address.replace("http://", "http://me:s3cret@")
    done = run_command(tmp_path, "runner.py", *TINY, "tracker=mlflow", named, "seed=1", MY_TRACKER=secret)
    assert done.status == 0
    assert [file for file in done.run_folder.rglob("*") if file.is_file() and b"s3cret" in file.read_bytes()] == []
    assert "MY_TRACKER" in (done.run_folder / "config.yaml").read_text()
    assert done.record["status"] == "completed"
    (warning,) = done.err.splitlines()
    assert "MLflow (${oc.env:MY_TRACKER}): not tracked any further, the run goes on: ConnectionRefusedError" in warning
    assert warning in (done.run_folder / "runner.log").read_text()
    tracked = sweep.run_folders[0]
    assert faults.history(done.run_folder) == faults.history(tracked)
    ours, theirs = (np.load(folder / "predictions.npz") for folder in (done.run_folder, tracked))
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)


def test_a_killed_run_that_goes_on_has_every_epoch_once(store: str, client: Any, tmp_path: Path):
    from experiments.experiment import Surroundings, resume_experiment

    folder = tmp_path / "run"
    tracked = ("tracker=mlflow", f'tracker.uri="{store}"', "tracker.experiment=killed", "trainer.tensorboard=true")
    process = faults.start(folder, *tracked, config=(*TINY, "trainer.batch_size=1", "trainer.epochs=40"))
    faults.strike(process, lambda: faults.past(folder, 6) and epochs_told(client, "killed") > 3)
    faults.finish(process)
    assert resume_experiment(folder, Surroundings(quiet=True)) == "completed"
    (run,) = runs_of(client, "killed")
    assert run.info.status == "FINISHED"
    assert steps(client, run.info.run_id, "loss") == list(range(1, 41))
    history = History.from_csv((folder / "history.csv").read_text())
    scalars = event_scalars(folder)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"):
        assert scalars[name] == [(epoch.epoch, np.float32(getattr(epoch, name))) for epoch in history.epochs]
    record = json.loads((folder / "run.json").read_text())
    assert scalars["test.accuracy"] == [(40, np.float32(record["metrics"]["test"]["accuracy"]))]


def event_scalars(folder: Path) -> dict[str, list[tuple[int, np.float32]]]:
    """Tag → step and value of each scalar in a run's event files, in the order of writing."""
    scalars: dict[str, list[tuple[int, np.float32]]] = {}
    for event in events(folder):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "scalars":
                number = np.frombuffer(value.tensor.tensor_content, np.float32)
                scalar = number[0] if number.size else np.float32(value.tensor.float_val[0])
                scalars.setdefault(value.tag, []).append((event.step, scalar))
    return scalars


def events(folder: Path) -> Iterator[Any]:
    import tensorflow as tf

    for path in sorted((folder / "tensorboard").iterdir()):
        yield from tf.compat.v1.train.summary_iterator(str(path))


def test_tensorboard_gets_hyperparameters_where_it_is_installed(tmp_path: Path):
    track(config("trainer.tensorboard=true", "seed=7"), tmp_path, RECORD, 1, 2)
    tags = {value.tag for event in events(tmp_path) for value in event.summary.value}
    assert event_scalars(tmp_path)["test.accuracy"] == [(2, np.float32(0.75))]
    if importlib.util.find_spec("tensorboard"):
        from tensorboard.plugins.hparams import plugin_data_pb2

        assert "_hparams_/session_end_info" in tags
        (start,) = [
            value.metadata.plugin_data.content
            for event in events(tmp_path)
            for value in event.summary.value
            if value.tag == "_hparams_/session_start_info"
        ]
        values = plugin_data_pb2.HParamsPluginData.FromString(start).session_start_info.hparams
        assert values["seed"].number_value == 7
        assert values["model.hidden_units"].string_value == "[8]"
        assert values["optimizer.nesterov"].bool_value is False


def test_what_was_told_before_is_not_told_again(store: str, client: Any, tmp_path: Path):
    tracked = config("tracker=mlflow", f'tracker.uri="{store}"', "tracker.experiment=resumed")
    track(tracked, tmp_path, None, 3)
    (run,) = runs_of(client, "resumed")
    assert (run.info.status, run.data.tags["status"]) == ("KILLED", "interrupted")
    track(tracked, tmp_path, RECORD | {"status": "diverged"}, 2, 3, 5)
    track(tracked, tmp_path, RECORD, 5)
    (run,) = runs_of(client, "resumed")
    assert (run.info.status, run.data.tags["status"]) == ("FINISHED", "completed")
    assert steps(client, run.info.run_id, "val_loss") == [1, 2, 3, 4, 5]
    assert steps(client, run.info.run_id, "test.accuracy") == [2]


def test_a_run_that_was_deleted_in_mlflow_gets_a_new_one(store: str, client: Any, tmp_path: Path):
    tracked = config("tracker=mlflow", f'tracker.uri="{store}"', "tracker.experiment=deleted")
    track(tracked, tmp_path, None, 1)
    (before,) = runs_of(client, "deleted")
    client.delete_run(before.info.run_id)
    track(tracked, tmp_path, RECORD, 2)
    (after,) = runs_of(client, "deleted")
    assert after.info.run_id != before.info.run_id
    assert steps(client, after.info.run_id, "loss") == [1, 2]


def test_a_server_that_never_answers_is_given_up(
    silent_server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # the user's own setting holds
    started = time.monotonic()
    track(config("tracker=mlflow", f"tracker.uri={silent_server}"), tmp_path, RECORD, 1)
    assert time.monotonic() - started < 15
    (warning,) = caplog.messages
    assert warning.startswith(f"MLflow ({silent_server}): not tracked any further, the run goes on: TimeoutError")


def test_a_tracker_that_fails_in_the_middle_is_told_nothing_more(caplog: pytest.LogCaptureFixture, tmp_path: Path):
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        track(config("trainer.tensorboard=true"), tmp_path, RECORD, 1, 2)
    (warning,) = caplog.messages
    assert warning.startswith("TensorBoard: not tracked any further, the run goes on: ")


@pytest.mark.parametrize("arguments", [["tracker=mlflow"], ["-m", "tracker=none,mlflow"]])
def test_a_tracker_that_is_not_installed_is_told_before_anything_is_written(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "mlflow", None)  # how Python itself is told that there is none
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        launch.prepare(arguments, ExitStack())
    assert str(error.value) == (
        "tracker: received mlflow, whose package mlflow is not installed, expected it to be."
        " Install it with: pip install -e '.[mlflow]', or choose tracker=none."
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("tracker=mlflw", "tracker: received 'mlflw', expected one of mlflow, none. Did you mean mlflow?"),
        ("tracker.uri=ftp://x", "tracker.uri: received 'ftp://x', expected an address that begins with http://, "),
        (
            "tracker.uri='${oc.env:MY_TRACKER,http://x}'",
            "received a variable with a default, expected ${oc.env:NAME} only",
        ),
        ("tracker.uri=http://me:secret@x", "has no password in it (that goes into MLFLOW_TRACKING_PASSWORD)"),
    ],
)
def test_mistakes(override: str, said: str):
    with pytest.raises(UserError) as error:
        config("tracker=mlflow", override)
    assert said in str(error.value)


@pytest.mark.parametrize("value", [None, "ftp://s3cret"])
def test_an_address_from_the_environment_is_looked_up_before_anything_starts(value, monkeypatch, tmp_path):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_TRACKER", value) if value else monkeypatch.delenv("MY_TRACKER", raising=False)
    with pytest.raises(UserError) as error:
        launch.prepare(["tracker=mlflow", "tracker.uri='${oc.env:MY_TRACKER}'"], ExitStack())
    state = "holds no address" if value else "is not set"
    assert f"tracker.uri: received ${{oc.env:MY_TRACKER}}, but the variable MY_TRACKER {state}" in str(error.value)
    assert "s3cret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_address_from_the_environment_is_masked_in_what_others_say_of_it():
    address = "http://me:s3cret@Tracker.example:5000/team"
    said = "HTTPConnectionPool(host='tracker.example', port=5000): http://me:s3cret@Tracker.example:5000/team/api"
    assert masked(said, address) == "HTTPConnectionPool(host='***', port=5000): ***/api"


def test_who_is_told_changes_nothing_of_the_result():
    told = config("tracker=mlflow", "trainer.tensorboard=true")
    assert provenance.fingerprint(told) == provenance.fingerprint(config())


def test_a_run_from_before_there_were_trackers_goes_on(tmp_path: Path):
    now = config()
    then = now.model_dump(exclude={"tracker": True, "trainer": {"tensorboard"}})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(then))
    assert unchanged_config(tmp_path, {"config": then, "config_fingerprint": None}) == now


@pytest.mark.parametrize(
    ("folder", "root"),
    [("outputs/mine/2026-01-01_00-00-00", "outputs"), ("elsewhere/first", "elsewhere")],
)
def test_the_store_lies_beside_the_runs(folder: str, root: str, tmp_path: Path):
    place: Callable[[str], Path] = tmp_path.joinpath
    assert outputs(place(folder), "mine") == place(root)

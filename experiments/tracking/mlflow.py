"""MLflow: a run's parameters, metrics and files in a store of its own beside the runs, or on a server."""

import importlib
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from experiments import provenance
from experiments.config import ExperimentConfig
from experiments.config.schema import MLflowConfig
from experiments.files import TEMPORARY_PREFIX, atomic, write_json
from experiments.history import Epoch
from experiments.parsing import read_json
from experiments.received import unreadable
from experiments.sweeps.ledger import SWEEP, UNFINISHED, Ledger
from experiments.text import brief
from experiments.tracking import address
from experiments.tracking.parameters import flat, metrics

KEPT = "tracker.json"  # in the folder of a run or a sweep: which run of MLflow's it is
STORE = "mlflow.db"
ARTIFACTS = "mlflow_artifacts"
SQLITE = "sqlite:///"
EPOCH_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
# Not run.json and sweep.json, by which the folders of runs and sweeps are known: a copy would be listed as one more.
RUN_FILES = ("report.html", "config.yaml", "history.csv", "classification_report.txt", "runner.log")
SWEEP_FILES = ("sweep.html", "leaderboard.csv", "leaderboard.md")
STATUSES = {"completed": "FINISHED", "interrupted": "KILLED"}  # all others: FAILED
BATCH = 100  # entries a request: what servers take of parameters
LOCK_SECONDS = 60
# Set in this process only, and only where the user has not: a server that is down is given up soon, nothing is printed
# between the run's own lines, and nobody else is told.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


class _Following:
    """What a run and a sweep have in common; `base` is the folder of a single run or of a whole sweep."""

    def __init__(self, config: ExperimentConfig, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.base = folder.parent if (folder.parent / SWEEP).is_file() else folder
        name = Ledger(self.base).plan["name"] if (self.base / SWEEP).is_file() else config.name
        assert isinstance(config.tracker, MLflowConfig)
        self.experiment = config.tracker.experiment or name
        self.uri = address.of(config) or f"{SQLITE}{outputs(self.base, name) / STORE}"
        self.shown_uri = config.tracker.uri or self.uri
        self.name = f"MLflow ({self.shown_uri})"
        self.hidden = self.uri if address.is_hidden(config) else None
        _import(logging.CRITICAL if self.hidden else logging.ERROR)

    def start(self) -> None:
        from mlflow import MlflowClient

        if self.uri.startswith(SQLITE):
            _make_store(Path(self.uri.removeprefix(SQLITE)))
        self.client = MlflowClient(self.uri)
        self.experiment_id = self._experiment()

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(self.experiment)
        if found is None:
            try:
                return self.client.create_experiment(self.experiment, self._artifacts())
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was faster
                    raise
            found = self.client.get_experiment_by_name(self.experiment)
        return found.experiment_id

    def _artifacts(self) -> str | None:
        """Where files go: beside a store of our own, not below the current folder; a server knows for itself."""
        if not self.uri.startswith(SQLITE):
            return None
        return (Path(self.uri.removeprefix(SQLITE)).resolve().parent / ARTIFACTS).as_uri()

    def run_id(self, folder: Path, run_name: str, tags: dict[str, Any]) -> str:
        """The run of MLflow's that a folder has; made where it has none, or where it was deleted."""
        kept = folder / KEPT
        run_id = kept_run(folder) if kept.exists() else None
        if run_id is None or not self._exists(run_id):
            run_id = self.client.create_run(self.experiment_id, run_name=run_name, tags=tags).info.run_id
            write_json(kept, {"kind": "mlflow", "uri": self.shown_uri, "experiment": self.experiment, "run_id": run_id})
        return run_id

    def _exists(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_run(run_id).info.lifecycle_stage == "active"
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def end(self, run_id: str, status: str) -> None:
        self.client.set_tag(run_id, "status", status)
        self.client.set_terminated(run_id, STATUSES.get(status, "FAILED"))

    def upload(self, run_id: str, names: Sequence[str]) -> None:
        for name in names:
            if (self.folder / name).exists():
                self.client.log_artifact(run_id, str(self.folder / name))
        if (self.folder / "plots").is_dir():
            self.client.log_artifacts(run_id, str(self.folder / "plots"), "plots")


class MLflow(_Following):
    """One run; a job of a sweep is a child of the sweep's run."""

    def start(self) -> None:
        super().start()
        name, parent = self.folder.name, {}
        if self.base != self.folder:
            job = Ledger(self.base).jobs[int(self.folder.name)]
            name = ", ".join([f"{key}={value}" for key, value in job.swept.items()]) or name
            parent = {"mlflow.parentRunId": self._sweep_run()}
        tags = {
            "status": "running",
            "seed": str(self.config.seed),
            "fingerprint": provenance.fingerprint(self.config),
            "folder": str(self.folder),
        }
        self.id = self.run_id(self.folder, name, tags | parent)
        self.client.update_run(self.id, "RUNNING")
        self.client.set_tag(self.id, "status", "running")
        self._log_parameters()
        known = self.client.get_run(self.id).data.metrics
        self._final = set(known)
        steps = self.client.get_metric_history(self.id, EPOCH_METRICS[0]) if EPOCH_METRICS[0] in known else []
        self._logged = {metric.step for metric in steps}
        self._seen = 0

    def _sweep_run(self) -> str:
        with FileLock(self.base / ".tracker.lock", timeout=LOCK_SECONDS):
            run_id = self.run_id(self.base, self.base.name, {"status": "running", "folder": str(self.base)})
        self.client.update_run(run_id, "RUNNING")
        return run_id

    def _log_parameters(self) -> None:
        from mlflow.entities import Param

        parameters = [Param(key, str(value)) for key, value in flat(self.config).items()]
        for first in range(0, len(parameters), BATCH):
            self.client.log_batch(self.id, params=parameters[first : first + BATCH])

    def epochs(self, epochs: Sequence[Epoch]) -> None:
        """Those that were logged before the run was killed and resumed came out the same: they are left as they are."""
        new = epochs[self._seen :]
        self._seen += len(new)
        self._log_metrics(
            [
                (name, getattr(epoch, name), epoch.epoch)
                for epoch in new
                if epoch.epoch not in self._logged
                for name in EPOCH_METRICS
            ]
        )

    def _log_metrics(self, values: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for first in range(0, len(values), BATCH):
            batch = [Metric(name, value, now, step) for name, value, step in values[first : first + BATCH]]
            self.client.log_batch(self.id, metrics=batch)

    def finish(self, record: dict[str, Any]) -> None:
        final = {name: value for name, value in metrics(record).items() if name not in self._final}
        self._log_metrics([(name, value, record["epochs_completed"]) for name, value in final.items()])
        git = (record["environment"] or {}).get("git")
        if git:
            self.client.set_tag(self.id, "mlflow.source.git.commit", git["commit"])
        self.end(self.id, record["status"])
        self.upload(self.id, RUN_FILES)


class MLflowSweep(_Following):
    """The end of a sweep, told once all its jobs have ended or were given up."""

    def epochs(self, epochs: Sequence[Epoch]) -> None:
        """A sweep has none."""

    def finish(self, record: dict[str, Any]) -> None:
        jobs = Ledger(self.folder).states()
        for job in jobs:
            if job.record.get("killed") and (job.folder / KEPT).exists():  # it could not tell its own end
                self.end(kept_run(job.folder), job.status)
        run_id = kept_run(self.folder)
        self.end(run_id, _of_sweep([job.status for job in jobs]))
        self.upload(run_id, SWEEP_FILES)


def kept_run(folder: Path) -> str:
    """The run of MLflow's that a folder has, by its tracker.json.

    Raises:
        UserError: the file is damaged.
    """
    path, expected = folder / KEPT, "the run_id of a run of MLflow's"
    content = read_json(path, expected)
    run_id = content.get("run_id") if isinstance(content, dict) else None
    if not isinstance(run_id, str):
        raise unreadable(path, f"run_id is {brief(run_id)}", expected)
    return run_id


def _of_sweep(statuses: Sequence[str]) -> str:
    if all(status == "completed" for status in statuses):
        return "completed"
    return "interrupted" if any(status in UNFINISHED for status in statuses) else "failed"


def _make_store(path: Path) -> None:
    """Make the tables of a new SQLite store, which takes seconds: by one process, and into place once complete.

    A kill in between leaves none, not one that is half-made.
    """
    from mlflow import MlflowClient

    with FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_SECONDS):
        if not path.exists():
            for left in path.parent.glob(f"{TEMPORARY_PREFIX}*{path.suffix}"):
                left.unlink()
            with atomic(path) as temporary:
                MlflowClient(f"{SQLITE}{temporary}").search_experiments(max_results=1)


def outputs(folder: Path, name: str) -> Path:
    """The folder that holds all runs: `outputs` of `outputs/<name>/<start time>`, else what holds the run's folder."""
    folder = folder.resolve()
    return folder.parent.parent if folder.parent.name == name else folder.parent


def _import(level: int) -> None:
    """Import MLflow and what it imports late, in the run's thread: TensorFlow is imported there too, not beside it."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    for name in ("mlflow", "alembic", "sqlalchemy"):
        importlib.import_module(name)
    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(level)

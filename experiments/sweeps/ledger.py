"""The sweep's folder: what was planned, and what has become of each job.

The plan is written before the first job; a search adds a job for each trial. What became of a job stands in the job's
own folder, so workers never write to one place; `states` reads it from there, whoever asks.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments import locks, runs
from experiments.config import ExperimentConfig
from experiments.config.later_keys import with_later_keys
from experiments.config.validation import validate
from experiments.errors import UserError
from experiments.files import write_json
from experiments.parsing import read_json
from experiments.received import refuse_links, refuse_read_only
from experiments.records import SweepRecord, checked
from experiments.reports import freshness

SWEEP = runs.SWEEP
TABLES_LOCK = ".tables.lock"
PENDING, KILLED, PRUNED, UNREADABLE = "pending", "killed", runs.PRUNED, "unreadable"
KILLED_ERROR = "its process was killed (by the system, perhaps for want of memory, or by hand)"
UNFINISHED = (PENDING, KILLED, UNREADABLE, "interrupted")
LARGEST_PLAN = 64_000_000  # bytes; ten thousand jobs, the most there are, have about 40 MB


@dataclass(frozen=True)
class Job:
    """A planned run: its number (the name of its folder), what it overrides, its checked config."""

    number: int
    overrides: tuple[str, ...]
    config: dict[str, Any]

    @property
    def swept(self) -> dict[str, str]:
        """The swept keys and the job's own values, as text."""
        return dict(text.lstrip("+").split("=", 1) for text in self.overrides)


@dataclass(frozen=True)
class State:
    """What has become of a job; `record` is its run.json, {} where it has none yet."""

    job: Job
    folder: Path
    status: str
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> str | None:
        if self.status == KILLED:
            return KILLED_ERROR
        return self.record.get("error")

    @property
    def is_unfinished(self) -> bool:
        """Whether there is something left to do, be it but the reports of a completed run."""
        has_ended = self.status in ("completed", PRUNED)
        return self.status in UNFINISHED or (has_ended and not freshness.is_fresh(self.folder))

    def metric(self, name: str) -> float | None:
        """A metric such as `validation.accuracy`, where the job has one."""
        split, _, key = name.partition(".")
        return self.record.get("metrics", {}).get(split, {}).get(key)


class Ledger:
    """One sweep's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._plan: dict[str, Any] | None = None

    @classmethod
    def create(
        cls,
        folder: Path,
        jobs: Sequence[Any],
        arguments: Sequence[str],
        command: str,
        search: dict[str, Any] | None = None,
    ) -> "Ledger":
        """Write the plan; `jobs` have `overrides` and `config`, `arguments` are those of runner.py.

        Of a `search` the jobs are examples, none of which is planned.
        """
        first: ExperimentConfig = jobs[0].config
        plan = {
            "name": first.name,
            "started_at": runs.now(),
            "command": command,
            "arguments": list(arguments),
            "metric": first.sweep.metric,
            "search": search,
            "jobs": [] if search else [_planned(number, *job) for number, job in enumerate(map(_parts, jobs))],
        }
        write_json(folder / SWEEP, plan)
        return cls(folder)

    @classmethod
    def received(cls, folder: Path) -> "Ledger":
        """A sweep whose folder may have been received from anybody, and is written to.

        Raises:
            UserError: no sweep; or a link somewhere in its folder, or the folder is read-only.
        """
        ledger = cls(folder)
        ledger._read()
        refuse_links(folder)
        refuse_read_only(folder)
        return ledger

    @property
    def plan(self) -> dict[str, Any]:
        """The sweep as planned.

        Raises:
            UserError: there is no sweep in the folder, or its plan cannot be read.
        """
        if self._plan is None:
            self._plan = self._read()
        return self._plan

    def _read(self) -> dict[str, Any]:
        path, expected = self.folder / SWEEP, "the plan of a sweep"
        try:
            content = read_json(path, expected, LARGEST_PLAN)
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{self.folder}: holds no {SWEEP}, expected a sweep's folder") from None
        return checked(path, SweepRecord, content, expected)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from writing the plan, and read it anew."""
        with locks.held(self.folder / TABLES_LOCK, wait=True):
            self._plan = self._read()
            yield

    def add(self, overrides: Sequence[str], config: ExperimentConfig) -> Job:
        """Plan one more job."""
        with self.held():
            number = len(self.plan["jobs"])
            plan = self.plan | {"jobs": [*self.plan["jobs"], _planned(number, overrides, config)]}
            write_json(self.folder / SWEEP, plan)
            self._plan = plan
        return self.jobs[number]

    @property
    def search(self) -> dict[str, Any] | None:
        """What a search chooses from and how; None of a sweep of listed values."""
        return self.plan.get("search")

    @property
    def size(self) -> int:
        """How many jobs there will be."""
        return self.search["n_trials"] if self.search else len(self.plan["jobs"])

    @property
    def swept_keys(self) -> set[str]:
        """The keys that differ from job to job."""
        space = self.search["space"] if self.search else []
        return {axis["key"].lstrip("+") for axis in space} | {key for job in self.jobs for key in job.swept}

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        states = self.states()
        return len(states) == self.size and not any(state.is_unfinished for state in states)

    @property
    def jobs(self) -> list[Job]:
        return [Job(job["number"], tuple(job["overrides"]), job["config"]) for job in self.plan["jobs"]]

    def config(self, number: int) -> ExperimentConfig:
        """The config that was checked, whatever has been edited since.

        Raises:
            UserError: it is none any more.
        """
        try:
            return validate(with_later_keys(self.plan["jobs"][number]["config"]))
        except UserError as error:
            raise UserError(f"{self.folder / SWEEP}: jobs[{number}].config: {error}") from None

    def job_folder(self, number: int) -> Path:
        return self.folder / str(number)

    def state(self, number: int) -> State:
        """What has become of one job by now."""
        return self._state(self.jobs[number])

    def states(self) -> list[State]:
        """What has become of each job by now."""
        if self.search:
            self._plan = self._read()  # the one who conducts it may have added jobs
        return [self._state(job) for job in self.jobs]

    def _state(self, job: Job) -> State:
        folder = self.job_folder(job.number)
        if not os.path.lexists(folder / runs.RECORD):
            return State(job, folder, PENDING)
        try:
            record = runs.read(folder)
        except UserError as error:
            return State(job, folder, UNREADABLE, {"error": str(error)})
        if record["status"] == "running" and not runs.is_locked(folder):
            record = runs.read(folder)  # its end may have been written in between
            if record["status"] == "running":
                return State(job, folder, KILLED, record)
        return State(job, folder, runs.outcome(record), record)


def _parts(job: Any) -> tuple[Sequence[str], ExperimentConfig]:
    return job.overrides, job.config


def _planned(number: int, overrides: Sequence[str], config: ExperimentConfig) -> dict[str, Any]:
    return {"number": number, "overrides": list(overrides), "config": config.model_dump()}

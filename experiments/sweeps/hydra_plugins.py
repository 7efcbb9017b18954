"""The sweep as Hydra sees it: a sweeper that follows the plan, and a launcher whose workers die alone.

Hydra's own sweeper expands the command line again, re-raises the first failure and knows nothing of a sweep that goes
on. Hydra's joblib launcher loses all jobs of a batch when one worker is killed.
"""

import contextlib
import importlib
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, setup_globals
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig

from experiments import launch
from experiments.config import hydra_groups, stored_plan
from experiments.config.launchers import check_installed
from experiments.errors import UserError
from experiments.signals import Interrupted, stop
from experiments.sweeps.jobs import (
    GRACE_SECONDS,
    JobsLauncher,
    end_with,
    interrupted,
    number_of,
    run_in_worker,
    thread_budget,
)
from experiments.sweeps.ledger import Job, Ledger
from experiments.sweeps.ray_launcher import RayLauncher
from experiments.sweeps.submitit_launcher import SubmititLauncher

NAMESPACE = "hydra_plugins.experiments"
LOOK_SECONDS = 0.2
DEATH_SECONDS = 1.0  # in which a killed process is gone
IDLE_SECONDS = 60  # after which a worker without work ends by itself: its parent may have been killed
SEARCH_BATCH = 8  # trials chosen at once for a launcher that wants all jobs together


class PlannedSweeper(Sweeper):
    """Launches the jobs of the plan that have not ended, each into its own numbered folder."""

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        self.params = params  # read and expanded before Hydra starts

    def setup(self, *, hydra_context: Any, task_function: Any, config: DictConfig) -> None:
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """`arguments` are those of the command line, of which the plan was made."""
        assert self.config is not None
        assert self.launcher is not None
        ledger = Ledger(Path(str(self.config.hydra.sweep.dir)))
        swept = ledger.swept_keys
        fixed = [text for text in arguments if text.lstrip("+").partition("=")[0] not in swept]
        places = [Path(source.path) for source in self.config.hydra.runtime.config_sources if source.schema == "file"]
        jobs = (
            [*fixed, *stored_plan.for_hydra(job.overrides, places), f"hydra.sweep.subdir={job.number}"]
            for job in _to_run(ledger)
        )
        try:
            check_installed(str(self.config.hydra.runtime.choices["hydra/launcher"]))  # a sweep may go on elsewhere
            self._launch(jobs, is_search=bool(ledger.search))
        except UserError as error:  # of an exception Hydra would show a traceback
            sys.exit(launch.complain(error))
        except Interrupted as error:
            sys.exit(128 + error.signum)

    def _launch(self, jobs: Iterator[list[str]], is_search: bool) -> None:
        assert self.launcher is not None
        if isinstance(self.launcher, WorkersLauncher):  # takes a job when a worker is free: a search asks for it then
            self.launcher.launch(jobs, initial_job_idx=0)
            return
        size = 1 if isinstance(self.launcher, BasicLauncher) else SEARCH_BATCH if is_search else None
        while batch := list(itertools.islice(jobs, size)):
            stop.check()
            self.launcher.launch(batch, initial_job_idx=number_of(batch[0]))


def _to_run(ledger: Ledger) -> Iterator[Job]:
    if ledger.search:
        from experiments.sweeps import search

        return search.jobs(ledger)
    return iter([state.job for state in ledger.states() if state.is_unfinished])


class WorkersLauncher(JobsLauncher):
    """Runs jobs in `n_jobs` processes of joblib's loky that are kept from job to job.

    Each worker is a pool of its own: when it is killed only its job is lost, and a new one takes its place. The cores
    are divided among the workers, as are the GPUs where there are any.
    """

    def __init__(self, n_jobs: int = -1) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.workers = cores if n_jobs < 1 else n_jobs
        self.threads = max(1, cores // self.workers)
        os.environ.setdefault("PYTHONSAFEPATH", "1")  # workers import nothing from the current folder

    def launch(self, job_overrides: Iterable[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs; what became of them stands in their folders."""
        from joblib.externals.loky.backend import resource_tracker

        setup_globals()
        # Of a pool that is left behind at once loky's helper process removes the rest, and would tell of it.
        os.environ["PYTHONWARNINGS"] = ",".join(
            filter(None, [os.environ.get("PYTHONWARNINGS"), "ignore:resource_tracker"])
        )
        resource_tracker.ensure_running()  # here, once: in a worker's thread it would let SIGINT through again
        jobs = _Jobs(job_overrides)
        workers = [_Worker(self._environment(number), jobs, self.context) for number in range(self.workers)]
        ledger = Ledger(self.sweep_folder)
        with stop.ending_with(lambda signum: _kill(workers, ledger, signum)):
            try:
                for worker in workers:
                    worker.thread.start()
                for worker in workers:
                    while worker.thread.is_alive():
                        stop.check()
                        worker.thread.join(LOOK_SECONDS)
            except Interrupted as error:
                with stop.held():
                    _end(workers)
                    _kill(workers, ledger, error.signum)
                raise
        return []

    def _environment(self, number: int) -> dict[str, str]:
        """What a worker is started with: its share of the cores, and of the GPUs."""
        shares = thread_budget(self.threads)
        gpus = sorted(Path("/dev").glob("nvidia[0-9]*"))
        if gpus and "CUDA_VISIBLE_DEVICES" not in os.environ:
            shares["CUDA_VISIBLE_DEVICES"] = str(number % len(gpus))
        return shares


def _end(workers: "Sequence[_Worker]") -> None:
    """Let the workers commit their jobs' states and leave. Told again and again: one of them may just be starting."""
    deadline = time.monotonic() + GRACE_SECONDS
    while any(worker.thread.is_alive() for worker in workers) and time.monotonic() < deadline:
        for worker in workers:
            worker.stop()
        time.sleep(LOOK_SECONDS)


def _kill(workers: "Sequence[_Worker]", ledger: Ledger, signum: int) -> None:
    """No worker is left behind, and the job that one had in hand is `interrupted`."""
    for worker in workers:
        worker.stop(signal.SIGKILL)
    for worker in workers:
        worker.thread.join(DEATH_SECONDS)
        if worker.job is not None:
            interrupted(ledger, worker.job, signum)


class _Jobs:
    """Jobs, one at a time for whichever worker asks."""

    def __init__(self, jobs: Iterable[Sequence[str]]) -> None:
        self._jobs = iter(jobs)
        self._lock = threading.Lock()

    def next(self) -> Sequence[str] | None:
        with self._lock:
            return next(self._jobs, None)


class _Worker:
    """One process, and the thread that gives it jobs until none is left; the process starts with the first job."""

    def __init__(self, environment: dict[str, str], jobs: _Jobs, arguments: Any) -> None:
        self._environment = environment
        self._jobs = jobs
        self._arguments = arguments
        self._stopped = False
        self._pool: Any = None
        self.job: int | None = None  # in hand
        self.thread = threading.Thread(target=self._work, daemon=True)

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """No more jobs; the one that runs is asked to commit its state and end."""
        self._stopped = True
        pool = self._pool
        for process in list(pool._processes or ()) if pool else []:
            with contextlib.suppress(OSError):
                os.kill(process, signum)

    def _work(self) -> None:
        from joblib.externals.loky.process_executor import BrokenProcessPool, ProcessPoolExecutor

        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # for the processes, until they can meet it
        while not (self._stopped or stop.signum) and (overrides := self._jobs.next()) is not None:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    max_workers=1,
                    timeout=IDLE_SECONDS,
                    env=self._environment,
                    initializer=end_with,
                    initargs=(os.getpid(),),
                )
            try:
                self.job = number_of(overrides)
                self._pool.submit(run_in_worker, overrides, *self._arguments).result()
                self.job = None
            except BrokenProcessPool:  # its job's folder says how far it came
                self._pool = None
        if self._pool is not None:
            self._pool.shutdown(wait=not self._stopped)


def register() -> None:
    """Make them and their options known to Hydra, under the only package from which it takes plugins."""
    hydra_groups.store()
    try:
        package = importlib.import_module("hydra_plugins")  # there where any plugin is installed
    except ModuleNotFoundError:
        package = sys.modules["hydra_plugins"] = ModuleType("hydra_plugins")
    package.experiments = sys.modules[NAMESPACE] = sys.modules[__name__]  # type: ignore[attr-defined]
    plugins: list[Any] = [PlannedSweeper, WorkersLauncher, RayLauncher, SubmititLauncher]
    for plugin in plugins:
        plugin.__module__ = NAMESPACE
        Plugins.instance().register(plugin)

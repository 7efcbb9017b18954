"""`hydra/launcher=submitit_slurm` and `submitit_local`: each job is one of a Slurm array, or a process that stands in.

Hydra's own submitit launcher leaves all jobs to themselves when one was killed or its time is over, and takes shell
commands from the config.
"""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, setup_globals

from experiments.sweeps.jobs import GRACE_SECONDS, JobsLauncher, number_of, run_anywhere, thread_budget
from experiments.sweeps.ledger import PENDING, Ledger

LOOK_SECONDS = 0.5
FOLDER = ".submitit"  # of the sweep's: batch scripts, and what jobs print


class SubmititLauncher(JobsLauncher):
    """Submits all jobs at once and waits for them; when it is interrupted they commit their state and end.

    `options` are submitit's own, those of Slurm alone with the prefix `slurm_`; None is the cluster's default.
    """

    def __init__(self, cluster: str, cpus_per_task: int = 1, **options: Any) -> None:
        self.cluster = cluster
        self.cpus_per_task = cpus_per_task
        self.options = options

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run all jobs; what became of them stands in their folders."""
        import submitit

        setup_globals()
        os.environ |= thread_budget(self.cpus_per_task)  # a job gets the environment in which it was submitted
        ledger = Ledger(self.sweep_folder)
        executor = submitit.AutoExecutor(self.sweep_folder / FOLDER / "%j", cluster=self.cluster)
        executor.update_parameters(name=ledger.plan["name"], cpus_per_task=self.cpus_per_task, **self.options)
        call = _Call(self.sweep_folder, Path.cwd(), self.context)
        jobs = executor.map_array(call, list(job_overrides))
        try:
            _wait(jobs)
        except BaseException:
            for job in jobs:
                _end(job)
            _wait(jobs, GRACE_SECONDS)
            raise
        for job, overrides in zip(jobs, job_overrides, strict=True):
            if ledger.state(number_of(overrides)).status == PENDING:
                print(f"job {number_of(overrides)}: did not begin, see {job.paths.stderr}", file=sys.stderr)
        return []


class _Call:
    """What a submitted process is to do with a job's overrides. It is pickled."""

    def __init__(self, sweep: Path, started_in: Path, context: tuple[Any, ...]) -> None:
        self.arguments = (sweep, started_in)
        self.context = context

    def __call__(self, overrides: Sequence[str]) -> None:
        from submitit.core.job_environment import JobEnvironment

        # submitit ignores SIGTERM, with which Slurm ends a job, and would start a job anew whose time is nearly over
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(JobEnvironment._usr_sig(), lambda signum, frame: signal.raise_signal(signal.SIGTERM))
        run_anywhere(*self.arguments, overrides, self.context)


def _wait(jobs: Sequence[Any], seconds: float = float("inf")) -> None:
    deadline = time.monotonic() + seconds
    while not all(job.done() for job in jobs) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def _end(job: Any) -> None:
    """SIGTERM for the job's process. A local one is given a second only by `cancel`, too little for a checkpoint."""
    process = getattr(job, "_process", None)
    if process is None:
        job.cancel()
    elif process.poll() is None:
        process.terminate()

"""`hydra/launcher=submitit_slurm` and `submitit_local`: each job is one of a Slurm array, or a process that stands in.

Hydra's own submitit launcher leaves all jobs to themselves when one was killed or its time is over, and takes shell
commands from the config.
"""

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, setup_globals

from experiments.signals import stop
from experiments.sweeps.jobs import GRACE_SECONDS, JobsLauncher, number_of, run_anywhere, thread_budget
from experiments.sweeps.ledger import KILLED, PENDING, Ledger, State

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
        logging.getLogger("submitit").setLevel(logging.ERROR)  # it warns each time that Slurm keeps no accounts
        os.environ |= thread_budget(self.cpus_per_task)  # a job gets the environment in which it was submitted
        ledger = Ledger(self.sweep_folder)
        executor = submitit.AutoExecutor(self.sweep_folder / FOLDER / "%j", cluster=self.cluster)
        executor.update_parameters(name=ledger.plan["name"], cpus_per_task=self.cpus_per_task, **self.options)
        call = _Call(self.sweep_folder, Path.cwd(), self.context)
        before = [ledger.state(number_of(overrides)) for overrides in job_overrides]
        with _sigint_ignored():
            submitted = executor.map_array(call, list(job_overrides))
        jobs = list(zip(submitted, before, strict=True))
        try:
            _wait(jobs, ledger, safe_point=stop.check)
        except BaseException:
            with stop.held():
                for job, _ in jobs:
                    _end(job)
                _wait(jobs, ledger, GRACE_SECONDS)
            raise
        for job, state in jobs:
            if ledger.state(state.job.number).status == PENDING:
                print(f"job {state.job.number}: did not begin, see {job.paths.stderr}", file=sys.stderr)
        return []


class _Call:
    """What a submitted process is to do with a job's overrides. It is pickled."""

    def __init__(self, sweep: Path, started_in: Path, context: tuple[Any, ...]) -> None:
        self.arguments = (sweep, started_in)
        self.context = context

    def __call__(self, overrides: Sequence[str]) -> None:
        from submitit.core.job_environment import JobEnvironment

        job = JobEnvironment()
        if job.cluster == "local":
            os.setpgid(0, 0)  # Ctrl-C reaches the parent alone, which tells its jobs: two signals at once end a run
        # A job whose time is nearly over commits its state and ends; submitit would start it anew, at once.
        signal.signal(job._usr_sig(), lambda signum, frame: signal.raise_signal(signal.SIGTERM))
        run_anywhere(*self.arguments, overrides, self.context)


@contextlib.contextmanager
def _sigint_ignored() -> Iterator[None]:
    """By the processes that are started meanwhile: submitit's own, which get Ctrl-C too, would kill local jobs."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _wait(
    jobs: Sequence[tuple[Any, State]],
    ledger: Ledger,
    seconds: float = float("inf"),
    safe_point: Callable[[], None] = lambda: None,
) -> None:
    """Until all have ended; with each job the state is given in which it was submitted."""
    deadline = time.monotonic() + seconds
    while not all(_is_over(job, before, ledger) for job, before in jobs) and time.monotonic() < deadline:
        safe_point()
        time.sleep(LOOK_SECONDS)


def _is_over(job: Any, before: State, ledger: Ledger) -> bool:
    """By what submitit knows; where Slurm keeps no accounts that is nothing of a job that was killed."""
    if job.done() or job.state != "UNKNOWN":
        return job.done()
    now = ledger.state(before.job.number)
    return now.status == KILLED and now.record != before.record


def _end(job: Any) -> None:
    """SIGTERM for the job's process. A local one is given a second only by `cancel`, too little for a checkpoint."""
    process = getattr(job, "_process", None)
    if process is None:
        job.cancel()
    elif process.poll() is None:
        process.terminate()

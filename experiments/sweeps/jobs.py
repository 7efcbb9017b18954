"""One job of a sweep in a process of a launcher's, here or on another machine, and what the launchers share."""

import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, open_dict

from experiments import runs, streams
from experiments.errors import UserError
from experiments.files import write_json
from experiments.signals import Interrupted, stop
from experiments.sweeps.ledger import KILLED, Ledger

LOOK_SECONDS = 0.5
GRACE_SECONDS = 30  # for workers to commit a checkpoint when the sweep is interrupted


class JobsLauncher(Launcher):
    """A launcher that runs `run_one` elsewhere: it keeps what that needs."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    @property
    def sweep_folder(self) -> Path:
        return Path(str(self.config.hydra.sweep.dir)).absolute()

    @property
    def context(self) -> tuple[Any, ...]:
        """What `run_one` takes after a job's overrides."""
        return (self.hydra_context, self.config, self.task_function, Singleton.get_state())


def number_of(overrides: Sequence[str]) -> int:
    """The number of the job that has these overrides: the planned sweeper names its folder last."""
    return int(overrides[-1].partition("=")[2])


def thread_budget(threads: int) -> dict[str, str]:
    """Environment of a worker that is to use so many cores; read when numpy and TensorFlow are imported."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return dict.fromkeys(names, str(threads))


def run_one(
    overrides: Sequence[str], hydra_context: Any, config: DictConfig, task_function: Any, singletons: dict[Any, Any]
) -> None:
    """In a worker: what Hydra's launchers do for one job."""
    setup_globals()
    Singleton.set_state(singletons)
    number = number_of(overrides)
    sweep_config = hydra_context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(sweep_config):
        sweep_config.hydra.job.id = f"{sweep_config.hydra.job.name}_{number}"
        sweep_config.hydra.job.num = number
    HydraConfig.instance().set_config(sweep_config)
    run_job(
        hydra_context=hydra_context,
        config=sweep_config,
        task_function=task_function,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


def end_with(parent: int) -> None:
    """In a worker: once the process that started it has died, the job is interrupted and the worker leaves."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def run_in_worker(overrides: Sequence[str], *context: Any) -> None:
    """`run_one` in a process of the sweep's on this machine, which leaves when a signal has ended its job."""
    streams.mute()
    stop.install()
    run_one(overrides, *context)
    if stop.signum is not None:
        os._exit(128 + stop.signum)


def interrupted(ledger: Ledger, number: int, signum: int) -> None:
    """Write that a job was interrupted whose process had to be killed."""
    state = ledger.state(number)
    if state.status == KILLED:
        ended = {"status": "interrupted", "error": str(Interrupted(signum)), "finished_at": runs.now()}
        write_json(state.folder / runs.RECORD, state.record | ended)


def run_anywhere(sweep: Path, started_in: Path, overrides: Sequence[str], context: tuple[Any, ...]) -> None:
    """`run_one` in a process that may be on another machine: the sweep's folder and the paths of its config must be
    the same there.

    Raises:
        UserError: they are not; nothing has been run.
    """
    for folder in (sweep, started_in):
        if not folder.is_dir():
            raise UserError(
                f"{folder}: is not there on {socket.gethostname()}, expected on every machine that runs jobs: the"
                " sweep's folder and the one it was started in must be on a file system that all of them share"
            )
    os.chdir(started_in)
    streams.mute()
    with stop:
        try:
            run_one(overrides, *context)
        except SystemExit:  # how a process of one run ends when it is interrupted; the job's run.json says so
            return

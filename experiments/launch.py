"""From the arguments of runner.py to Hydra, and back from a run's status to an exit status.

Before Hydra starts, the whole command line is checked and the run gets a folder of its own; afterwards the status is
that of what ran, which Hydra does not tell its caller.
"""

import logging
import multiprocessing
import os
import runpy
import shlex
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from experiments import streams
from experiments.errors import ReportsMissing, UserError
from experiments.locating import OUTPUTS
from experiments.new_folders import reserved
from experiments.runs import RECORD, locked, logged, read
from experiments.saved_runs import config_values
from experiments.signals import Interrupted, stop
from experiments.text import plain_lines

if TYPE_CHECKING:
    from experiments.config import ExperimentConfig
    from experiments.config.arguments import Arguments
    from experiments.config.composition import Composition
    from experiments.sweeps.leaderboard import Leaderboard
    from experiments.sweeps.ledger import Ledger

RUNNER = Path(__file__).parents[1] / "runner.py"
_started: ContextVar["Start"] = ContextVar("started")  # for the task, which Hydra calls with its own config only
DONE, FAILED, MISTAKE = 0, 1, 2


def main(run: Callable[[], Any]) -> None:
    """Check the arguments, let Hydra call the task, exit with the status of what ran: 0, 1, 2, 130 or 143."""
    logging.raiseExceptions = False  # a log that cannot be written is no reason to stop, nor to print tracebacks
    streams.mute()
    with stop:
        try:
            status = _status_of(run)
        except UserError as error:
            sys.exit(complain(error))
        except OSError as error:  # Hydra's files, or the first of ours: a full disk
            print(f"failed, {type(error).__name__}: {error}. Free it, or choose another folder.", file=sys.stderr)
            status = FAILED
        except SystemExit:
            if stop.signum is None:
                raise
            status = FAILED
        if status is not None:
            leave(status)


def _status_of(run: Callable[[], Any]) -> int | None:
    """The status of the run or sweep that the arguments start, None where they only show something.

    Raises:
        UserError: see `prepare`.
    """
    folders = ExitStack()  # held before Hydra writes into one, until all is done
    with stop.ending_with(lambda signum: folders.close(), at_once=True), folders:
        start = prepare(sys.argv[1:], folders)
        _started.set(start)
        sys.argv[1:] = start.arguments
        from experiments.config.guard import guarded

        folders.enter_context(guarded())
        if start.folder or start.sweep:
            os.environ["HYDRA_FULL_ERROR"] = "1"  # told by a sentence of ours, not by Hydra in a traceback
        if start.sweep is not None:
            return _conduct(start.sweep, run)
        run()
    if start.folder is None:
        return None
    is_done = (start.folder / RECORD).exists() and read(start.folder)["status"] == "completed"
    return DONE if is_done else FAILED


def ended(status: int) -> int:
    """The exit status: that of a signal, however late it came, before any other."""
    return status if stop.signum is None else 128 + stop.signum


def checked() -> tuple["ExperimentConfig", str]:
    """The checked config of the run that this process was started for, and the command that repeats it."""
    start = _started.get()
    assert start.config is not None
    return start.config, start.command


def leave(status: int) -> NoReturn:
    """End the process now that all files are written: TensorFlow's own farewell takes about a second.

    Nothing would meet a signal in that second. Where the process is not ours, SystemExit is raised.
    """
    if not stop.is_for_good:
        sys.exit(ended(status))
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ended(status))


def resume_sweep(folder: Path, retry_failed: bool) -> None:
    """Carry a sweep on: its unfinished jobs, by the launcher and arguments it was started with.

    Raises:
        UserError: no sweep, or one whose plan cannot be read.
    """
    sys.argv = [str(RUNNER), "--resume", str(folder), *(["--retry-failed"] if retry_failed else [])]
    runpy.run_path(str(RUNNER), run_name="__main__")  # Hydra finds the YAML files from the program that is run


def rerun(folder: Path, overrides: Sequence[str]) -> int:
    """Run what a run's config.yaml says, with overrides on top, in a new folder; return the exit status.

    The config is checked and run as it stands; Hydra is not entered.

    Raises:
        UserError: mistakes in the config, the overrides or the data.
    """
    from experiments import tracking
    from experiments.config.changes import changed

    config = changed(config_values(folder), overrides)
    tracking.require([config])
    command = shlex.join(["python", "-m", "experiments", "rerun", str(folder), *overrides])
    started = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    with reserved(OUTPUTS / config.name / started, named=False) as new, logged(new):
        from experiments.experiment import run_experiment

        status = job(lambda: run_experiment(config, new, command), in_sweep=False)
    return ended(DONE if status == "completed" else FAILED)


def _conduct(ledger: "Ledger", run: Callable[[], Any]) -> int:
    from experiments.sweeps import conduct, hydra_plugins

    with stop.ending_with(lambda signum: conduct.tell_how_to_go_on(ledger)):
        hydra_plugins.register()
        return _status(conduct.conduct(ledger, run))


def _status(board: "Leaderboard") -> int:
    is_done = all(state.status in ("completed", "pruned") and not state.is_unfinished for state in board.states)
    return DONE if is_done else FAILED


def job(start: Callable[[], str], in_sweep: bool) -> str:
    """Start one run and return its status. A mistake ends a single run with status 2; a sweep goes on with the next."""
    try:
        return start()
    except ReportsMissing as error:
        print(error, file=sys.stderr)
        if in_sweep:  # which tells by the job's files
            return "completed"
        sys.exit(FAILED)
    except UserError as error:
        if in_sweep:  # told by the sweep's ledger
            return "failed"
        sys.exit(complain(error))
    except Interrupted as error:
        if threading.current_thread() is not threading.main_thread() or multiprocessing.parent_process():
            return "interrupted"  # a sweep's worker, whose parent was told as well
        sys.exit(128 + error.signum)


def complain(error: UserError) -> int:
    print(plain_lines(error), file=sys.stderr)
    return MISTAKE


@dataclass(frozen=True)
class Start:
    """The arguments with which Hydra is to start, and what they start: a run in `folder`, a `sweep`, or neither.

    Of a run, `config` is what has been checked and `command` repeats it. It is what runs: what Hydra composes from the
    same arguments is its own record only.
    """

    arguments: list[str]
    folder: Path | None = None
    config: "ExperimentConfig | None" = None
    command: str = ""
    sweep: "Ledger | None" = None


def prepare(texts: Sequence[str], folders: ExitStack) -> Start:
    """Check the arguments and make the folder of what they start, which is held as long as `folders` is open.

    Raises:
        UserError: mistakes in the config or the call; nothing has been written then.
    """
    from experiments.config.arguments import read as understand

    arguments = understand(texts)
    if arguments.action == "help":
        from experiments.config import help
        from experiments.config.defaults import CONF

        print(help.text(CONF))
        sys.exit(DONE)
    if arguments.action == "resume":
        return _resumed(Path(str(arguments.value)), arguments.retry_failed, folders)
    if arguments.action in ("hydra_help", "version", "shell_completion"):  # they compose no config
        return Start(arguments.for_hydra())

    from experiments import tracking
    from experiments.config.composition import compose_arguments
    from experiments.config.launchers import check_installed

    composition = compose_arguments(arguments)
    if composition.space:
        from experiments.sweeps import search

        search.check_installed()
    if arguments.action:
        return Start(arguments.for_hydra())
    if composition.is_sweep:
        check_installed(composition.launcher)
    tracking.require(job.config for job in composition.jobs)
    folder = folders.enter_context(reserved(Path(composition.folder), named=composition.folder_given))
    if composition.is_sweep:
        started = arguments.for_hydra("hydra.mode=MULTIRUN", f"hydra.sweep.dir={_quoted(folder)}")
        return Start(started, sweep=_planned(composition, folder, arguments))
    started = arguments.for_hydra("hydra.mode=RUN", f"hydra.run.dir={_quoted(folder)}")
    return Start(started, folder, composition.jobs[0].config, _command(arguments))


def _resumed(folder: Path, retry_failed: bool, folders: ExitStack) -> Start:
    from experiments import tracking
    from experiments.config import stored_plan
    from experiments.sweeps import conduct
    from experiments.sweeps.ledger import SWEEP, Ledger

    ledger = Ledger.received(folder)
    arguments = stored_plan.arguments_of(ledger.plan, folder / SWEEP)
    tracking.require(ledger.config(job.number) for job in ledger.jobs)
    folders.enter_context(locked(folder))  # before anything is written
    if retry_failed:
        conduct.retry(ledger)
    if ledger.is_complete:
        print(f"{folder}: all jobs have ended already")
        sys.exit(ended(_status(conduct.finish(ledger))))
    return Start(arguments.for_hydra("hydra.mode=MULTIRUN", f"hydra.sweep.dir={_quoted(folder)}"), sweep=ledger)


def _planned(composition: "Composition", folder: Path, arguments: "Arguments") -> "Ledger":
    """Write the plan of a sweep, and take over what need not run again."""
    from experiments.sweeps import conduct, search
    from experiments.sweeps.ledger import Ledger

    plan = search.plan(composition) if composition.space else None
    ledger = Ledger.create(folder, composition.jobs, arguments.repeatable(), _command(arguments), plan)
    if composition.jobs[0].config.sweep.reuse:
        found = conduct.reuse(ledger, folder.parent.parent)
        print(f"{found} of {len(composition.jobs)} jobs are taken over from finished runs of the same config")
    return ledger


def _command(arguments: "Arguments") -> str:
    return shlex.join(["python", "runner.py", *arguments.repeatable()])


def _quoted(path: Path) -> str:
    """A path as Hydra's grammar takes any text."""
    text = str(path).replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")
    return f"'{text}'"

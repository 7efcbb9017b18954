"""A sweep from its plan to its end: what the parent does around Hydra, and what a job does in any process."""

import logging
import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from experiments import provenance, runs, tracking
from experiments.config import ExperimentConfig
from experiments.datasets import shared
from experiments.errors import UserError
from experiments.files import TEMPORARY_PREFIX, remove_temporary, write_json
from experiments.received import refuse_links
from experiments.signals import stop
from experiments.sweeps import display, files
from experiments.sweeps.drawing import Drawing
from experiments.sweeps.leaderboard import Leaderboard, rank
from experiments.sweeps.ledger import KILLED, KILLED_ERROR, SWEEP, UNREADABLE, Ledger
from experiments.text import plain_lines

log = logging.getLogger(__name__)

DATA = ".data"  # what workers share while the sweep runs
ORPHANS_SECONDS = 10  # for workers whose parent was killed; jobs on other machines may take as long as they want
LOOK_SECONDS = 0.2

# How reports are put off in the process that conducts a sweep; its workers have no core to spare.
_later: ContextVar[Any] = ContextVar("later", default=None)


def run_job(folder: Path) -> str:
    """Run, or carry on, the job whose folder this is, with the config that was checked; return its status.

    Raises:
        UserError: a mistake in the data; the job's run.json says so.
        Interrupted: by a signal.
    """
    from experiments.experiment import Surroundings, resume_experiment, run_experiment

    ledger = Ledger(folder.parent)
    number = int(folder.name)
    config = ledger.config(number)
    around = Surroundings(
        quiet=True,
        later=_later.get(),
        callbacks=lambda: _callbacks(ledger, number),
        data=folder.parent / DATA if multiprocessing.parent_process() else None,
    )
    try:
        if ledger.state(number).status == UNREADABLE:
            _set_aside(folder)
        if (folder / runs.RECORD).exists():
            return resume_experiment(folder, around)
        with runs.locked(folder):
            return run_experiment(config, folder, command(ledger, number), around)
    except UserError as error:
        _record_refused(folder, error)
        raise
    finally:
        files.refresh(ledger)


def _set_aside(folder: Path) -> None:
    """Keep a damaged run.json beside the new one: the plan has the config, the checkpoints have the state."""
    with runs.locked(folder):
        record = folder / runs.RECORD
        log.warning("%s: cannot be read; kept as run.json.damaged, and the job runs again", record)
        record.rename(folder / f"{runs.RECORD}.damaged")


def _record_refused(folder: Path, error: UserError) -> None:
    """Why a job that is not finished could not go on, which nobody else writes down."""
    with suppress(UserError), runs.locked(folder):
        record = runs.read(folder)
        if record["status"] in ("interrupted", "running"):
            write_json(folder / runs.RECORD, record | {"status": "failed", "error": str(error)})


def _callbacks(ledger: Ledger, number: int) -> list[Any]:
    if not ledger.search or ledger.search["pruner"] == "none":
        return []
    from experiments.sweeps.search import pruning

    return [pruning(ledger, number)]


def command(ledger: Ledger, number: int) -> str:
    """The command that repeats one job by itself."""
    import shlex

    job = ledger.jobs[number]
    arguments = [text for text in ledger.plan["arguments"] if text not in ("-m", "--multirun")]
    fixed = [text for text in arguments if text.lstrip("+").partition("=")[0] not in job.swept]
    fixed = [text for text in fixed if not text.startswith(("hydra", "sweep."))]
    return shlex.join(["python", "runner.py", *fixed, *job.overrides, "hydra.mode=RUN"])


def conduct(ledger: Ledger, run: Callable[[], Any]) -> Leaderboard:
    """Let Hydra run the jobs that have not ended, and gather what came out, whatever happens to them.

    The sweep's folder is held (`runs.locked`) by who calls this, as it is for `finish` and `retry`.
    """

    def cut_short(signum: int) -> None:
        files.refresh(ledger)

    with stop.ending_with(cut_short):
        _await_orphans(ledger)
        files.refresh(ledger)
        try:
            with display.SweepProgress(ledger), Drawing() as drawing:
                _later.set(drawing.later)
                run()
        finally:
            _later.set(None)
            board = finish(ledger)
    return board


def _await_orphans(ledger: Ledger) -> None:
    """Wait, but not for long, for workers whose parent was killed: they commit their jobs' states and end."""
    deadline = time.monotonic() + ORPHANS_SECONDS
    while any(state.status == "running" for state in ledger.states()) and time.monotonic() < deadline:
        stop.check()
        time.sleep(LOOK_SECONDS)


def finish(ledger: Ledger) -> Leaderboard:
    """Write down what became of all jobs, killed ones too, draw it, and say it."""
    from experiments.sweeps.page import write_page

    for state in ledger.states():
        if state.status == KILLED:
            _record_killed(ledger, state.job.number)
    _tidy(ledger)
    board = files.refresh(ledger)
    page = write_page(ledger, board)
    tracking.finish_sweep(ledger.config(0), ledger.folder)
    summarize(ledger, board)
    print(f"report: {page}")
    say_how_to_go_on(ledger, board)
    return board


def summarize(ledger: Ledger, board: Leaderboard) -> None:
    """Print the leaderboard, what failed, and the best run with the command that repeats it."""
    display.leaderboard(board)
    for line in files.failures(board):
        print(line, file=sys.stderr)
    best = files.folder_of(board)
    if best is not None:
        print(plain_lines(f"best run: {best}\nrepeat it: {command(ledger, int(best.name))}"))


def say_how_to_go_on(ledger: Ledger, board: Leaderboard) -> None:
    """Print the command that carries the sweep on where a job is left to do."""
    is_left = any(state.is_unfinished or state.status == "running" for state in board.states)
    if is_left or len(board.states) < ledger.size:
        tell_how_to_go_on(ledger)


def show(folder: Path) -> None:
    """Print what has become of a sweep by now; nothing is written."""
    ledger = Ledger(folder)
    refuse_links(folder)
    board = rank(ledger.states(), ledger.plan["metric"])
    summarize(ledger, board)
    if not runs.is_locked(folder):
        say_how_to_go_on(ledger, board)


def tell_how_to_go_on(ledger: Ledger) -> None:
    print(f"go on with: python -m experiments resume '{ledger.folder}'", file=sys.stderr)


def _tidy(ledger: Ledger) -> None:
    """Remove what was left by processes that were killed: shared data, temporary files and locks."""
    shared.remove(ledger.folder / DATA)
    with ledger.held():
        for path in [*ledger.folder.glob(f"{TEMPORARY_PREFIX}*"), *ledger.folder.glob(f"plots/{TEMPORARY_PREFIX}*")]:
            path.unlink(missing_ok=True)
    for state in ledger.states():
        with suppress(UserError), runs.locked(state.folder):  # refused where a living process is at it
            remove_temporary(state.folder)


def _record_killed(ledger: Ledger, number: int) -> None:
    """Its own process cannot say it any more; another that carries the job on meanwhile is left alone."""
    with suppress(UserError), runs.locked(ledger.job_folder(number)):
        record = runs.read(ledger.job_folder(number))
        if record["status"] == "running":
            ended = {"status": "failed", "error": KILLED_ERROR, "finished_at": runs.now(), "killed": True}
            write_json(ledger.job_folder(number) / runs.RECORD, record | ended)


def retry(ledger: Ledger) -> None:
    """Make failed jobs unfinished again."""
    for state in ledger.states():
        if state.status == "failed":
            write_json(state.folder / runs.RECORD, state.record | {"status": "interrupted"})


def reuse(ledger: Ledger, outputs: Path) -> int:
    """Take over finished runs below `outputs` that have the same config as a job; return how many."""
    finished = {
        record.get("config_fingerprint"): folder
        for folder, record in reversed(runs.find(outputs))
        if runs.outcome(record) == "completed"
    }
    found = 0
    for job in ledger.jobs:
        before = finished.get(provenance.fingerprint(ExperimentConfig.model_validate(job.config)))
        if before is not None:
            folder = ledger.job_folder(job.number)
            shutil.copytree(
                before, folder, ignore=shutil.ignore_patterns("checkpoints", runs.LOCK, f"{TEMPORARY_PREFIX}*")
            )
            write_json(folder / runs.RECORD, runs.read(folder) | {"reused_from": str(before)})
            found += 1
    return found


def is_sweep(folder: Path) -> bool:
    return (folder / SWEEP).is_file()

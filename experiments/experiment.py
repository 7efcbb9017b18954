"""One run: config → Dataset → model → training → evaluation → report."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from experiments import console, datasets, models, plots, provenance, reports, runs, session, tracking
from experiments.callbacks import build_callbacks
from experiments.checkpoints import Checkpoints
from experiments.config import ExperimentConfig
from experiments.errors import UserError
from experiments.evaluation import evaluate
from experiments.files import atomic
from experiments.history import Epoch, History
from experiments.optimizers import build_optimizer
from experiments.training import Diverged, Interrupted, StopRequest, train

log = logging.getLogger(__name__)

# Jobs of a serial sweep share a process: they share the arrays too, as long as they ask for the same.
load = lru_cache(maxsize=1)(datasets.load)


def run_experiment(config: ExperimentConfig, folder: Path, command: str, quiet: bool = False) -> str:
    """Run what `config` says in `folder`, whatever happens, and return the status that run.json then has.

    `quiet`: nothing is printed; a sweep's jobs are followed by their files.

    Raises:
        UserError: a mistake in the data or the call; run.json, where there is one, says `failed` then.
        Interrupted: by a signal; the state is committed and run.json says `interrupted`.
    """
    with runs.locked(folder):
        return _recorded(runs.Run.start(folder, config, command), config, quiet)


def resume_experiment(folder: Path, quiet: bool = False) -> str:
    """Carry a run on from its last checkpoint to the end it would have had, and return its status.

    A run that has ended is left as it is; one that was killed while its reports were written gets them.

    Raises:
        UserError: no run, its config was changed, its tracker is not installed, or another process is at it.
        Interrupted: as above.
    """
    record = runs.read(folder)
    if record["status"] == "diverged":
        raise UserError(
            f"{folder}: the run diverged ({record['error']}) and would again, expected a run that can go on."
            " Start a new one with another setting, such as a lower optimizer.learning_rate."
        )
    config = runs.unchanged_config(folder, record)
    tracking.require([config])
    with runs.locked(folder), runs.logged(folder):
        if record["status"] == "completed" and (folder / reports.PAGE).exists():
            print(f"{folder}: finished already, nothing to do")
            return "completed"
        return _recorded(runs.Run.again(folder, record), config, quiet)


def _recorded(run: runs.Run, config: ExperimentConfig, quiet: bool) -> str:
    """The experiment, with its end written into run.json and told to the trackers, whichever it is."""
    trackers = tracking.Tracking()
    try:
        with _sigterm_raises():
            trackers.start(config, run.folder)
            return _experiment(config, run, trackers, quiet)
    except UserError as error:
        run.finish("failed", str(error))
        raise
    except (Interrupted, KeyboardInterrupt) as error:
        signum = getattr(error, "signum", signal.SIGINT)
        run.finish("interrupted", f"interrupted by {signal.Signals(signum).name}")
        with suppress(Exception):
            reports.write_html(run.folder)
        if not quiet:
            print(
                f"{run.folder}: interrupted; go on with: python -m experiments resume '{run.folder}'", file=sys.stderr
            )
        raise Interrupted(signum) from None
    except BaseException as error:  # SystemExit too: one job must not end a sweep
        log.info("The run failed.", exc_info=True)  # below the console's level: the traceback is for the log
        cause = f"{type(error).__name__}: {str(error).strip()}"
        if not quiet:
            print(f"{run.folder}: failed, {cause}; the traceback is in runner.log", file=sys.stderr)
        with suppress(Exception):  # the cause may well keep these from being written too
            run.finish("failed", cause)
            reports.write_html(run.folder)
        return "failed"
    finally:
        trackers.finish(run.record)


def _experiment(config: ExperimentConfig, run: runs.Run, trackers: tracking.Tracking, quiet: bool) -> str:
    dataset = load(config.dataset)
    run.describe_data(dataset)

    out = console.silent() if quiet else console.console()
    devices = session.start(config.seed)
    model = models.build_model(config.model, dataset)
    model.compile(
        build_optimizer(config.optimizer),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # the engine compiles for itself
    )
    run.update(model=models.describe(model), environment=provenance.environment(devices))
    console.header(config, dataset, run.record["model"], devices, run.folder, out=out)

    history, status, error = History(), "completed", None
    steps = -(-len(dataset.train) // config.trainer.batch_size)
    with console.TrainingProgress(config.trainer.epochs, steps, out=out) as progress, StopRequest() as stop:

        def on_epoch(epoch: Epoch) -> None:
            progress.epoch(epoch)
            run.progress(history)
            trackers.epochs(history)

        try:
            train(
                model,
                dataset,
                epochs=config.trainer.epochs,
                batch_size=config.trainer.batch_size,
                seed=config.seed,
                jit_compile=config.trainer.jit_compile,
                deterministic=config.trainer.deterministic,
                callbacks=build_callbacks(config.trainer, config.optimizer.learning_rate),
                checkpoints=Checkpoints(run.folder / "checkpoints"),
                checkpoint_every=config.trainer.checkpoint_every,
                checkpoint_minutes=config.trainer.checkpoint_minutes,
                stop=stop,
                history=history,
                on_step=progress.step,
                on_epoch=on_epoch,
            )
        except Diverged as diverged:
            status, error = "diverged", str(diverged)
        finally:
            run.progress(history, at_once=True)
            trackers.epochs(history)
    run.update(throughput=provenance.throughput(history, len(dataset.train)))

    evaluation, report = None, None
    if status == "completed":
        with atomic(run.folder / "model.keras") as path:
            model.save(path)
        splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
        evaluations = {name: evaluate(model, split) for name, split in splits.items()}
        evaluation = evaluations["test"]
        run.update(metrics={name: {"loss": each.loss, "accuracy": each.accuracy} for name, each in evaluations.items()})
        report = reports.write_evaluation(run.folder, evaluation, dataset.class_names)
    reports.write_plots(run.folder, plots.of_run(history, evaluation, dataset))
    run.finish(status, error)
    reports.write_html(run.folder)
    console.footer(run.folder, run.record, report, out=out)
    return status


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """SIGTERM as an exception, as SIGINT is one, where training does not wait for either."""
    if threading.current_thread() is not threading.main_thread():  # Python allows no handlers there
        yield
        return

    def interrupt(signum: int, frame: Any) -> None:
        raise Interrupted(signum)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

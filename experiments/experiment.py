"""One run: config → Dataset → model → training → evaluation → report."""

import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from experiments import (
    console,
    datasets,
    models,
    provenance,
    reports,
    reproduction,
    runs,
    session,
    tracking,
)
from experiments.callbacks import build_callbacks, ending
from experiments.checkpoints import Checkpoints
from experiments.config import DatasetConfig, ExperimentConfig
from experiments.datasets import Dataset, shared
from experiments.errors import ReportsMissing, UserError
from experiments.evaluation import evaluate
from experiments.files import atomic, remove_temporary
from experiments.history import Epoch, History
from experiments.optimizers import build_optimizer
from experiments.received import refuse_read_only
from experiments.reports import drawn, freshness
from experiments.signals import Interrupted, stop
from experiments.training import Diverged, train

log = logging.getLogger(__name__)


@lru_cache(maxsize=1)
def load(config: DatasetConfig, shared_in: Path | None = None) -> Dataset:
    """Jobs of a serial sweep share a process: they share the arrays too, as long as they ask for the same.

    Processes share them by files in a folder.
    """
    return datasets.load(config) if shared_in is None else shared.load(config, shared_in)


@dataclass(frozen=True)
class Surroundings:
    """What a sweep changes about the run of one of its jobs.

    `quiet`: nothing is printed; a sweep's jobs are followed by their files. `later`: takes the writing of plots and
    page off this thread. `callbacks`: makes further Keras callbacks; one that ends a run for good has its epoch in
    `pruned`. `data`: a folder by which processes share what they have loaded.
    """

    quiet: bool = False
    later: Callable[[Callable[[], None]], None] | None = None
    callbacks: Callable[[], Sequence[Any]] = tuple
    data: Path | None = None


ALONE = Surroundings()


def run_experiment(config: ExperimentConfig, folder: Path, command: str, around: Surroundings = ALONE) -> str:
    """Run what `config` says in `folder`, whatever happens, and return the status that run.json then has.

    The folder is held (`runs.locked`) by who calls this: nothing may be written into it before.

    Raises:
        ReportsMissing: the run has ended, but some of its reports could not be written.
        UserError: a mistake in the data or the call; run.json, where there is one, says `failed` then.
        Interrupted: by a signal; the state is committed and run.json says `interrupted`.
    """
    return _recorded(runs.Run.start(folder, config, command), config, around)


def resume_experiment(folder: Path, around: Surroundings = ALONE) -> str:
    """Carry a run on from its last checkpoint to the end it would have had, and return its status.

    A run that has ended is left as it is, but that reports which are missing or do not show it as it is are made anew.

    Raises:
        ReportsMissing: as above.
        UserError: no run, its config was changed, its tracker is not installed, or another process is at it.
        Interrupted: as above.
    """
    record = runs.received(folder)
    refuse_read_only(folder)
    if record["status"] == "diverged":
        raise UserError(
            f"{folder}: the run diverged ({record['error']}) and would again, expected a run that can go on."
            f" Run it with another setting: `python -m experiments rerun {folder} optimizer.learning_rate=…`."
        )
    config = runs.unchanged_config(folder, record)
    tracking.require([config])
    with runs.locked(folder), runs.logged(folder):
        remove_temporary(folder)
        if record["status"] == "completed":
            _tidy(folder, config)
            is_fresh = freshness.is_fresh(folder)
            if not around.quiet:
                print(f"{folder}: finished already, {'nothing to do' if is_fresh else 'its report is written'}")
            with stop.ending_with(lambda signum: _tell_interrupted(folder, "completed", signum, around)):
                drawn.draw(folder, config.reference, lambda: _same_data(config.dataset, record))
            return "completed"
        return _recorded(runs.Run.again(folder, record), config, around)


def _same_data(config: DatasetConfig, record: dict[str, Any]) -> Dataset:
    dataset = load(config)
    runs.check_data(dataset, record)
    return dataset


def _tidy(folder: Path, config: ExperimentConfig) -> None:
    """Remove the checkpoints that a completed run needs no more: `resume` only draws its reports."""
    with suppress(OSError):
        Checkpoints(folder / "checkpoints").keep(1 if config.trainer.keep_checkpoints else 0)


def _recorded(run: runs.Run, config: ExperimentConfig, around: Surroundings) -> str:
    """The experiment, with its end written into run.json and told to the trackers, whichever it is."""
    trackers = tracking.Tracking()

    def cut_short(signum: int) -> None:
        run.cut_short(signum)
        _tell_interrupted(run.folder, run.record["status"], signum, around)

    with stop.ending_with(cut_short):
        try:
            run.save()
            trackers.start(config, run.folder)
            return _experiment(config, run, trackers, around)
        except ReportsMissing:  # the run has ended, and says how
            raise
        except UserError as error:
            run.finish("failed", str(error))
            raise
        except (Interrupted, KeyboardInterrupt) as error:
            signum = getattr(error, "signum", signal.SIGINT)
            run.interrupted(signum)
            if run.record["status"] == "interrupted":
                with suppress(Exception):
                    reports.write_html(run.folder)
            _tell_interrupted(run.folder, run.record["status"], signum, around)
            raise Interrupted(signum) from None
        except BaseException as error:  # SystemExit too: one job must not end a sweep
            log.info("The run failed.", exc_info=True)  # below the console's level: the traceback is for the log
            cause = f"{type(error).__name__}: {str(error).strip()}"
            if not around.quiet:
                print(f"{run.folder}: failed, {cause}; the traceback is in runner.log", file=sys.stderr)
            with suppress(Exception):  # the cause may well keep these from being written too
                run.finish("failed", cause)
                reports.write_html(run.folder)
            return "failed"
        finally:
            trackers.finish(run.record)


def _tell_interrupted(folder: Path, status: str, signum: int, around: Surroundings) -> None:
    """How to go on; a signal that came after the end of the training does not undo it."""
    if around.quiet:
        return
    if status == "interrupted":
        text = "interrupted; go on with"
    else:
        text = f"{status}, then {Interrupted(signum)} before all reports were written; write them with"
    print(f"{folder}: {text}: python -m experiments resume '{folder}'", file=sys.stderr)


def _experiment(config: ExperimentConfig, run: runs.Run, trackers: tracking.Tracking, around: Surroundings) -> str:
    dataset = load(config.dataset, around.data)
    stop.check()
    run.describe_data(dataset)

    out = console.silent() if around.quiet else console.console()
    devices = session.start(config.seed, around.quiet)
    stop.check()  # the import of TensorFlow takes seconds
    model = models.build_model(config.model, dataset)
    model.compile(
        build_optimizer(config.optimizer),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,  # the engine compiles for itself
    )
    run.update(model=models.describe(model), environment=provenance.environment(devices))
    console.header(config, dataset, run.record["model"], devices, run.folder, out=out)

    stop.check()
    callbacks = [*build_callbacks(config.trainer, config.optimizer.learning_rate), *around.callbacks()]
    history, status, error = History(), "completed", None
    steps = -(-len(dataset.train) // config.trainer.batch_size)
    with console.TrainingProgress(config.trainer.epochs, steps, out=out) as progress:

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
                callbacks=callbacks,
                checkpoints=Checkpoints(run.folder / "checkpoints", run.record["config_fingerprint"]),
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
    stop.check()
    pruned = next((each.pruned for each in callbacks if getattr(each, "pruned", None)), None)
    run.update(throughput=provenance.throughput(history, len(dataset.train)), pruned=pruned)

    evaluation, report = None, None
    if status == "completed":
        run.update(**ending(callbacks, len(history.epochs), config.trainer.epochs))
        with atomic(run.folder / "model.keras") as path:
            model.save(path)
        stop.check()
        evaluation = evaluate(model, dataset.test)
        evaluations = {
            "train": evaluate(model, dataset.train),
            "validation": evaluation if dataset.validation_is_test else evaluate(model, dataset.validation),
            "test": evaluation,
        }
        run.update(metrics={name: {"loss": each.loss, "accuracy": each.accuracy} for name, each in evaluations.items()})
        report = reports.write_evaluation(run.folder, evaluation, dataset.class_names)

    stop.check()
    run.finish(status, error)
    if status == "completed":
        _tidy(run.folder, config)

    # Who follows the run gets the files when it ends.
    missing = _draw(run.folder, config, dataset, None if trackers.are_told else around.later)
    console.footer(run.folder, run.record, report, reproduction.of_run(run.folder), out=out)
    if missing:
        raise missing
    return status


def _draw(
    folder: Path, config: ExperimentConfig, dataset: Dataset, later: Callable[[Callable[[], None]], None] | None
) -> ReportsMissing | None:
    """Draw the reports now or `later`; what is missing is returned, to be told after the results."""

    def draw() -> None:
        drawn.draw(folder, config.reference, lambda: dataset)

    try:
        if later is None:
            draw()
        else:
            later(draw)
    except ReportsMissing as missing:
        return missing
    return None

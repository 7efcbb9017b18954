"""One run: config → Dataset → model → training → evaluation → report."""

import logging
import resource
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from experiments import console, datasets, models, plots, reports, runs, session
from experiments.config import ExperimentConfig
from experiments.errors import UserError
from experiments.evaluation import evaluate
from experiments.files import atomic
from experiments.history import Epoch, History
from experiments.optimizers import build_optimizer
from experiments.training import Diverged, train

log = logging.getLogger(__name__)

# Jobs of a serial sweep share a process: they share the arrays too, as long as they ask for the same.
load = lru_cache(maxsize=1)(datasets.load)


def run_experiment(config: ExperimentConfig, folder: Path, command: str) -> str:
    """Run what `config` says in `folder`, whatever happens, and return the status that run.json then has.

    Raises:
        UserError: a mistake in the data or the call; run.json, where there is one, says `failed` then.
        KeyboardInterrupt: the run was interrupted; run.json says so.
    """
    with runs.locked(folder):
        run = runs.Run(folder, config, command)
        try:
            return _experiment(config, run)
        except UserError as error:
            run.finish("failed", str(error))
            raise
        except KeyboardInterrupt:
            run.finish("interrupted", "SIGINT")
            raise
        except BaseException as error:  # SystemExit too: one job must not end a sweep
            log.exception("The run failed.")
            run.finish("failed", f"{type(error).__name__}: {error}")
            with suppress(Exception):  # the cause may well keep the page from being written too
                reports.write_html(folder)
            print(f"{folder}: failed, {run.record['error']}; the traceback is in runner.log", file=sys.stderr)
            return "failed"


def _experiment(config: ExperimentConfig, run: runs.Run) -> str:
    dataset = load(config.dataset)
    run.update(dataset=runs.describe(dataset))

    devices = session.start(config.seed)
    model = models.build_model(config.model, dataset)
    model.compile(build_optimizer(config.optimizer), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    run.update(model=models.describe(model), environment=runs.environment(devices))
    console.header(config, dataset, run.record["model"], devices, run.folder)

    history, status, error = History(), "completed", None

    def on_epoch(epoch: Epoch) -> None:
        progress.epoch(epoch)
        runs.write_history(run.folder, history)

    steps = -(-len(dataset.train) // config.trainer.batch_size)
    with console.TrainingProgress(config.trainer.epochs, steps) as progress:
        try:
            train(
                model,
                dataset,
                epochs=config.trainer.epochs,
                batch_size=config.trainer.batch_size,
                history=history,
                on_step=progress.step,
                on_epoch=on_epoch,
            )
        except Diverged as diverged:
            status, error = "diverged", str(diverged)
    run.update(epochs_completed=len(history.epochs), throughput=_throughput(history, len(dataset.train)))
    with atomic(run.folder / "model.keras") as path:
        model.save(path)

    evaluation, report = None, None
    if status == "completed":
        splits = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
        evaluations = {name: evaluate(model, split) for name, split in splits.items()}
        evaluation = evaluations["test"]
        run.update(metrics={name: {"loss": each.loss, "accuracy": each.accuracy} for name, each in evaluations.items()})
        report = reports.write_evaluation(run.folder, evaluation, dataset.class_names)
    reports.write_plots(run.folder, plots.of_run(history, evaluation, dataset))
    run.finish(status, error)
    reports.write_html(run.folder)
    console.footer(run.folder, run.record, report)
    return status


def _throughput(history: History, rows: int) -> dict[str, float] | None:
    seconds = sorted(history.column("seconds"))
    if not seconds:
        return None
    median = seconds[len(seconds) // 2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; bytes on macOS
    return {
        "rows_per_second": round(rows / median, 1),
        "seconds_per_epoch": round(median, 4),
        "peak_memory_mb": round(peak / (1024**2 if sys.platform == "darwin" else 1024), 1),
    }

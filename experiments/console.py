"""What a person sees while and after something runs. All text from outside is shown as text."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from experiments.config import ExperimentConfig
from experiments.datasets import Dataset, Status
from experiments.history import Epoch
from experiments.text import plain

REDRAW_SECONDS = 0.2


def console() -> Console:
    """Standard output as it is now; paths are not wrapped, brackets and colons mean nothing."""
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False, soft_wrap=True)


def header(
    config: ExperimentConfig, dataset: Dataset, model: Mapping[str, Any], devices: Sequence[str], folder: Path
) -> None:
    """What will run on what."""
    sizes = dataset.sizes
    validation = "the test split" if dataset.validation_is_test else f"{sizes['validation']:,}"
    widths = "-".join(
        str(layer["output_shape"][-1]) for layer in model["layers"] if layer["type"] in ("Flatten", "Dense")
    )
    shape = "x".join(map(str, dataset.shape))
    lines = {
        "data": f"{dataset.name}, {shape}: {sizes['train']:,} train, {validation} validation, {sizes['test']:,} test",
        "network": f"{widths} {config.model.activation}, {model['parameters']:,} parameters",
        "training": f"{config.optimizer.kind}, learning rate {config.optimizer.learning_rate:g},"
        f" {config.trainer.epochs} epochs, batch size {config.trainer.batch_size}, seed {config.seed}",
        "device": ", ".join(devices),
        "folder": str(folder),
    }
    out = console()
    out.print(plain(config.name), style="bold")
    for name, text in lines.items():
        out.print(f"  {name:<9}{plain(text)}")


def metric(value: float) -> str:
    """Four digits after the point, or as a power of ten where that would be a long number."""
    return f"{value:.4f}" if abs(value) < 1e5 else f"{value:.3e}"


class TrainingProgress:
    """On a terminal a bar with ETA and the running metrics; elsewhere one plain line an epoch."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs = epochs
        self.steps = steps
        self.done = 0  # finished epochs
        self._drawn = 0.0
        out = console()
        self._bar = (
            Progress(
                TextColumn("epoch {task.fields[epoch]}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[metrics]}"),
                console=out,
                auto_refresh=False,
            )
            if out.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("", total=self.epochs * self.steps, epoch=f"1/{self.epochs}", metrics="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.refresh()
            self._bar.stop()

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        """`step` steps of the running epoch are done."""
        if self._bar and time.monotonic() - self._drawn > REDRAW_SECONDS:
            self._drawn = time.monotonic()
            self._show(self.done * self.steps + step, f"loss {metric(logs['loss'])}  accuracy {logs['accuracy']:.4f}")

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""
        self.done = epoch.epoch
        metrics = "  ".join(
            f"{name} {metric(getattr(epoch, name))}" for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        )
        if self._bar:
            self._show(self.done * self.steps, metrics)
        else:
            console().print(f"epoch {epoch.epoch}/{self.epochs}  {metrics}  {epoch.seconds:.2f} s")

    def _show(self, steps: int, metrics: str) -> None:
        assert self._bar is not None
        number = min(self.done + 1, self.epochs)
        self._bar.update(self._task, completed=steps, epoch=f"{number}/{self.epochs}", metrics=metrics)
        self._bar.refresh()


def footer(folder: Path, record: Mapping[str, Any], report: str | None) -> None:
    """What came out and where it lies."""
    out = console()
    if report:
        out.print()
        out.print(report)
    if record["error"]:
        out.print(f"{record['status']}: {plain(record['error'])}", style="bold red")
    if "test" in record["metrics"]:
        test = record["metrics"]["test"]
        out.print(f"test accuracy {test['accuracy']:.4f}, loss {test['loss']:.4f}", style="bold")
    out.print(f"{record['duration_seconds']:.1f} s; written to {plain(folder)}")
    out.print(f"report: {plain(folder / 'report.html')}")


def run_table(records: Sequence[tuple[Path, Mapping[str, Any]]]) -> None:
    """One line a run."""
    table = Table("folder", "status", "data", "test accuracy", "epochs", "seconds", box=None, pad_edge=False)
    for folder, record in records:
        accuracy = record.get("metrics", {}).get("test", {}).get("accuracy")
        table.add_row(
            plain(folder),
            plain(record["status"]),
            plain((record.get("dataset") or {}).get("name", "")),
            "" if accuracy is None else f"{accuracy:.4f}",
            plain(record.get("epochs_completed", "")),
            "" if record.get("duration_seconds") is None else f"{record['duration_seconds']:.1f}",
        )
    console().print(table)


def run_summary(folder: Path, record: Mapping[str, Any]) -> None:
    """What a run was and what came out."""
    out = console()
    out.print(f"{plain(record['name'])}: {plain(record['status'])}", style="bold")
    if record.get("error"):
        out.print(f"  {plain(record['error'])}")
    rows = {
        "command": record["command"],
        "started": record["started_at"],
        "seconds": record["duration_seconds"],
        "epochs": record["epochs_completed"],
        "data": (record["dataset"] or {}).get("source"),
        "parameters": (record["model"] or {}).get("parameters"),
        "folder": folder,
    }
    for split, metrics in record["metrics"].items():
        rows[split] = f"accuracy {metrics['accuracy']:.4f}, loss {metrics['loss']:.4f}"
    for name, value in rows.items():
        out.print(f"  {name:<11}{plain(value)}")


def data_table(states: Sequence[Status]) -> None:
    """One line a data set."""
    table = Table("data set", "", "where", box=None, pad_edge=False)
    for state in states:
        where = state.path or f"not here; a download moves {state.megabytes:.0f} MB from {state.host}"
        table.add_row(state.name, state.title, plain(where))
    console().print(table)

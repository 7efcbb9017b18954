"""What a person sees while and after something runs. All text from outside is shown as text."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from experiments import runs
from experiments.config import ExperimentConfig
from experiments.datasets import Dataset, Status
from experiments.diagnosis import Finding
from experiments.history import Epoch
from experiments.progress import fitting, style
from experiments.text import plain

if TYPE_CHECKING:
    from experiments.prediction import Answer
    from experiments.reproduction import Reproduction
    from experiments.rescoring import Rescored

REDRAW_SECONDS = 0.2
WIDE = 110  # columns from which a bar has all metrics beside it
UNLIMITED = 100_000  # columns: no line of a table is folded by us, so that paths can be copied and searched for


def console(width: int | None = None) -> Console:
    """Standard output as it is now; paths are not wrapped, brackets and colons mean nothing.

    Where it is no terminal nothing moves, whatever FORCE_COLOR and the like say.
    """
    return Console(
        file=sys.stdout,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
        width=width,
        force_interactive=None if sys.stdout.isatty() else False,
    )


def silent() -> Console:
    """Shows nothing."""
    return Console(quiet=True, force_interactive=False)


def header(
    config: ExperimentConfig,
    dataset: Dataset,
    model: Mapping[str, Any],
    devices: Sequence[str],
    folder: Path,
    *,
    out: Console | None = None,
) -> None:
    """What will run on what; `model` is what `models.describe` says."""
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
    if dataset.note:
        lines["note"] = f"the data is {dataset.note}"
    out = out or console()
    out.print(plain(config.name), style="bold")
    for name, text in lines.items():
        out.print(f"  {name:<9}{plain(text)}")


def metric(value: float | None) -> str:
    """Four digits after the point, or as a power of ten where that would be long; None, JSON's NaN, is `nan`."""
    if value is None:
        return "nan"
    return f"{value:.4f}" if abs(value) < 1e5 else f"{value:.3e}"


class TrainingProgress:
    """On a terminal a bar with ETA and the running metrics, and a last line; elsewhere one plain line an epoch.

    `progress.style` says whether each epoch's line stays on a terminal too.
    """

    def __init__(self, epochs: int, steps: int, *, out: Console | None = None) -> None:
        self.epochs = epochs
        self.steps = steps  # of an epoch
        self._out = out or console()
        self._last: Epoch | None = None
        self._drawn = 0.0
        self._bar: Progress | None = None
        self._style = style()
        self._bar_columns = 20 if self._out.width >= WIDE else 10
        if self._out.is_interactive and self._style != "none":
            columns = ("epoch {task.fields[epoch]}", "{task.percentage:>3.0f}%", "ETA", "{task.fields[metrics]}")
            epoch, percentage, eta, metrics = (TextColumn(text, markup=False) for text in columns)
            self._bar = Progress(
                epoch,
                BarColumn(self._bar_columns),
                percentage,
                eta,
                TimeRemainingColumn(),
                metrics,
                console=self._out,
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bar.add_task("", total=epochs * steps, epoch=f"1/{epochs}", metrics="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()
            if self._last and self._style != "lines":
                self._out.print(self._line(self._last))

    def step(self, step: int, logs: Mapping[str, float]) -> None:
        """`step` steps of the running epoch are done, with a mean `loss` and `accuracy` so far."""
        if self._bar and time.monotonic() - self._drawn > REDRAW_SECONDS:
            done = self._last.epoch if self._last else 0
            self._draw(done * self.steps + step, done + 1, logs["loss"], logs["accuracy"])

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done; the first one of a resumed run may be any."""
        resumed = self._last is None and epoch.epoch > 1
        self._last = epoch
        if self._style != "none" and (self._style == "lines" or not self._bar):
            self._out.print(self._line(epoch))
        if not self._bar:
            return
        if resumed:
            self._bar.reset(self._task)  # the epochs of before were not as quick as they now seem
        if resumed or time.monotonic() - self._drawn > REDRAW_SECONDS:
            self._draw(epoch.epoch * self.steps, min(epoch.epoch + 1, self.epochs), epoch.loss, epoch.accuracy)

    def _draw(self, steps: int, number: int, loss: float, accuracy: float) -> None:
        assert self._bar is not None
        self._drawn = time.monotonic()
        metrics = {"loss": metric(loss), "accuracy": metric(accuracy)}
        if self._last:
            metrics |= {"val_loss": metric(self._last.val_loss), "val_accuracy": metric(self._last.val_accuracy)}
        epoch = f"{number}/{self.epochs}"
        rest = self._out.width - len(f"epoch {epoch}  100% ETA 0:00:00 ") - self._bar_columns
        self._bar.update(self._task, completed=steps, epoch=epoch, metrics=fitting(metrics, rest))
        self._bar.refresh()

    def _line(self, epoch: Epoch) -> str:
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        metrics = "  ".join(f"{name} {metric(getattr(epoch, name))}" for name in names)
        return f"epoch {epoch.epoch}/{self.epochs}  {metrics}  {epoch.seconds:.2f} s"


def footer(
    folder: Path,
    record: Mapping[str, Any],
    report: str | None,
    reproduced: "Reproduction | None" = None,
    *,
    out: Console | None = None,
) -> None:
    """What came out and where it lies; `report` is the text of the classification report."""
    out = out or console()
    if report:
        out.print()
        out.print(report)
    if record["error"]:
        out.print(f"{record['status']}: {plain(record['error'])}", style="bold red")
    if "test" in record["metrics"]:
        test = record["metrics"]["test"]
        out.print(f"test accuracy {metric(test['accuracy'])}, loss {metric(test['loss'])}", style="bold")
    if reproduced is not None:
        out.print(plain(reproduced.verdict))
    out.print(f"{record['duration_seconds']:.1f} s; written to {plain(folder)}")
    out.print(f"report: {plain(folder / 'report.html')}")


def run_summary(folder: Path, record: Mapping[str, Any], *, out: Console | None = None) -> None:
    """What a run was and what came out."""
    out = out or console()
    out.print(f"{plain(record['name'])}: {plain(runs.outcome(record))}", style="bold")
    if record.get("error"):
        out.print(f"  {plain(record['error'])}")
    rows = {
        "command": record["command"],
        "started": record["started_at"],
        "seconds": record["duration_seconds"],
        "epochs": record["epochs_completed"],
        "kept": f"the weights of epoch {record['kept_epoch']}" if record.get("kept_epoch") else None,
        "data": (record["dataset"] or {}).get("source"),
        "parameters": (record["model"] or {}).get("parameters"),
        "folder": folder,
        "tags": ", ".join(record.get("tags") or []),
        "notes": record.get("notes"),
    }
    for split, metrics in record["metrics"].items():
        rows[split] = f"accuracy {metric(metrics['accuracy'])}, loss {metric(metrics['loss'])}"
    for name, value in rows.items():
        if value or name not in ("kept", "tags", "notes"):
            out.print(f"  {name:<11}{plain(value)}")


def findings(found: Sequence[Finding], *, out: Console | None = None) -> None:
    """What the curves and results mean."""
    for finding in found:
        (out or console()).print(f"  {finding.severity:<9}{plain(finding.sentence)} {plain(finding.advice)}".rstrip())


def data_table(states: Sequence[Status], *, out: Console | None = None) -> None:
    """One line a data set."""
    table = Table("data set", "", "where", box=None, pad_edge=False)
    for state in states:
        where = state.path or f"not here; a download moves {state.megabytes:.0f} MB from {state.host}"
        table.add_row(state.name, state.title, plain(where))
    (out or console(UNLIMITED)).print(table)


def reproduction_tables(found: "Reproduction", *, out: Console | None = None) -> None:
    """A run beside what was published: each figure, what is otherwise, and the verdict."""
    out = out or console(UNLIMITED)
    table = Table("", "published", "this run", "difference", "tolerance", "", box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for check in found.checks:
        table.add_row(
            plain(check.what),
            f"{check.published:.4f}",
            "–" if check.ours is None else f"{check.ours:.4f}",
            "–" if check.difference is None else f"{check.difference:+.4f}",
            f"± {check.tolerance:g}",
            check.status,
        )
    out.print(table)
    out.print()
    out.print(f"Published in: {plain(found.reference.source)}")
    for key, ours, published in found.deviations:
        out.print(f"Otherwise here: {plain(key)} is {plain(str(ours))}, published {plain(str(published))}")
    for text in found.reference.differences:
        out.print(f"Otherwise: {plain(text)}")
    out.print(f"Tolerances: {plain(found.reference.tolerance.reason)}")
    out.print()
    out.print(plain(found.verdict), style="bold")


def rescored(result: "Rescored", *, out: Console | None = None) -> None:
    """What a saved model is worth on one split, and whether run.json says the same."""
    out = out or console()
    low, high = result.interval
    out.print(result.report)
    out.print(
        f"{plain(result.dataset.name)}, {result.split}, {result.rows:,} rows; from {plain(result.dataset.source)}"
        + (f" ({result.dataset.note})" if result.dataset.note else "")
    )
    interval = f"95 % interval {low:.4f} to {high:.4f}, Wilson"
    out.print(f"accuracy {metric(result.accuracy)} ({interval}), loss {metric(result.loss)}", style="bold")
    if result.recorded is None:
        out.print("run.json has no result of this split of this data")
    elif result.equals_recorded:
        out.print("equal to what run.json says")
    else:
        then = result.recorded
        out.print(
            f"not what run.json says: accuracy {then.get('accuracy')!r}, loss {then.get('loss')!r}", style="bold red"
        )


def answers(given: Sequence["Answer"], top: int, *, out: Console | None = None) -> None:
    """One line a row: the class, and those that come next."""
    table = Table("file", "row", "class", "probability", "next best" if top > 1 else "", box=None, pad_edge=False)
    for answer in given:
        (name, probability), *others = answer.ranking[:top]
        others_shown = ", ".join(f"{plain(other)} {value:.4f}" for other, value in others)
        table.add_row(plain(answer.file), str(answer.row), plain(name), f"{probability:.4f}", others_shown)
    (out or console(UNLIMITED)).print(table)

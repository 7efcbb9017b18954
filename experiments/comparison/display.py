"""A comparison on the console."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments import console
from experiments.comparison import Comparison, Differences, sentences
from experiments.comparison.folders import ComparedRun
from experiments.comparison.seeds import SeedGroup
from experiments.reports import wording
from experiments.runs import outcome
from experiments.text import plain


def show(comparison: Comparison, *, out: Console | None = None) -> None:
    """Which runs, what differs, the metrics side by side, and what the tests say."""
    out = out or console.console(console.UNLIMITED)
    runs = comparison.runs
    out.print(_table(("run", "name", "status", "folder"), [_legend(run) for run in runs]))
    labels = [run.label for run in runs]
    for title, part in (
        ("config", comparison.config),
        ("data", comparison.data),
        ("environment", comparison.environment),
    ):
        _differences(title, part, labels, out)
    out.print("\nmetrics", style="bold")
    out.print(_table(("", *labels), _lines(comparison.metrics, sentences.metric_text)))
    if comparison.groups:
        out.print("\nruns that differ in their seed only", style="bold")
        headings = ("group", "setting", "runs", "seeds", "mean test accuracy", "deviation", "95 % interval")
        out.print(_table(headings, [_group(group) for group in comparison.groups]))
    out.print("\nverdict", style="bold")
    for text in sentences.verdicts(comparison):
        out.print(plain(text))
    for text in sentences.notes(comparison):
        out.print(f"\n{plain(text)}")


def _differences(title: str, part: Differences, labels: Sequence[str], out: Console) -> None:
    out.print(f"\n{title}: {'differences' if part.rows else 'no difference'}", style="bold")
    if part.rows:
        out.print(_table(("", *labels), _lines(part.rows, lambda _, value: sentences.value_text(value))))
    if part.unrecorded:
        out.print(f"not recorded: {', '.join(part.unrecorded)}")


def _lines(rows: Mapping[str, Sequence[Any]], text: Callable[[str, Any], str]) -> list[list[str]]:
    return [[name, *(text(name, value) for value in values)] for name, values in rows.items()]


def _legend(run: ComparedRun) -> list[str]:
    return [run.label, str(run.record.get("name")), outcome(run.record), str(run.folder)]


def _group(group: SeedGroup) -> list[str]:
    return [
        str(group.number),
        sentences.setting(group),
        ", ".join(group.labels),
        ", ".join(map(str, group.seeds)),
        wording.percent(group.mean),
        wording.percent(group.deviation),
        sentences.accuracy_text(group.interval),
    ]


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    table = Table(*headings, box=None, pad_edge=False)
    for line in lines:
        table.add_row(*map(plain, line))
    return table

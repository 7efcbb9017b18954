"""Run records → the rows of `python -m experiments list`: chosen, sorted, with the columns that are asked for."""

import csv as csv_module
import io
import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments import runs, text
from experiments.config.mistakes import nearest
from experiments.dotted import value_at
from experiments.errors import UserError

Found = tuple[Path, dict[str, Any]]

# Short names of what is asked for most. Any other dotted key of run.json goes too, one of its config without `config.`.
SHORT = {
    "dataset": "dataset.name",
    "data": "dataset.name",
    "model": "config.model.kind",
    "optimizer": "config.optimizer.kind",
    "accuracy": "metrics.test.accuracy",
    "loss": "metrics.test.loss",
    "val_accuracy": "metrics.validation.accuracy",
    "val_loss": "metrics.validation.loss",
    "epochs": "epochs_completed",
    "seconds": "duration_seconds",
    "parameters": "model.parameters",
}
COLUMNS = ["folder", "name", "status", "dataset", "optimizer.learning_rate", "accuracy", "epochs", "seconds"]
FORM = "KEY=VALUE, !=, >, >=, <, <= or ~ (contains), such as 'dataset=mnist accuracy>0.9'"
KEY, SIGN = r"[A-Za-z_][\w.]*", r"!=|>=|<=|==|=|>|<|~"
CONDITION = re.compile(rf"({KEY})({SIGN})(.*)", re.DOTALL)


class SweepRow(dict[str, Any]):
    """In place of a run's record, the cells of a sweep's row by their keys (see `folding`)."""


@dataclass(frozen=True)
class Condition:
    """One condition on a run; `text` is as it was given."""

    text: str
    key: str
    sign: str
    value: str

    def holds(self, found: Found) -> bool:
        """Whether a run meets it; a run that lacks the key meets `!=` only."""
        ours = value_of(found, self.key)
        if isinstance(ours, list):
            if self.sign == "~":
                return any(self.value.lower() in str(each).lower() for each in ours)
            has = self.value in map(str, ours) or as_text(ours) == self.value.replace(" ", "")
            return not has if self.sign == "!=" else has and self.sign == "="
        if ours is None:
            return self.sign == "!=" or (self.sign == "=" and self.value == "null")
        if self.sign == "~":
            return self.value.lower() in as_text(ours).lower()
        return _SIGNS[self.sign](*_comparable(ours, self.value))


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def _comparable(ours: Any, given: str) -> tuple[Any, Any]:
    """Both as numbers where both are, else both as text."""
    if isinstance(ours, int | float) and not isinstance(ours, bool):
        try:
            return float(ours), float(given)
        except ValueError:
            pass
    return as_text(ours), given


def conditions(given: Sequence[str]) -> list[Condition]:
    """`dataset=mnist accuracy > 0.9`: separated by spaces; a value with spaces stands in quotes.

    Raises:
        UserError: one is not of this form.
    """
    found = []
    for each in given:
        try:
            parts = _joined(shlex.split(each))
        except ValueError:
            raise UserError(f"--where: received {each!r}, whose quotes do not close, expected {FORM}") from None
        for part in parts:
            match = CONDITION.fullmatch(part)
            if match is None:
                raise UserError(f"--where: received {part!r}, expected {FORM}")
            key, sign, value = match.groups()
            found.append(Condition(part, key, "=" if sign == "==" else sign, value))
    return found


def _joined(words: Sequence[str]) -> list[str]:
    """The words of one condition as one: a key, its sign and its value may stand apart."""
    joined: list[str] = []
    for word in words:
        last = joined[-1] if joined else ""
        continues = re.fullmatch(KEY, last) and re.match(SIGN, word)
        lacks_a_value = re.fullmatch(rf"({KEY})({SIGN})", last) and not CONDITION.fullmatch(word)
        if continues or lacks_a_value:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def chosen(records: Sequence[Found], where: Sequence[Condition]) -> list[Found]:
    """The runs that meet all conditions, as they come.

    Raises:
        UserError: a key that no run has.
    """
    for condition in where:
        check_key(records, condition.key)
    return [found for found in records if all(condition.holds(found) for condition in where)]


def ordered(
    records: Sequence[Found], sort: str | None = None, reverse: bool = False, limit: int | None = None
) -> list[Found]:
    """Runs as they come or sorted by a key; those without the key stand at the end.

    Accuracies are sorted from the largest, times from the latest, losses and everything else from the smallest.
    """
    if sort is None:
        return list(records[::-1] if reverse else records)[:limit]
    largest_first = sort.endswith("accuracy") or sort.endswith("_at")
    keyed = [(_sortable(value_of(found, sort)), found) for found in records]
    has = [(key, found) for key, found in keyed if key is not None]
    has.sort(key=lambda each: each[0], reverse=largest_first != reverse)
    return [*(found for _, found in has), *(found for key, found in keyed if key is None)][:limit]


def _sortable(value: Any) -> tuple[int, float, str] | None:
    """Numbers before text, each in its own order."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float):
        return 0, float(value), ""
    return 1, 0.0, as_text(value)


def check_key(records: Sequence[Found], key: str) -> None:
    """Raises:
    UserError: no run has the key; the nearest one that some run has is named.
    """
    always = (*SHORT, "folder", "jobs", "tags", "notes")
    if not records or key in always or any(value_of(found, key) is not None for found in records):
        return
    known = {name for _, record in records[:100] for name in keys(record)} | set(SHORT)
    if key in known:  # null everywhere
        return
    raise UserError(
        f"{key}: no run has this key, expected one of run.json or of the config, such as {', '.join(SHORT)}."
        f"{nearest(key, known)}"
    )


def keys(record: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Every dotted key, those of the config without `config.` too."""
    found = []
    for name, value in record.items():
        found.append(prefix + name)
        if isinstance(value, Mapping):
            found += keys(value, f"{prefix}{name}.")
            found += keys(value) if prefix + name == "config" else []
    return found


def value_of(found: Found, key: str) -> Any:
    """A run's value of a key, None where it has none."""
    folder, record = found
    if isinstance(record, SweepRow):
        return record.get(key)
    if key == "folder":
        return str(folder)
    if key == "status":
        return runs.outcome(record)
    for path in [SHORT[key]] if key in SHORT else [key, f"config.{key}", f"metrics.{key}"]:
        value = value_at(record, path)
        if value is not None:
            return value
    return None


def as_text(value: Any) -> str:
    """A value as it stands in a table: numbers short, lists as in a config."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4f}" if 0.01 <= abs(value) < 1e4 and value != round(value, 3) else f"{value:g}"
    if isinstance(value, list | tuple):
        return f"[{','.join(as_text(each) for each in value)}]"
    return str(value)


def columns(records: Sequence[Found], sort: str | None = None) -> list[str]:
    """What is shown where nothing is asked for: the key that is sorted by too."""
    wanted = [*COLUMNS, "tags"] if any(record.get("tags") for _, record in records) else list(COLUMNS)
    shown = {SHORT.get(key, key) for key in wanted}
    return wanted if sort is None or SHORT.get(sort, sort) in shown else [*wanted, sort]


def with_jobs(columns: Sequence[str]) -> list[str]:
    """The columns with the number of jobs of a sweep beside its status."""
    at = columns.index("status") + 1
    return [*columns[:at], "jobs", *columns[at:]]


def with_values(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The table without the columns that are empty in every row."""
    kept = [key for key in (rows[0] if rows else []) if any(row[key] not in (None, "", []) for row in rows)]
    return [{key: row[key] for key in kept} for row in rows]


def table(records: Sequence[Found], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """One mapping a run: column → value."""
    return [{column: value_of(found, column) for column in wanted} for found in records]


def csv(records: Sequence[Found], wanted: Sequence[str]) -> str:
    """The table as CSV; numbers in full precision."""
    lines = io.StringIO()
    writer = csv_module.writer(lines, lineterminator="\n")
    writer.writerow(wanted)
    for row in table(records, wanted):
        writer.writerow(
            [text.cell(",".join(map(str, cell)) if isinstance(cell, list) else cell) for cell in row.values()]
        )
    return lines.getvalue()


def markdown(records: Sequence[Found], wanted: Sequence[str]) -> str:
    """The table in Markdown, with everything escaped that it gives a meaning."""
    lines = [" | ".join(map(text.markdown, wanted)), " | ".join(["---"] * len(wanted))]
    lines += [" | ".join(text.markdown(as_text(cell)) for cell in row.values()) for row in table(records, wanted)]
    return "\n".join(f"| {line} |" for line in lines)

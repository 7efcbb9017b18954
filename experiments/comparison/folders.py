"""Run folders → the runs to compare, each under a letter, with which test rows it has right."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np

from experiments import runs
from experiments.dotted import value_at
from experiments.errors import UserError
from experiments.history import History
from experiments.received import refuse_links
from experiments.reports import saved


@dataclass(frozen=True)
class RowsOfTest:
    """Which rows were tested on: two are equal where they are the same rows in the same order.

    The data and the labels alone do not tell: sorted by class, different rows have the same labels.
    """

    name: str
    fingerprint: str
    chosen: tuple[tuple[str, Any], ...]  # the config's keys that chose them; none where they are as published
    rows: int
    y_true: bytes = field(repr=False)


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """A run under the letter it has in this comparison; `right`: (n,) bool, or None where it has no predictions."""

    label: str
    folder: Path
    record: dict[str, Any]
    history: History
    tested: RowsOfTest | None = None
    right: np.ndarray | None = None

    def part(self, key: str) -> dict[str, Any]:
        """A part of run.json, {} where it was not written.

        Raises:
            UserError: it is no mapping.
        """
        value = self.record.get(key) or {}
        if not isinstance(value, dict):
            raise UserError(f"{self.folder / runs.RECORD}: {key}: received {value!r:.80}, expected a mapping")
        return value

    @property
    def test_accuracy(self) -> float | None:
        return value_at(self.part("metrics"), "test.accuracy")


def read_all(folders: Sequence[Path]) -> list[ComparedRun]:
    """The runs in two or more folders; a sweep's folder stands for its completed jobs.

    Raises:
        UserError: a folder holds no run or is named twice, there are fewer than two runs, or a file is broken.
    """
    return [_read(_label(number), folder) for number, folder in enumerate(_expanded(folders))]


def _expanded(folders: Sequence[Path]) -> list[Path]:
    from experiments.sweeps.conduct import is_sweep
    from experiments.sweeps.ledger import Ledger

    expanded: list[Path] = []
    for folder in folders:
        if not is_sweep(folder):
            expanded.append(folder)
            continue
        refuse_links(folder)
        completed = [state.folder for state in Ledger(folder).states() if state.status == "completed"]
        if not completed:
            raise UserError(
                f"{folder}: this sweep has no completed job, expected one at least. Go on with it by"
                f" `python -m experiments resume {folder}`, or name its jobs' folders."
            )
        expanded += completed
    seen: set[Path] = set()
    for folder in expanded:
        if folder.resolve() in seen:
            raise UserError(f"{folder}: received twice, expected each run once. Name it once.")
        seen.add(folder.resolve())
    if len(expanded) < 2:
        raise UserError(
            f"{expanded[0]}: received one run, expected two or more to compare. `python -m experiments list` shows"
            " those there are."
        )
    return expanded


def _label(number: int) -> str:
    """A, B, …, Z, AA, AB, …, as spreadsheets name columns."""
    before, last = divmod(number, len(ascii_uppercase))
    return (_label(before - 1) if before else "") + ascii_uppercase[last]


def _read(label: str, folder: Path) -> ComparedRun:
    record = runs.received(folder)
    run = ComparedRun(label, folder, record, saved.history(folder))
    answers = saved.answers(folder)
    if answers is None:
        return run
    y_true, y_pred = answers
    data, config = run.part("dataset"), value_at(run.part("config"), "dataset", {})
    as_published = config.get("test") == "official" and config.get("limit") is None
    tested = RowsOfTest(
        name=str(data.get("name")),
        fingerprint=str(data.get("fingerprint") or f"unknown ({label})"),  # equal to no other run's
        chosen=() if as_published else tuple((key, config.get(key)) for key in ("test", "split_seed", "limit")),
        rows=len(y_true),
        y_true=y_true.tobytes(),
    )
    return replace(run, tested=tested, right=y_true == y_pred)

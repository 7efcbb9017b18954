"""Whether a run or sweep that was struck again and again ended as its twin did, which was left alone.

What matters is compared, to the bit: histories, weights, predictions, what run.json says, what the plots show, the
leaderboard, and which files there are. Seconds, times and process numbers are not.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

from experiments import locks
from experiments.reports import freshness
from experiments.sweeps.ledger import Ledger
from tests.faults import runs

OF_THE_MOMENT = {
    "command", "duration_seconds", "environment", "finished_at", "pid", "resumed_at", "started_at", "throughput",
}  # fmt: skip


def differences(folder: Path, twin: Path) -> Iterator[str]:
    """What is not as it should be of a run or a sweep that has ended, a line each."""
    if (twin / "sweep.json").exists():
        yield from _of_sweep(folder, twin)
    else:
        yield from _of_run(folder, twin)
    ours, theirs = _names(folder), _names(twin)
    yield from (f"{name}: left over" for name in sorted(ours - theirs))
    yield from (f"{name}: missing" for name in sorted(theirs - ours))
    yield from (f"{path}: still held" for path in folder.rglob(".lock") if locks.is_held(path))


def _of_run(folder: Path, twin: Path) -> Iterator[str]:
    ours, theirs = _record(folder), _record(twin)
    yield from (
        f"{folder / 'run.json'}: {key} is {ours.get(key)!r}, expected {theirs.get(key)!r}"
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    )
    if theirs.get("status") != "completed":
        return
    if runs.history(folder) != runs.history(twin):
        yield f"{folder}: another history"
    for name, read in (("model.keras", _weights), ("predictions.npz", _predictions)):
        if not _equal(read(folder / name), read(twin / name)):
            yield f"{folder / name}: other contents"
    if not freshness.is_fresh(folder):
        yield f"{folder}: reports that do not show the run as it is: {freshness.stale_plots(folder) or freshness.PAGE}"
    if _said(folder / "report.html") != _said(twin / "report.html"):
        yield f"{folder / 'report.html'}: says something else"
    for name in ("classification_report.txt", "classification_report.json"):
        if (folder / name).read_text() != (twin / name).read_text():
            yield f"{folder / name}: other contents"
    yield from _of_plots(folder, twin)


def _of_sweep(folder: Path, twin: Path) -> Iterator[str]:
    ledger, other = Ledger(folder), Ledger(twin)
    if [job.overrides for job in ledger.jobs] != [job.overrides for job in other.jobs]:
        yield f"{folder}: other jobs"
        return
    for job in ledger.jobs:
        yield from _of_run(ledger.job_folder(job.number), other.job_folder(job.number))
    if _table(folder) != _table(twin):
        yield f"{folder / 'leaderboard.csv'}: {_table(folder)}, expected {_table(twin)}"
    if _timeless(folder / "leaderboard.md") != _timeless(twin / "leaderboard.md"):
        yield f"{folder / 'leaderboard.md'}: other contents"
    if _said(folder / "sweep.html") != _said(twin / "sweep.html"):
        yield f"{folder / 'sweep.html'}: says something else"
    yield from _of_plots(folder, twin)


def _of_plots(folder: Path, twin: Path) -> Iterator[str]:
    for theirs in sorted((twin / "plots").glob("*.png")):
        ours = folder / "plots" / theirs.name
        if ours.exists():
            with Image.open(ours) as a, Image.open(theirs) as b:
                if a.size != b.size or a.convert("RGB").tobytes() != b.convert("RGB").tobytes():
                    yield f"{ours}: shows something else"


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _record(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / "run.json").read_text())
    return {key: value for key, value in record.items() if key not in OF_THE_MOMENT}


def _equal(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
    return ours.keys() == theirs.keys() and all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)


def _weights(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def _predictions(path: Path) -> dict[str, np.ndarray]:
    return dict(np.load(path))


def _said(page: Path) -> list[str]:
    """The headings of a page and its figures that are no times: of accuracy, loss and findings."""
    text = re.sub(r"<style>.*?</style>|base64,[^\"]*", "", page.read_text(), flags=re.DOTALL)
    return re.findall(r"<h[123][^>]*>.*?</h|class=\"status[^>]*>.*?<|Not finished|\d+\.\d\d %", text, flags=re.DOTALL)


def _timeless(path: Path) -> str:
    """A table's text without the times in it."""
    return re.sub(r"(\d+ h )?(\d+ min )?\d+(\.\d+)? (s|min)\b", "", path.read_text())


def _table(folder: Path) -> list[dict[str, str]]:
    with (folder / "leaderboard.csv").open() as file:
        return [{key: value for key, value in row.items() if "second" not in key} for row in csv.DictReader(file)]

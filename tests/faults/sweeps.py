"""Sweeps of tiny runs, started, watched and looked at."""

import csv
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import PROJECT
from tests.faults import runs

CONFIG = (
    "model.hidden_units=[64,32]",
    "trainer.batch_size=1",
    "trainer.epochs=40",
    "trainer.keep_checkpoints=true",  # to be compared
    "optimizer.learning_rate=0.0005",
)


def sweep(folder: Path, *overrides: str, **env: str) -> "subprocess.Popen[str]":
    return runs.child([str(PROJECT / "runner.py"), "-m", *CONFIG, *overrides, f"hydra.sweep.dir='{folder}'"], **env)


def statuses(folder: Path) -> dict[int, str]:
    """Job number → status, by leaderboard.csv, in which no job may lack or stand twice."""
    with (folder / "leaderboard.csv").open() as file:
        rows = [(int(row["job"]), row["status"]) for row in csv.DictReader(file)]
    assert len({number for number, _ in rows}) == len(rows)
    return dict(sorted(rows))


def record(folder: Path, number: int) -> dict[str, object]:
    """A job's run.json, {} before there is one."""
    path = folder / str(number) / "run.json"
    return json.loads(path.read_text()) if path.exists() else {}


def running(folder: Path, number: int, epochs: int = 1) -> bool:
    """Whether a job is past some epochs and has not ended."""
    return record(folder, number).get("status") == "running" and runs.past(folder / str(number), epochs)


def wait_for(process: "subprocess.Popen[str]", moment: Callable[[], bool]) -> None:
    """Wait for a moment in the life of a sweep."""
    deadline = time.monotonic() + 180
    while not moment():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)

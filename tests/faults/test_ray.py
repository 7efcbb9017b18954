"""Sweeps on a real Ray of this machine, whose jobs, workers or parent die (RELIABILITY 31-33)."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import PROJECT
from tests.faults import runs
from tests.faults.sweeps import record, running, statuses, sweep, wait_for

pytest.importorskip("ray")
pytestmark = pytest.mark.ray

RAY = "hydra/launcher=ray"
ONE_AT_A_TIME = (RAY, f"hydra.launcher.num_cpus={os.cpu_count()}")

# Imported by every Python at its start, Ray's workers too: training that fails for some seeds.
BROKEN = """
import sys
from experiments import training
whole = training.train
def train(model, dataset, **arguments):
    if arguments["seed"] == 1:
        raise RuntimeError("a bug in job 0")
    if arguments["seed"] == 2:
        sys.exit(7)
    return whole(model, dataset, **arguments)
training.train = train
"""


def gone(pids: set[int]) -> bool:
    """Whether processes end within some seconds."""
    deadline = time.monotonic() + 15
    while any(map(psutil.pid_exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(map(psutil.pid_exists, pids))


def family(pid: int) -> set[int]:
    """Ray's own processes and workers, all below the sweep's."""
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two seeds without Ray that was left alone."""
    folder = tmp_path_factory.mktemp("finished") / "sweep"
    status, _, err = runs.finish(sweep(folder, "seed=3,4"))
    assert status == 0, err
    return folder


def test_jobs_that_raise_exit_or_are_killed_take_no_other_with_them(tmp_path, finished):
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    folder = tmp_path / "sweep"
    process = sweep(folder, RAY, "seed=1,2,3,4", PYTHONPATH=f"{tmp_path}:{PROJECT}")
    wait_for(process, lambda: running(folder, 2, 3))
    below = family(process.pid)
    os.kill(record(folder, 2)["pid"], signal.SIGKILL)
    status, out, err = runs.finish(process)
    assert status == 1, err
    assert statuses(folder) == {0: "failed", 1: "failed", 2: "failed", 3: "completed"}
    assert "job 0 (seed=1): failed, RuntimeError: a bug in job 0" in err
    assert "job 1 (seed=2): failed, SystemExit: 7" in err
    assert "job 2 (seed=3): failed, its process was killed" in err
    assert "raylet" not in out + err
    assert "Traceback" not in out + err
    runs.assert_exact(folder / "3", finished / "1")
    assert gone(below)


def test_a_sweep_interrupted_then_killed_goes_on(tmp_path, finished):
    folder = tmp_path / "sweep"
    process = sweep(folder, *ONE_AT_A_TIME, "seed=3,4")
    wait_for(process, lambda: running(folder, 0, 2))
    process.send_signal(signal.SIGTERM)
    status, out, err = runs.finish(process)
    assert status == 143
    assert statuses(folder) == {0: "interrupted", 1: "pending"}
    assert f"go on with: python -m experiments resume '{folder}'" in err
    assert "Traceback" not in out + err

    process = runs.child(["-m", "experiments", "resume", str(folder)])
    wait_for(process, lambda: running(folder, 1, 3))
    first = record(folder, 0)
    assert first["status"] == "completed"
    below = family(process.pid)
    process.kill()
    process.communicate()
    assert gone({record(folder, 1)["pid"]})  # workers end with the sweep
    for pid in below:  # two agents of Ray's would follow only within a minute
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    status, out, err = runs.finish(runs.child(["-m", "experiments", "resume", str(folder)]))
    assert status == 0, out + err
    assert statuses(folder) == {0: "completed", 1: "completed"}
    assert record(folder, 0) == first  # not run again
    for number in ("0", "1"):
        runs.assert_exact(folder / number, finished / number)

"""Sweeps whose jobs or workers die, and sweeps that are killed (RELIABILITY 31-34)."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.conftest import environment
from tests.faults import runs
from tests.faults.sweeps import CONFIG, running, statuses, sweep, wait_for


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A sweep of three seeds that was left alone."""
    folder = tmp_path_factory.mktemp("finished") / "sweep"
    status, _, err = runs.finish(sweep(folder, "seed=1,2,3"))
    assert status == 0, err
    return folder


BROKEN = """
import sys
from experiments import evaluation, experiment, launch
whole = experiment.train
def train(model, dataset, **arguments):
    if arguments["seed"] == 2:
        raise RuntimeError("a bug in job 1")
    if arguments["seed"] == 3:
        sys.exit(7)
    return whole(model, dataset, **arguments)
experiment.train = train
import runpy
sys.argv[0] = str(launch.RUNNER)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_one_job_raises_and_one_exits_and_the_others_finish(tmp_path):
    folder = tmp_path / "sweep"
    arguments = ["-m", *CONFIG, "trainer.epochs=1", "seed=1,2,3,4", f"hydra.sweep.dir='{folder}'"]
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, *arguments],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert statuses(folder) == {0: "completed", 1: "failed", 2: "failed", 3: "completed"}
    assert "job 1 (seed=2): failed, RuntimeError: a bug in job 1" in done.stderr
    assert "job 2 (seed=3): failed, SystemExit: 7" in done.stderr
    assert (folder / "sweep.html").is_file()


def test_a_killed_worker_loses_its_own_job_only(tmp_path, finished):
    folder = tmp_path / "sweep"
    process = sweep(folder, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2,3")
    wait_for(process, lambda: running(folder, 0, 3))
    os.kill(json.loads((folder / "0" / "run.json").read_text())["pid"], signal.SIGKILL)
    status, _, err = runs.finish(process)
    assert status == 1
    assert statuses(folder) == {0: "failed", 1: "completed", 2: "completed"}
    assert "job 0 (seed=1): failed, its process was killed" in err
    assert "Traceback" not in err
    for number in (1, 2):
        runs.assert_exact(folder / str(number), finished / str(number))
    status, _, err = runs.finish(runs.child(["-m", "experiments", "resume", str(folder), "--retry-failed"]))
    assert status == 0, err
    runs.assert_exact(folder / "0", finished / "0")


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_killed_sweep_goes_on(tmp_path, finished, launcher):
    folder = tmp_path / "sweep"
    process = sweep(folder, f"hydra/launcher={launcher}", "seed=1,2,3")
    wait_for(process, lambda: running(folder, 1, 3))
    pids = {json.loads(path.read_text())["pid"] for path in folder.glob("*/run.json")} | {process.pid}
    if launcher == "joblib":  # workers whose parent is gone commit their jobs' states and leave
        process.kill()
        deadline = time.monotonic() + 30
        while any(map(psutil.pid_exists, pids - {process.pid})):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for pid in pids:
        with_pid_gone(pid)
    process.communicate()
    done_before = {
        path.parent.name: path.read_bytes()
        for path in folder.glob("*/run.json")
        if json.loads(path.read_text())["status"] == "completed"
    }
    status, out, err = runs.finish(runs.child(["-m", "experiments", "resume", str(folder)]))
    assert status == 0, out + err
    assert statuses(folder) == {0: "completed", 1: "completed", 2: "completed"}
    for name, record in done_before.items():
        assert (folder / name / "run.json").read_bytes() == record  # not run again
    for number in range(3):
        runs.assert_exact(folder / str(number), finished / str(number))


def with_pid_gone(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_an_interrupted_sweep_says_how_to_go_on_and_leaves_no_worker_behind(tmp_path):
    folder = tmp_path / "sweep"
    process = sweep(folder, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=1,2,3", "trainer.epochs=2000")
    wait_for(process, lambda: running(folder, 0, 2))
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    status, _, err = runs.finish(process)
    assert status == 143
    assert statuses(folder)[0] == "interrupted"
    assert statuses(folder)[2] == "pending"
    assert f"go on with: python -m experiments resume '{folder}'" in err
    assert "Traceback" not in err
    assert psutil.wait_procs(workers, timeout=10)[1] == []


def test_a_search_that_is_interrupted_is_interrupted_again_when_it_goes_on(tmp_path):
    folder = tmp_path / "sweep"
    space = ("model.dropout=interval(0.1,0.3)", "sweep.n_trials=3", "trainer.epochs=2000")
    process = sweep(folder, *space)
    for signum, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        wait_for(process, lambda: running(folder, 0, 2))
        process.send_signal(signum)
        code, out, err = runs.finish(process)
        assert code == status
        assert statuses(folder) == {0: "interrupted"}
        assert err.endswith(f"go on with: python -m experiments resume '{folder}'\n")
        assert "Traceback" not in out + err
        process = runs.resume(folder)
    process.kill()
    process.communicate()


def test_tables_written_by_many_at_once_lose_nothing(tmp_path, finished):
    folder = Path(shutil.copytree(finished, tmp_path / "sweep"))
    code = (
        "import sys; from pathlib import Path; from experiments.sweeps import files; from experiments.sweeps.ledger"
        " import Ledger\nfor _ in range(30): files.refresh(Ledger(Path(sys.argv[1])))"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)], env=environment(), stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    while any(writer.poll() is None for writer in writers):
        assert len(statuses(folder)) == 3  # complete at every moment
        time.sleep(0.01)
    assert [writer.communicate()[1] for writer in writers] == [""] * 4


def test_a_sweep_reads_its_plan_not_the_yaml_files(finished, tmp_path):
    folder = Path(shutil.copytree(finished, tmp_path / "sweep"))
    plan = json.loads((folder / "sweep.json").read_text())
    assert [job["config"]["seed"] for job in plan["jobs"]] == [1, 2, 3]
    assert np.unique([job["config"]["trainer"]["epochs"] for job in plan["jobs"]]).tolist() == [40]

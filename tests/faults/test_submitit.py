"""Sweeps through submitit's stand-in for Slurm on this machine: jobs that are killed, a parent that is interrupted."""

import os
import signal

import pytest

from tests.faults import runs
from tests.faults.sweeps import record, running, statuses, sweep, wait_for

pytest.importorskip("submitit")


def test_a_killed_job_is_lost_alone_and_an_interrupted_sweep_goes_on(tmp_path):
    folder = tmp_path / "sweep"
    process = sweep(folder, "hydra/launcher=submitit_local", "seed=3,4", "trainer.epochs=150")
    wait_for(process, lambda: running(folder, 0, 2) and running(folder, 1, 2))
    os.kill(record(folder, 0)["pid"], signal.SIGKILL)
    process.send_signal(signal.SIGTERM)
    status, out, err = runs.finish(process)
    assert status == 143
    assert statuses(folder) == {0: "failed", 1: "interrupted"}
    assert "job 0 (seed=3): failed, its process was killed" in err
    assert "Traceback" not in out + err

    status, out, err = runs.finish(runs.child(["-m", "experiments", "resume", str(folder), "--retry-failed"]))
    assert status == 0, out + err
    assert statuses(folder) == {0: "completed", 1: "completed"}

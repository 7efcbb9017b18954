"""Killed, interrupted, resumed: the end is byte-equal to that of a run that was left alone (RELIABILITY 1-8)."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from experiments.reports import freshness
from tests.conftest import PROJECT, environment
from tests.faults import runs


def test_a_kill_in_mid_epoch_and_a_lock_left_by_the_dead(tmp_path, reference):
    process = runs.start(tmp_path / "run")
    runs.strike(process, lambda: runs.past(tmp_path / "run", 3))
    assert process.wait() == -signal.SIGKILL
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "running"
    status, out, err = runs.finish(runs.resume(tmp_path / "run"))
    assert status == 0, err
    assert "epoch 3/60" not in out  # it went on from the checkpoint
    runs.assert_exact(tmp_path / "run", reference)


def test_a_kill_while_a_checkpoint_is_written(tmp_path, reference):
    folder = tmp_path / "run"
    process = runs.start(folder)
    runs.strike(process, lambda: runs.past(folder, 2) and [*folder.glob("checkpoints/.tmp-*")])
    process.wait()
    status, _, err = runs.finish(runs.resume(folder))
    assert status == 0, err
    runs.assert_exact(folder, reference)
    assert list(folder.glob("checkpoints/.tmp-*")) == []


def test_a_kill_while_patience_is_counted(tmp_path, reference):
    stopped_at = len(runs.history(reference)) - 1
    folder = tmp_path / "run"
    process = runs.start(folder)
    runs.strike(process, lambda: runs.past(folder, stopped_at - 3))
    process.wait()
    status, _, err = runs.finish(runs.resume(folder))
    assert status == 0, err
    runs.assert_exact(folder, reference)


RESUME = """
import sys
from experiments import cli
try:
    cli.main()
finally:
    print("with TensorFlow" if "tensorflow" in sys.modules else "without TensorFlow")
"""


def test_a_kill_while_reports_are_written(tmp_path, reference):
    folder = tmp_path / "run"
    process = runs.start(folder)
    runs.strike(process, (folder / "plots" / "training_curves.png").exists)
    process.wait()
    assert not (folder / "report.html").exists()
    # As an interruption before may have left it:
    (folder / "report.html").write_text("<p>Not finished.</p>")
    shutil.copy(folder / "plots" / "training_curves.png", folder / "plots" / ".tmp-0123456789ab.png")
    (folder / "plots" / "training_curves.png").write_bytes(b"of 18 epochs")
    before = {path.name: path.stat().st_mtime_ns for path in runs.checkpoints(folder)}
    status, out, err = runs.finish(runs.child(["-c", RESUME, "resume", str(folder)]))
    assert status == 0, err
    assert out == f"{folder}: finished already, its report is written\nwithout TensorFlow\n"  # nothing trained again
    assert {path.name: path.stat().st_mtime_ns for path in runs.checkpoints(folder)[-1:]} == dict([max(before.items())])
    assert runs.names(folder) == runs.names(reference)
    assert freshness.is_fresh(folder)
    assert "Not finished." not in (folder / "report.html").read_text()
    runs.assert_exact(folder, reference)


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_commits_a_checkpoint_and_says_how_to_go_on(tmp_path, reference, signum, status):
    folder = tmp_path / "run"
    process = runs.start(folder)
    runs.strike(process, lambda: runs.past(folder, 2), signum)
    sent = time.monotonic()
    while json.loads((folder / "run.json").read_text())["status"] == "running":
        assert time.monotonic() - sent < 2
        time.sleep(0.01)
    code, _, err = runs.finish(process)
    assert code == status
    assert f"resume '{folder}'" in err
    assert "Traceback" not in err
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert record["error"] == f"interrupted by {signal.Signals(signum).name}"
    assert "Not finished." in (folder / "report.html").read_text()
    code, _, err = runs.finish(runs.resume(folder))
    assert code == 0, err
    runs.assert_exact(folder, reference)
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "completed"
    assert len(record["resumed_at"]) == 1


def test_before_the_training_and_after_it_status_exit_and_message_agree(tmp_path, reference):
    folder = tmp_path / "run"
    process = runs.start(folder)
    runs.strike(process, (folder / "run.json").exists, signal.SIGTERM)
    code, _, err = runs.finish(process)
    assert (code, err) == (143, f"{folder}: interrupted; go on with: python -m experiments resume '{folder}'\n")
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"

    process = runs.resume(folder)
    runs.strike(process, (folder / "plots" / "training_curves.png").exists, signal.SIGINT)
    code, _, err = runs.finish(process)
    assert code == 130
    assert err == (
        f"{folder}: completed, then interrupted by SIGINT before all reports were written; write them with:"
        f" python -m experiments resume '{folder}'\n"
    )
    assert json.loads((folder / "run.json").read_text())["status"] == "completed"
    code, _, err = runs.finish(runs.resume(folder))
    assert code == 0, err
    assert "Not finished." not in (folder / "report.html").read_text()
    runs.assert_exact(folder, reference)


SIGNALS = ("tests.faults.random_signals", "--signals", "2", "--kinds", "run", "joblib", "--lasts", "8")


@pytest.mark.parametrize("script", [("tests.faults.random_kills", "--kills", "3"), SIGNALS], ids=["kills", "signals"])
def test_at_random_moments(tmp_path, script):
    done = subprocess.run(
        [sys.executable, "-m", *script, "--seed", "1", str(tmp_path)],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "exact" in done.stdout or "0 violations" in done.stdout

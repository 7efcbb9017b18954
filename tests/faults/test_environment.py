"""Damaged files, changed configs, a full disk, no memory, two processes (RELIABILITY 9-13, 15, 16, 18)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.checkpoints import Checkpoints
from experiments.config import ExperimentConfig
from experiments.config.composition import compose_command_line
from experiments.errors import ReportsMissing
from experiments.experiment import Surroundings, resume_experiment, run_experiment
from experiments.reports import freshness
from experiments.runs import Run, read
from tests.faults import runs


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory) -> Path:
    """A run that was killed after its third epoch, to be copied."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    process = runs.start(folder)
    runs.strike(process, lambda: runs.past(folder, 5) and len(runs.checkpoints(folder)) == 2)
    process.wait()
    return folder


@pytest.fixture
def copy(interrupted, tmp_path) -> Path:
    return Path(shutil.copytree(interrupted, tmp_path / "run"))


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(copy, reference, damage):
    newest = runs.checkpoints(copy)[-1]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    newest.write_bytes({"flipped": bytes(content), "cut": bytes(content[:1000]), "empty": b""}[damage])
    status, _, err = runs.finish(runs.resume(copy))
    assert status == 0, err
    assert f"{newest}: damaged" in err
    runs.assert_exact(copy, reference)


def test_a_changed_config_is_refused_and_the_difference_shown(copy):
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(text.replace("learning_rate: 0.0005", "learning_rate: 0.003"))
    before = runs.contents(copy)
    status, _, err = runs.finish(runs.resume(copy))
    assert status == 2
    assert "was changed since the run began" in err
    assert "  optimizer.learning_rate: 0.003, expected 0.0005" in err
    assert "Traceback" not in err
    assert runs.contents(copy) == before


def test_a_finished_run_says_so_and_nothing_changes(reference):
    before = runs.contents(reference)
    status, out, _ = runs.finish(runs.resume(reference))
    assert status == 0
    assert out == f"{reference}: finished already, nothing to do\n"
    assert {k: v for k, v in runs.contents(reference).items() if k != "runner.log"} == {
        k: v for k, v in before.items() if k != "runner.log"
    }


def test_a_second_process_is_refused_and_the_first_is_not_disturbed(tmp_path, reference):
    folder = tmp_path / "run"
    first = runs.start(folder)
    while not runs.past(folder, 1):
        assert first.poll() is None
    status, _, err = runs.finish(runs.resume(folder))
    assert status == 2
    assert f"{folder}: another process runs in this folder, expected none." in err
    status, _, err = runs.finish(first)
    assert status == 0, err
    runs.assert_exact(folder, reference)


@pytest.fixture
def small_disk(tmp_path):
    """A real, small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        not runs.is_root()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full_at_a_checkpoint(small_disk, tmp_path):
    kept = "trainer.keep_checkpoints=true"
    config = ("model.hidden_units=[512,256]", "trainer.epochs=60", "trainer.batch_size=32", kept)
    reference, folder = tmp_path / "reference", small_disk / "run"
    assert runs.finish(runs.start(reference, config=config))[0] == 0
    status, _, err = runs.finish(runs.start(folder, config=config))
    assert status == 1
    assert "No space left on device" in err
    assert "Traceback" not in err
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "failed"
    assert "No space left on device" in record["error"]
    assert Checkpoints(folder / "checkpoints").load() is not None
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    status, _, err = runs.finish(runs.resume(folder))
    assert status == 0, err
    runs.assert_exact(folder, reference)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def fill(disk: Path) -> None:
    with open(disk / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(b"0" * 4096)


def test_a_disk_that_is_full_at_the_start(small_disk):
    resize(small_disk, "4k")
    status, _, err = runs.finish(runs.start(small_disk / "run"))
    assert status == 1
    assert "failed, OSError: [Errno 28] No space left on device. Free it, or choose another folder." in err
    assert "Traceback" not in err
    assert list(small_disk.iterdir()) == []


TINY = ("model.hidden_units=[128,64]", "trainer.epochs=3")


def test_a_disk_that_is_full_before_the_first_record(small_disk, capsys):
    resize(small_disk, "4k")
    (config,) = [job.config for job in compose_command_line(TINY).jobs]
    assert run_experiment(config, small_disk, "") == "failed"
    assert "failed, OSError: [Errno 28] No space left on device" in capsys.readouterr().err
    assert not (small_disk / "run.json").exists()


@pytest.mark.parametrize(("size", "missing"), [("600k", "plots/.*, report"), ("1m", "report")])
def test_a_disk_that_is_full_at_a_report_leaves_the_run_completed(small_disk, size, missing):
    resize(small_disk, size)
    (config,) = [job.config for job in compose_command_line(TINY).jobs]
    with pytest.raises(ReportsMissing, match=rf"completed, but without {missing}\.html: OSError: .*No space left"):
        run_experiment(config, small_disk, "", Surroundings(quiet=True))
    record = read(small_disk)
    assert (record["status"], record["error"]) == ("completed", None)
    assert not freshness.is_fresh(small_disk)
    resize(small_disk, "50m")
    assert resume_experiment(small_disk, Surroundings(quiet=True)) == "completed"
    assert read(small_disk) == record
    assert freshness.is_fresh(small_disk)
    assert [path for path in small_disk.rglob("*") if path.name.startswith((".tmp", ".lock"))] == []


def test_the_end_of_a_run_finds_room_on_a_full_disk(small_disk):
    """What can be spared gives way: temporary files, the older checkpoint, reports of before."""
    resize(small_disk, "200k")
    (config,) = [job.config for job in compose_command_line(TINY).jobs]
    run = Run.start(small_disk, config, "")
    run.save()
    (small_disk / "checkpoints").mkdir()
    for name in ("epoch-0000001-step-000000000.npz", "epoch-0000002-step-000000000.npz", ".tmp-0.npz"):
        (small_disk / "checkpoints" / name).write_bytes(b"0" * 20_000)
    with pytest.raises(OSError, match="No space left"):
        fill(small_disk)
    run.finish("failed", "a full disk")
    assert read(small_disk)["status"] == "failed"
    assert [path.name for path in runs.checkpoints(small_disk)] == ["epoch-0000002-step-000000000.npz"]


def test_a_disk_that_is_full_at_a_report_leaves_the_old_one(small_disk, reference):
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    folder = Path(shutil.copytree(reference, small_disk / "run"))
    with open(small_disk / "filler", "wb") as filler, pytest.raises(OSError, match="No space left"):  # noqa: PT012
        while True:
            filler.write(b"\0" * 65536)
            filler.flush()
    before = (folder / "report.html").read_bytes()
    status, _, err = runs.finish(runs.child(["-m", "experiments", "report", str(folder)]))
    assert status == 1
    assert "No space left on device" in err
    assert "Traceback" not in err
    assert (folder / "report.html").read_bytes() == before


def test_no_memory_is_a_failure_with_its_cause(tmp_path):
    folder = tmp_path / "run"
    status, _, err = runs.finish(runs.start(folder, config=("model.hidden_units=[1000000,1000000]",)))
    assert status == 1
    assert "Traceback" not in err
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "failed"
    assert "OOM when allocating" in record["error"] or "memory" in record["error"].lower()


def test_a_clock_set_back_gives_no_negative_duration(tmp_path, copy):
    config = ExperimentConfig.model_validate(json.loads((copy / "run.json").read_text())["config"])
    run = Run.start(tmp_path, config, "")
    run.update(started_at="2999-01-01T00:00:00+00:00")  # what the clock said before it was set back
    run.finish("completed")
    assert 0 <= run.record["duration_seconds"] < 5


def test_a_clock_set_back_does_not_change_which_checkpoint_is_newest(copy, reference):
    older, newer = runs.checkpoints(copy)
    os.utime(newer, (0, 0))
    assert older.stat().st_mtime > newer.stat().st_mtime
    loaded = Checkpoints(copy / "checkpoints").load()
    assert loaded is not None
    assert loaded["epoch"] == int(newer.name.split("-")[1])

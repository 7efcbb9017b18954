"""Locks of folders: one process at a time, asking takes nothing, nothing stays behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from experiments import launch, locks, new_folders, runs
from experiments.config.composition import compose_command_line
from experiments.errors import UserError
from experiments.files import write_json
from experiments.sweeps.ledger import Ledger
from tests.conftest import environment
from tests.faults.runs import contents

HOLD = """
import sys, time
from pathlib import Path
from experiments import locks
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
POLL = """
import sys
from pathlib import Path
from experiments import locks
print("asking", flush=True)
while True:
    locks.is_held(Path(sys.argv[1]))
"""


def child(code: str, path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture
def other(tmp_path) -> Iterator["subprocess.Popen[str]"]:
    """Another process, which holds the lock of a folder."""
    process = child(HOLD, tmp_path / runs.LOCK)
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_seen_and_refused_until_it_is_dead(tmp_path, other):
    assert runs.is_locked(tmp_path)
    with pytest.raises(UserError, match="another process runs in this folder"), runs.locked(tmp_path):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not runs.is_locked(tmp_path)
    with runs.locked(tmp_path):
        assert runs.is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_asking_takes_nothing_and_makes_no_file(tmp_path):
    assert not runs.is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []
    asking = [child(POLL, tmp_path / runs.LOCK) for _ in range(2)]
    try:
        for _ in range(2000):
            with runs.locked(tmp_path):  # never refused
                pass
    finally:
        for process in asking:
            process.kill()
            process.communicate()


def test_asking_in_the_same_process_does_not_give_up_the_lock(tmp_path):
    with runs.locked(tmp_path):
        assert runs.is_locked(tmp_path)
        code = "import sys; from pathlib import Path; from experiments import runs; print(runs.is_locked(Path('.')))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
        )
        assert done.stdout == "True\n"


def test_who_waits_takes_turns_in_threads_too(tmp_path):
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(100):
            with locks.held(tmp_path / "lock", wait=True):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inside, most) == (0, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").touch()
    (tmp_path / runs.LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="cannot be written to"), runs.locked(tmp_path):
        pass
    assert not runs.is_locked(tmp_path)


@pytest.mark.parametrize("multirun", [[], ["-m", "seed=1,2"]])
def test_a_second_start_in_the_same_folder_is_refused_before_anything_is_written(tmp_path, other, multirun):
    key = "sweep" if multirun else "run"
    with ExitStack() as folders, pytest.raises(UserError, match="another process runs in this folder"):
        launch.prepare([*multirun, f"hydra.{key}.dir={tmp_path}"], folders)
    assert [path.name for path in tmp_path.iterdir()] == [runs.LOCK]  # the other's


@pytest.mark.parametrize(("file", "kind"), [("run.json", "run"), ("sweep.json", "sweep")])
def test_a_folder_that_holds_a_run_or_a_sweep_is_refused(tmp_path, file, kind):
    (tmp_path / file).write_text("{}")
    with pytest.raises(UserError, match=f"holds a {kind} already, expected a new folder. Choose another hydra.{kind}"):
        new_folders.use(tmp_path)
    with pytest.raises(UserError, match=f"holds a {kind} already"), new_folders.reserved(tmp_path, named=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("named", [True, False])
def test_a_start_that_is_refused_leaves_no_folder(tmp_path, named):
    wanted = tmp_path / "outputs" / "name"
    wanted.parent.mkdir()
    with new_folders.reserved(wanted, named=named) as folder:
        (folder / ".hydra").mkdir()
        (folder / "runner.log").touch()
    assert not wanted.exists()
    with new_folders.reserved(wanted, named=named) as folder:
        (folder / "run.json").write_text("{}")
    assert os.listdir(wanted) == ["run.json"]


def test_a_folder_of_the_users_stays(tmp_path):
    with new_folders.reserved(tmp_path, named=True):
        (tmp_path / "notes.txt").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_failed_jobs_of_a_running_sweep_are_not_touched(tmp_path, other):
    arguments = ["-m", "seed=1,2"]
    ledger = Ledger.create(tmp_path, compose_command_line(arguments).jobs, arguments, "")
    for number in range(2):
        ledger.job_folder(number).mkdir()
        write_json(ledger.job_folder(number) / runs.RECORD, {"status": "failed", "error": "a bug"})
    before = contents(tmp_path)
    with ExitStack() as folders, pytest.raises(UserError, match="another process runs in this folder"):
        launch.prepare(["--resume", str(tmp_path), "--retry-failed"], folders)
    assert contents(tmp_path) == before

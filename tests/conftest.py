"""What tests share: the project's commands in child processes, and an outputs folder of each test's own."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]


class Finished:
    """A command that ended: its exit status and what it printed."""

    def __init__(self, done: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        self.folder = folder

    @property
    def run_folders(self) -> list[Path]:
        return sorted(path.parent for path in self.folder.glob("**/run.json"))

    @property
    def run_folder(self) -> Path:
        (folder,) = self.run_folders
        return folder

    @property
    def record(self) -> dict[str, Any]:
        return json.loads((self.run_folder / "run.json").read_text())


def environment(**changes: str) -> dict[str, str]:
    """This process's environment with the project importable and no terminal width or colour of its own."""
    return os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100"} | changes


def run_command(folder: Path, program: str, *arguments: str, timeout: float = 120, **env: str) -> Finished:
    """Run one of the project's commands in a folder, as a user would: `runner.py`, or `experiments` for the other."""
    start = ["-m", "experiments"] if program == "experiments" else [str(PROJECT / program)]
    done = subprocess.run(
        [sys.executable, *start, *arguments],
        cwd=folder,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Finished(done, folder)


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Finished]:
    """`run_command` in an empty folder: `command("runner.py", "dataset=mnist")`."""
    return functools.partial(run_command, tmp_path)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """`python -m experiments …` in this process and an empty folder; what it returns has `status`, `out` and `err`."""
    from experiments import cli

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr("sys.argv", ["experiments", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(status=ended.value.code or 0, out=said.out, err=said.err)

    monkeypatch.chdir(tmp_path)
    return run

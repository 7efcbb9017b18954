"""A fresh shell: packages that are not there, the console script."""

import importlib
import subprocess
import sys
import tomllib

import pytest

from experiments import missing
from experiments.signals import stop
from tests.conftest import PROJECT


@pytest.mark.parametrize("program", [[str(PROJECT / "runner.py")], ["-m", "experiments"]])
def test_without_its_packages_one_sentence_says_what_to_install(program):
    done = subprocess.run(
        [sys.executable, "-S", "-E", *program, "--help"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"This Python ({sys.executable}) lacks the package ")
    assert "source .venv/bin/activate" in done.stderr


def test_what_to_install_depends_on_what_is_there(tmp_path):
    text = missing.sentence("hydra", tmp_path, True)
    expected = f"lacks the package hydra; install the project with Python 3.11 to 3.13, in {tmp_path}: python3 -m venv"
    assert expected in text
    assert f"is {sys.version_info[0]}.{sys.version_info[1]}; install" in missing.sentence("hydra", tmp_path, False)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    assert missing.sentence("hydra", tmp_path, True).endswith(
        f"lacks the package hydra; use the one in {tmp_path}: source .venv/bin/activate"
    )


def test_a_mistake_of_our_own_is_no_missing_package():
    for error in (ModuleNotFoundError("x", name="experiments.gone"), ImportError("cannot import name", name="hydra")):
        with pytest.raises(ImportError):
            missing.leave(error)


def test_the_console_script_is_the_same_command(monkeypatch, capsys):
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["experiments"].partition(":")
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/experiments", "--help"])
    with pytest.raises(SystemExit) as ended:
        getattr(importlib.import_module(module), name)()
    stop.uninstall()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: experiments [OPTIONS] COMMAND")
